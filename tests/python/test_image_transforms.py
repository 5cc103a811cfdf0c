"""Geometry and outputs of image transforms against the live Pillow, torch and torchvision.

Where torchvision is not installed, what is compared with it alone is skipped, loudly. The number of
random cases is MILLRACE_TEST_CASES times the usual one; MILLRACE_TEST_SEED begins them elsewhere.
"""

import io
import os
import pickle

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter, ImageOps

import millrace

CASES = float(os.environ.get("MILLRACE_TEST_CASES", "1"))
SEED = int(os.environ.get("MILLRACE_TEST_SEED", "0"))
FILTERS = {
    "nearest": Image.NEAREST,
    "box": Image.BOX,
    "bilinear": Image.BILINEAR,
    "hamming": Image.HAMMING,
    "bicubic": Image.BICUBIC,
    "lanczos": Image.LANCZOS,
}
BYTES = millrace.image_output("uint8", "hwc")


def cases(count: int) -> int:
    return max(1, int(count * CASES))


def random_image(rng, largest: int = 200) -> np.ndarray:
    """Noise, or a gradient with saturated pixels: both ends of the range are where results are clipped."""
    height, width = rng.integers(1, largest + 1, size=2)
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    if rng.integers(2):
        image[rng.random((height, width)) < 0.3] = 255
        image[rng.random((height, width)) < 0.3] = 0
    return image


@pytest.fixture(scope="session")
def torchvision():
    return pytest.importorskip("torchvision", reason="SKIPPED for want of torchvision")


@pytest.mark.parametrize("filter", FILTERS)
def test_any_size_filter_and_box_resize_to_pillows_bytes(filter):
    rng = np.random.default_rng(SEED + 7)
    for _ in range(cases(200)):
        image = random_image(rng, int(rng.choice([12, 60, 250])))
        height, width = image.shape[:2]
        size = tuple(int(side) for side in rng.integers(1, int(rng.choice([8, 60, 200])), size=2))
        box = None
        if rng.integers(2):
            left, right = np.sort(rng.uniform(0, width, 2))
            top, bottom = np.sort(rng.uniform(0, height, 2))
            if rng.integers(2):
                left, top, right, bottom = int(left), int(top), int(right) + 1, int(bottom) + 1
            box = (float(left), float(top), float(right), float(bottom))
        expected = np.asarray(Image.fromarray(image).resize(size[::-1], FILTERS[filter], box=box))
        ours = millrace.resize(image, size, filter, box).numpy()
        assert np.array_equal(ours, expected), (image.shape, size, filter, box)


@pytest.mark.parametrize("filter", ["bilinear", "bicubic"])
def test_resizes_and_crops_equal_torchvisions(torchvision, filter):
    from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Resize

    rng = np.random.default_rng(SEED + 8)
    mode = InterpolationMode(filter)
    for _ in range(cases(100)):
        image = random_image(rng)
        short = int(rng.integers(1, 120))
        crop = tuple(int(side) for side in rng.integers(1, 150, size=2))
        pil = Image.fromarray(image)
        expected = np.asarray(Compose([Resize(short, mode), CenterCrop(crop)])(pil))
        ours = millrace.image_transform(
            [millrace.resize_shortest(short, filter), millrace.center_crop(crop)], BYTES
        )
        assert np.array_equal(ours(image).numpy(), expected), (image.shape, short, crop)
        expected = np.asarray(Compose([CenterCrop(crop), Resize((50, 40), mode)])(pil))
        ours = millrace.image_transform([millrace.center_crop(crop), millrace.resize_exact((50, 40), filter)], BYTES)
        assert np.array_equal(ours(image).numpy(), expected), (image.shape, crop)


@pytest.mark.parametrize("resize_mode", ["shortest", "longest", "squash"])
def test_open_clips_eval_transforms(resize_mode):
    transform = pytest.importorskip("open_clip.transform", reason="SKIPPED for want of open_clip")
    rng = np.random.default_rng(SEED + 9)
    for _ in range(cases(60)):
        image = random_image(rng, 300)
        if max(image.shape[:2]) > 20 * min(image.shape[:2]):
            continue  # a side becomes nothing, which open_clip refuses as well
        size = int(rng.integers(20, 120))
        size = size if rng.integers(2) else (size, int(rng.integers(20, 120)))
        fill = int(rng.integers(0, 256))
        reference = transform.image_transform(
            size, is_train=False, resize_mode=resize_mode, fill_color=fill
        )
        ours = millrace.image_transform(millrace.open_clip_steps(size, resize_mode, fill=fill))
        assert torch.equal(ours(image), reference(Image.fromarray(image))), (image.shape, size)


def test_a_random_resized_crop_draws_as_torchvisions(torchvision):
    """The boxes have torchvision's distribution: their areas and aspect ratios have equal quantiles."""
    from torchvision.transforms import RandomResizedCrop

    # An image whose pixels say where they are: the crop's first and last one give the box.
    y, x = np.mgrid[0:200, 0:200]
    image = np.stack([x, y, x * 0], axis=-1).astype(np.uint8)
    ours = millrace.image_transform([millrace.random_resized_crop(64, filter="nearest")], BYTES)
    boxes = []
    for seed in range(3000):
        made = ours(image, seed).numpy().astype(int)
        boxes.append((made[-1, -1, 0] - made[0, 0, 0] + 1, made[-1, -1, 1] - made[0, 0, 1] + 1))
    torch.manual_seed(1)
    pil = Image.fromarray(image)
    drawn = [RandomResizedCrop.get_params(pil, (0.08, 1.0), (3 / 4, 4 / 3)) for _ in range(3000)]
    theirs = [(width, height) for _, _, height, width in drawn]
    for of in (lambda w, h: w * h / 40000, lambda w, h: w / h):
        a = np.quantile([of(*box) for box in boxes], np.linspace(0.05, 0.95, 10))
        b = np.quantile([of(*box) for box in theirs], np.linspace(0.05, 0.95, 10))
        assert np.abs(a - b).max() < 0.06


@pytest.mark.parametrize("filter", ["bilinear", "bicubic"])
def test_a_random_resized_crop_gives_torchvisions_bytes(torchvision, filter):
    from torchvision.transforms import InterpolationMode, functional

    rng = np.random.default_rng(SEED + 11)
    for seed in range(cases(100)):
        image = random_image(rng, 400)
        height, width = image.shape[:2]
        # Of pixels that say where they are, at least as many as there were: the first and the last give the box.
        y, x = np.mgrid[0:height, 0:width]
        places = np.stack([x & 255, y & 255, x >> 8 | y >> 8 << 4], axis=-1).astype(np.uint8)
        drawn = dict(scale=(0.01, 1.0), ratio=(0.5, 3.0)) if rng.integers(2) else {}
        find = millrace.image_transform([millrace.random_resized_crop(401, filter="nearest", **drawn)], BYTES)
        ends = find(places, seed).numpy()[[0, -1], [0, -1]].astype(int)
        (left, right), (top, bottom) = ends[:, 0] + (ends[:, 2] % 16 << 8), ends[:, 1] + (ends[:, 2] >> 4 << 8)
        size = tuple(int(side) for side in rng.integers(1, 150, size=2))
        box = (top, left, bottom - top + 1, right - left + 1)
        box = tuple(int(edge) for edge in box)
        expected = functional.resized_crop(Image.fromarray(image), *box, size, InterpolationMode(filter))
        ours = millrace.image_transform([millrace.random_resized_crop(size, filter=filter, **drawn)], BYTES)
        assert np.array_equal(ours(image, seed).numpy(), np.asarray(expected)), (seed, image.shape, box, size)


@pytest.mark.parametrize("larger", [False, True])
def test_hugging_faces_clip_steps(larger):
    module = pytest.importorskip(
        "transformers.models.clip.image_processing_pil_clip", reason="SKIPPED for want of transformers"
    )
    rng = np.random.default_rng(SEED + 12)
    for _ in range(cases(30)):
        image = random_image(rng)
        size = int(rng.integers(1, 100))
        crop = int(rng.integers(size, 2 * size + 2)) if larger else None
        sides = {"height": crop or size, "width": crop or size}
        reference = module.CLIPImageProcessorPil(size={"shortest_edge": size}, crop_size=sides)
        expected = reference(Image.fromarray(image), return_tensors="pt")["pixel_values"][0]
        ours = millrace.image_transform(millrace.hugging_face_clip_steps(size, crop=crop))
        assert torch.equal(ours(image), expected), (image.shape, size, crop)


@pytest.mark.parametrize("normalize", millrace.NORMALIZATIONS)
@pytest.mark.parametrize("layout", ["chw", "hwc"])
def test_outputs_equal_torchs_conversions(normalize, layout):
    means = {
        "clip": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
        "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        "siglip": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        "inception": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    }
    assert millrace.NORMALIZATIONS == means
    image = np.random.default_rng(SEED + 10).integers(0, 256, (67, 131, 3), dtype=np.uint8)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in means[normalize])
    chw = torch.from_numpy(image).permute(2, 0, 1)
    floats = chw.to(torch.float32).div(255).sub(mean).div(std)
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        output = millrace.image_output(str(dtype).removeprefix("torch."), layout, normalize)
        ours = millrace.image_transform([millrace.resize_exact((67, 131))], output)(image)
        expected = floats.to(dtype)
        assert ours.dtype == dtype
        assert torch.equal(ours, expected if layout == "chw" else expected.permute(1, 2, 0))
    ours = millrace.image_transform([millrace.resize_exact((67, 131))], millrace.image_output("uint8", layout))
    assert torch.equal(ours(image), chw if layout == "chw" else torch.from_numpy(image))


@pytest.mark.parametrize("normalize", millrace.NORMALIZATIONS)
def test_bytes_are_normalised_later_to_the_same_floats(normalize):
    image = np.arange(256 * 3, dtype=np.uint8).reshape(16, 16, 3)
    of = lambda output: millrace.image_transform(millrace.resize_exact(16), output)(image)  # noqa: E731
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in millrace.NORMALIZATIONS[normalize])
    x = of(millrace.image_output("uint8"))
    expected = of(millrace.image_output(normalize=normalize))
    assert torch.equal(x.float().div(255).sub(mean).div(std), expected)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (dict(dtype="uint8", normalize="clip"), ValueError, "uint8 is not normalised"),
        (dict(dtype="uint8", mean=(0, 0, 0), std=(1, 1, 1)), ValueError, "uint8 is not normalised"),
        (dict(normalize="bogus"), ValueError, "normalize = 'bogus': must be one of clip"),
        (dict(normalize="clip", mean=(0, 0, 0), std=(1, 1, 1)), ValueError, "either normalize"),
        (dict(mean=(0, 0, 0)), ValueError, "mean and std"),
        (dict(mean=0.5, std=0.5), TypeError, r"mean = 0.5: must be \(red, green, blue\)"),
        (dict(mean=(0, 0, 0), std=(1, 1)), ValueError, r"std = \(1, 1\)"),
        (dict(mean=(0, 0, float("inf")), std=(1, 1, 1)), ValueError, "mean = inf: must be finite"),
    ],
)
def test_outputs_that_contradict_themselves_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        millrace.image_output(**arguments)


NAN = float("nan")


@pytest.mark.parametrize(
    "step, arguments, error, message",
    [
        ("resize_exact", ((20.7, 30),), TypeError, "size = 20.7: must be an integer"),
        ("resize_exact", (20.7,), TypeError, "size = 20.7"),
        ("resize_exact", ("20",), TypeError, "size = '20'"),
        ("resize_exact", ((20, 30, 3),), ValueError, r"size = \(20, 30, 3\)"),
        ("resize_exact", (20, Image.BICUBIC), TypeError, "filter = "),
        ("center_crop", (20, "floor", 2.5), TypeError, "fill = 2.5"),
        ("center_crop", (20, "floor", (1, 2)), ValueError, r"fill = \(1, 2\)"),
        ("random_resized_crop", (20, 0.5), TypeError, r"scale = 0.5: must be \(low, high\)"),
        ("random_resized_crop", (20, (0.1, 1), (1, NAN)), ValueError, "ratio = nan"),
        ("horizontal_flip", ("x",), TypeError, "probability = 'x'"),
        ("color_jitter", (NAN,), ValueError, "brightness = nan: must be finite"),
        ("color_jitter", (0, 0, 0, (0, 0, 0)), ValueError, r"hue = \(0, 0, 0\)"),
        ("gaussian_blur", ((0.1, NAN),), ValueError, "sigma = nan"),
        ("gaussian_blur", ((0.1, 2), 0.5, 2.5), TypeError, "kernel_size = 2.5"),
        ("solarize", (float("inf"),), ValueError, "threshold = inf"),
        ("rand_augment", (2.5,), TypeError, "num_ops = 2.5"),
        ("open_clip_train_steps", (20, (0.9, 1), 0.5, 1), TypeError, "color_jitter = 0.5"),
        ("simclr_steps", (20, NAN), ValueError, "strength = nan"),
    ],
)
def test_a_wrong_argument_of_a_step_is_an_error_that_names_it(step, arguments, error, message):
    with pytest.raises(error, match=message):
        getattr(millrace, step)(*arguments)


def test_steps_take_numpys_numbers():
    assert millrace.resize_exact(np.int64(20)) == millrace.resize_exact(20)
    assert millrace.resize_exact(np.array([20, 30])) == millrace.resize_exact((20, 30))
    assert millrace.color_jitter(np.float32(0.5)) == millrace.color_jitter(0.5)
    assert millrace.random_resized_crop(20, np.array([0.5, 1])) == millrace.random_resized_crop(20, (0.5, 1))
    step = {"step": "resize", "to": "exact", "size": np.int64(20)}
    assert millrace.image_transform(step, views=np.int32(1))(np.zeros((5, 5, 3), np.uint8)).shape == (3, 20, 20)


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: millrace.image_transform([{"step": "grayscale", "probability": NAN}]), ValueError,
         r"transform.steps\[0\].probability = nan: must be finite"),
        (lambda: millrace.image_transform([]), ValueError, "step"),
        (lambda: millrace.image_transform([[None]]), TypeError, r"steps\[0\]\[0\] = None: must be steps"),
        (lambda: millrace.image_transform("resize"), TypeError, "steps = 'resize': must be steps"),
        (lambda: millrace.image_transform(millrace.resize_exact(9), views=1.5), TypeError, "views = 1.5"),
        (lambda: millrace.image_transform(millrace.resize_exact(9), ratio=1), TypeError,
         r"^image_transform\(\) got an unexpected keyword argument 'ratio'"),
        (lambda: millrace.clip_transform(9, ratio=1), TypeError, r"^clip_transform\(\) got an unexp.* 'ratio'"),
        (lambda: millrace.clip_transform((9, 8)), TypeError, "size = "),
        (lambda: millrace.clip_train_transform(9, normalize="clip"), TypeError,
         r"^clip_train_transform\(\) got an unexpected keyword argument 'normalize'"),
        (lambda: millrace.siglip_transform(9, alhpa="drop"), TypeError,
         r"^siglip_transform\(\) got an unexpected keyword argument 'alhpa'; did you mean 'alpha'"),
        (lambda: millrace.image_patches(size=9), TypeError, r"^image_patches\(\) got an unexpected .* 'size'"),
        (lambda: millrace.clip_transform(9)(np.zeros((9, 9, 3), np.uint8), seed=1.5), TypeError, "seed = 1.5"),
    ],
)  # fmt: skip
def test_a_wrong_argument_of_a_transform_is_an_error_that_names_it(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_one_step_and_tuples_of_steps_are_steps():
    crop, gray = millrace.center_crop(20), millrace.grayscale(0.5)
    listed = millrace.image_transform([crop, gray])
    assert millrace.image_transform([(crop, [gray])]).describe() == listed.describe()
    assert millrace.image_transform((crop, gray)).describe() == listed.describe()
    assert millrace.image_transform(crop).describe() == millrace.image_transform([crop]).describe()


def test_presets_hand_over_as_asked_for():
    image = np.random.default_rng(4).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    for preset, steps in (
        (millrace.clip_train_transform, millrace.open_clip_train_steps(20)),
        (millrace.siglip_transform, millrace.open_clip_steps(20, "squash")),
    ):
        expected = millrace.image_transform(steps, BYTES)(image, 3)
        assert torch.equal(preset(20, output=BYTES)(image, 3), expected)
    narrow = millrace.clip_train_transform(20, ratio=(1, 1.1))
    assert narrow.describe()["steps"][0]["ratio"] == [1.0, 1.1]
    assert millrace.simclr_steps(20, filter="bilinear")[0]["filter"] == "bilinear"


@pytest.mark.parametrize(
    "made",
    [
        millrace.clip_transform(24, alpha="composite"),
        millrace.clip_pixels(24),
        millrace.siglip_transform(24, output=BYTES),
        millrace.image_transform(millrace.simclr_steps(24), views=2, stream=1, fast_scale=True),
        millrace.image_patches("mask", max_patches=9, truncated="keep"),
    ],
    ids=lambda made: type(made).__name__,
)
def test_the_text_of_a_transform_is_the_call_that_makes_it(made):
    text = repr(made)
    assert "\n" not in text
    assert eval(text, vars(millrace)).describe() == made.describe()


def test_a_flip_is_numpys():
    image = np.random.default_rng(2).integers(0, 256, (31, 77, 3), dtype=np.uint8)
    flip = millrace.image_transform([millrace.center_crop((31, 77)), millrace.horizontal_flip(1.0)], BYTES)
    assert np.array_equal(flip(image).numpy(), image[:, ::-1])


def changed(step: dict, image: np.ndarray) -> np.ndarray:
    """What one step makes of all of an image."""
    return millrace.image_transform([millrace.center_crop(image.shape[:2]), step], BYTES)(image).numpy()


def random_factor(rng) -> float:
    """Between the image's own and what enhances it, or far beyond, as the float32 that torchvision draws."""
    drawn = rng.choice([0.0, rng.uniform(0, 1), rng.uniform(1, 2.5), rng.uniform(0, 30)])
    return float(np.float32(drawn))


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation", "hue"])
def test_each_part_of_a_color_jitter_equals_torchvisions(torchvision, name):
    from torchvision.transforms import functional

    reference = getattr(functional, f"adjust_{name}")
    rng = np.random.default_rng(SEED + 20)
    for _ in range(cases(500)):
        image = random_image(rng)
        factor = float(np.float32(rng.uniform(-0.5, 0.5))) if name == "hue" else random_factor(rng)
        expected = np.asarray(reference(Image.fromarray(image), factor))
        ours = changed(millrace.color_jitter(**{name: (factor, factor)}), image)
        assert np.array_equal(ours, expected), (image.shape, factor)


def test_a_color_jitter_is_torchvisions_in_one_of_its_orders(torchvision):
    from itertools import permutations

    from torchvision.transforms import functional

    image = random_image(np.random.default_rng(SEED + 21), 60)
    factors = {"brightness": 1.25, "contrast": 0.625, "saturation": 1.5, "hue": 0.125}
    expected = {}
    for order in permutations(factors):
        pil = Image.fromarray(image)
        for name in order:
            pil = getattr(functional, f"adjust_{name}")(pil, factors[name])
        expected[np.asarray(pil).tobytes()] = order
    jitter = millrace.color_jitter(**{name: (factor, factor) for name, factor in factors.items()})
    transform = millrace.image_transform([millrace.center_crop(image.shape[:2]), jitter], BYTES)
    found = {expected[transform(image, seed).numpy().tobytes()] for seed in range(400)}
    assert len(found) == len(expected)


def test_every_colour_turns_its_hue_and_fades_as_pillows(torchvision):
    from torchvision.transforms import functional

    colors = np.arange(1 << 24, dtype=np.uint32)[:: 1 if CASES >= 10 else 17]
    colors = np.resize(colors, (colors.size + 1023) // 1024 * 1024).reshape(-1, 1024)
    image = np.stack([colors >> 16, colors >> 8 & 255, colors & 255], -1).astype(np.uint8)
    for top in range(0, image.shape[0], 8192):
        part = image[top : top + 8192]
        pil = Image.fromarray(part)
        for hue in (0.5, -0.25, 0.0703125):
            expected = np.asarray(functional.adjust_hue(pil, hue))
            assert np.array_equal(changed(millrace.color_jitter(hue=(hue, hue)), part), expected)
        expected = np.asarray(functional.adjust_saturation(pil, 0.75))
        assert np.array_equal(changed(millrace.color_jitter(saturation=(0.75, 0.75)), part), expected)
        assert np.array_equal(changed(millrace.grayscale(1), part), np.asarray(pil.convert("L").convert("RGB")))


def test_any_blur_equals_pillows():
    rng = np.random.default_rng(SEED + 22)
    for _ in range(cases(500)):
        image = random_image(rng, int(rng.choice([6, 60, 250])))
        sigma = float(np.float32(rng.choice([rng.uniform(0, 2), rng.uniform(0, 12), rng.uniform(0, 64)])))
        expected = np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(sigma)))
        ours = changed(millrace.gaussian_blur((sigma, sigma), 1), image)
        assert np.array_equal(ours, expected), (image.shape, sigma)


def test_a_blur_with_a_kernel_equals_torchvisions(torchvision):
    from torchvision.transforms import functional

    rng = np.random.default_rng(SEED + 27)
    compared = different = 0
    for _ in range(cases(300)):
        size = 2 * int(rng.choice([rng.integers(0, 4), rng.integers(0, 16), 11])) + 1
        image = random_image(rng, int(rng.choice([30, 60, 250])))
        if min(image.shape[:2]) <= size // 2:
            continue  # torch has no mirror for these
        sigma = float(np.float32(rng.choice([rng.uniform(0.1, 2), rng.uniform(0.01, 20)])))
        expected = np.asarray(functional.gaussian_blur(Image.fromarray(image), size, sigma))
        ours = changed(millrace.gaussian_blur((sigma, sigma), 1, size), image)
        assert np.abs(ours.astype(int) - expected).max() <= 1, (image.shape, size, sigma)
        compared += ours.size
        different += np.count_nonzero(ours != expected)
    # torch's own exponential is not always the nearest float.
    assert different <= max(1, 1e-6 * compared), (different, compared)


def test_solarizing_equals_pillows():
    rng = np.random.default_rng(SEED + 23)
    for threshold in [0, 1, 127.5, 128, 255, 255.5, 256, -1, *rng.uniform(0, 256, cases(100)).tolist()]:
        threshold = float(np.float32(threshold))
        image = random_image(rng, 40)
        expected = np.asarray(ImageOps.solarize(Image.fromarray(image), threshold))
        assert np.array_equal(changed(millrace.solarize(threshold, 1), image), expected), threshold


def test_each_operation_of_a_rand_augment_equals_torchvisions(torchvision):
    """Every result of one operation is one of torchvision's, and each of those is found."""
    from torchvision.transforms import InterpolationMode, RandAugment
    from torchvision.transforms.autoaugment import _apply_op

    rng = np.random.default_rng(SEED + 25)
    for _ in range(cases(40)):
        image = random_image(rng, int(rng.choice([5, 40, 160])))
        if rng.integers(2):
            image = image // 3 + 40  # with contrast to gain
        bins = int(rng.choice([2, 10, 31, 31, 100]))
        magnitude = int(rng.integers(bins))
        fill = [int(channel) for channel in rng.integers(0, 256, 3)]
        space = RandAugment(num_magnitude_bins=bins)._augmentation_space(bins, image.shape[:2])
        expected = {}
        for name, (magnitudes, signed) in space.items():
            value = float(magnitudes[magnitude].item()) if magnitudes.ndim else 0.0
            for sign in (1, -1) if signed else (1,):
                arguments = (Image.fromarray(image), name, sign * value, InterpolationMode.NEAREST, fill)
                expected[np.asarray(_apply_op(*arguments)).tobytes()] = (name, sign)
        augment = millrace.rand_augment(1, magnitude, bins, fill)
        ours = millrace.image_transform([millrace.center_crop(image.shape[:2]), augment], BYTES)
        made = {ours(image, seed).numpy().tobytes() for seed in range(300)}
        assert made == set(expected), (image.shape, bins, magnitude)


def test_open_clips_train_transform_with_its_colours():
    """After the crop, and of given factors: coloured or not, grey or not, each as often as asked for."""
    from collections import Counter

    transform = pytest.importorskip("open_clip.transform", reason="SKIPPED for want of open_clip")
    image = np.random.default_rng(SEED + 24).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    augmentation = {
        "color_jitter": ((1.25, 1.25), 0.0, 0.0, (0.125, 0.125)),
        "color_jitter_prob": 0.5,
        "gray_scale_prob": 0.25,
    }
    reference = transform.image_transform(32, is_train=True, aug_cfg=augmentation)
    steps = millrace.open_clip_train_steps(32, **augmentation)[1:]
    ours = millrace.image_transform([millrace.center_crop(32), *steps])
    expected, made = Counter(), Counter()
    for seed in range(2000):
        pil = Image.fromarray(image)
        for step in reference.transforms[1:]:
            pil = step(pil)
        expected[pil.numpy().tobytes()] += 1
        made[ours(image, seed).numpy().tobytes()] += 1
    # Jitter in two orders, or none; grey, or not.
    assert set(made) == set(expected) and len(made) == 6
    assert max(abs(made[key] - expected[key]) for key in made) < 150


def test_a_transform_takes_bytes_and_arrays_draws_by_its_seed_and_is_pickled():
    image = np.random.default_rng(3).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    data = io.BytesIO()
    Image.fromarray(image).save(data, "PNG")
    crop = millrace.image_transform([millrace.random_resized_crop(32)], views=3)
    made = crop(image, seed=4)
    assert made.shape == (3, 3, 32, 32) and made.dtype == torch.float32
    assert torch.equal(crop(data.getvalue(), seed=4), made)
    assert torch.equal(pickle.loads(pickle.dumps(crop))(image, seed=4), made)
    assert not torch.equal(crop(image, seed=5), made)
    assert not torch.equal(made[0], made[1])
    with pytest.raises(millrace.LoaderError) as raised:
        crop(b"no image")
    assert raised.value.reason == "bad_image"
    with pytest.raises(ValueError, match="nearest known one"):
        millrace.image_transform([{"step": "resize", "sise": 3}])
    with pytest.raises(ValueError, match="depends on the image"):
        millrace.image_transform([millrace.resize_shortest(32)])


def columns(views: int) -> dict:
    crop = [millrace.random_resized_crop(32), millrace.horizontal_flip()]
    return {
        "views": millrace.image(transform=millrace.image_transform(crop, views=views)),
        "pixels": millrace.image(transform=millrace.image_transform(crop, BYTES)),
        "half": millrace.image(
            transform=millrace.image_transform(crop, millrace.image_output("bfloat16"))
        ),
        "key": millrace.raw("__key__"),
    }


def samples(loader) -> dict[str, tuple]:
    found = {}
    for batch in loader:
        for i, key in enumerate(batch["key"]):
            found[key] = (batch["views"][i].clone(), batch["pixels"][i].clone(), batch["half"][i].clone())
    return found


def test_what_is_drawn_depends_on_neither_threads_nor_ranks(spec):
    options = dict(columns=columns(2), batch_size=7, shuffle=True, seed=3)
    alone = samples(millrace.DataLoader(spec, threads=1, **options))
    assert len(alone) == 120
    loader = millrace.DataLoader(spec, threads=3, **options)
    threads = samples(loader)
    ranks = {}
    for rank in range(3):
        ranks |= samples(millrace.DataLoader(spec, rank=rank, world_size=3, **options))
    for key, made in alone.items():
        for a, b, c in zip(made, threads[key], ranks[key]):
            assert torch.equal(a, b) and torch.equal(a, c)
    next_epoch = samples(loader)
    assert sum(torch.equal(next_epoch[key][1], made[1]) for key, made in alone.items()) == 0


def test_columns_of_one_field_are_decoded_once_and_draw_equally(spec):
    loader = millrace.DataLoader(spec, columns=columns(2), batch_size=20)
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1)
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1)
    for batch in loader:
        assert batch["views"].shape == (20, 2, 3, 32, 32)
        pixels = batch["pixels"].permute(0, 3, 1, 2).to(torch.float32).div(255).sub(mean).div(std)
        assert torch.equal(batch["views"][:, 0], pixels)
        assert torch.equal(batch["half"], pixels.to(torch.bfloat16))
    assert loader.stats()["stages"]["decode"]["items"] == 120


@pytest.mark.parametrize("side, most, name", [(16, 256, "bicubic"), (14, 100, "bilinear"), (32, 7, "lanczos")])
def test_patches_equal_timms(torchvision, tmp_path, side, most, name):
    """timm's NaFlex transforms, of images of all shapes."""
    naflex = pytest.importorskip("timm.data.naflex_transforms", reason="SKIPPED for want of timm")
    from torchvision import transforms

    rng = np.random.default_rng(SEED + 28)
    images = [random_image(rng, 300) for _ in range(cases(40))]
    for i, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{i:05d}.png")
    reference = transforms.Compose([
        naflex.ResizeToSequence(side, most, interpolation=name),
        transforms.ToTensor(),
        transforms.Normalize(*millrace.NORMALIZATIONS["siglip"]),
        naflex.Patchify(side),
    ])
    columns = {
        part: millrace.image(transform=millrace.image_patches(part, side, most, filter=name))
        for part in ("pixels", "mask", "coordinates")
    }
    loader = millrace.DataLoader(str(tmp_path), columns=columns, batch_size=1)
    for image, ours in zip(images, loader, strict=True):
        expected = reference(Image.fromarray(image))
        count = len(expected["patches"])
        assert torch.equal(ours["pixels"][0, :count], expected["patches"]), image.shape
        assert not ours["pixels"][0, count:].any()
        assert ours["mask"].sum() == count
        assert torch.equal(ours["coordinates"][0, :count], expected["patch_coord"])


def test_patches_equal_transformers_siglip2(spec):
    """Through a loader, against the live Siglip2ImageProcessorPil on the same decoded images."""
    module = pytest.importorskip(
        "transformers.models.siglip2.image_processing_pil_siglip2",
        reason="SKIPPED for want of transformers",
    )
    reference = module.Siglip2ImageProcessorPil(patch_size=16, max_num_patches=100)
    encoded = {sample["__key__"]: sample["jpg"] for sample in millrace.open(spec)}
    columns = millrace.siglip2_columns(max_patches=100) | {
        "coordinates": millrace.image(transform=millrace.image_patches("coordinates", max_patches=100)),
        "key": millrace.raw("__key__"),
    }
    loader = millrace.DataLoader(spec, columns=columns, batch_size=10)
    for batch in loader:
        for i, key in enumerate(batch["key"]):
            expected = reference(Image.open(io.BytesIO(encoded[key])).convert("RGB"), return_tensors="pt")
            assert torch.equal(batch["pixel_values"][i], expected["pixel_values"][0])
            assert torch.equal(batch["pixel_attention_mask"][i], expected["pixel_attention_mask"][0].long())
            assert torch.equal(batch["spatial_shapes"][i], expected["spatial_shapes"][0].long())
            rows, columns_ = expected["spatial_shapes"][0].tolist()
            assert batch["coordinates"][i, rows * columns_ - 1].tolist() == [rows - 1, columns_ - 1]
    assert loader.stats()["stages"]["decode"]["items"] == 120
