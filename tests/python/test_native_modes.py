"""Images that go through the steps in their own mode, against the live open_clip on what Image.open gives."""

import io
import os

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

import millrace

CASES = max(1, int(10 * float(os.environ.get("MILLRACE_TEST_CASES", "1"))))
SEED = int(os.environ.get("MILLRACE_TEST_SEED", "0"))
FILES = ("RGBA", "LA", "RGBA as WebP", "CMYK", "P", "P with a transparent colour", "1", "I;16", "L", "RGB")


@pytest.fixture(scope="session")
def image_transform():
    module = pytest.importorskip("open_clip.transform", reason="SKIPPED for want of open_clip")
    return module.image_transform


def made(kind: str, rng, **options) -> bytes:
    """A file of noise; alpha is often 0 or 255, 16-bit gray often small."""
    height, width = rng.integers(1, 120, size=2)
    channels = {"RGBA": 4, "LA": 2, "CMYK": 4}.get(kind.split()[0], 3)
    pixels = rng.integers(0, 256, (height, width, channels), dtype=np.uint8)
    if channels % 2 == 0 and kind != "CMYK" and rng.integers(2):
        pixels[..., -1] = rng.choice([0, 128, 255], (height, width))
    image = Image.fromarray(pixels, kind.split()[0] if channels != 3 else "RGB")
    if kind == "I;16":
        most = int(rng.choice([400, 65536]))
        image = Image.fromarray(rng.integers(0, most, (height, width), dtype=np.uint16))
    elif kind.startswith("P"):
        image = image.quantize(int(rng.integers(2, 257)))
        options |= {"transparency": 1} if "transparent" in kind else {}
    elif kind in ("1", "L"):
        image = image.convert(kind)
    stream = io.BytesIO()
    if kind == "CMYK":
        image.save(stream, "JPEG", quality=95, **options)
    elif kind.endswith("WebP"):
        image.save(stream, "WEBP", lossless=True, exact=True, **options)
    else:
        image.save(stream, "PNG", **options)
    return stream.getvalue()


@pytest.mark.parametrize("resize_mode", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("kind", FILES)
def test_open_clips_transform_of_an_opened_image(image_transform, kind, resize_mode):
    rng = np.random.default_rng(SEED + 31)
    compared = 0
    for _ in range(CASES):
        data = made(kind, rng)
        size = int(rng.integers(8, 80)) if rng.integers(2) else tuple(int(s) for s in rng.integers(8, 80, 2))
        fill = int(rng.integers(0, 256)) if not kind.startswith(("P", "1")) else 0
        reference = image_transform(size, is_train=False, resize_mode=resize_mode, fill_color=fill)
        steps = millrace.open_clip_steps(size, resize_mode, fill=fill)
        ours = millrace.image_transform(steps, color_mode="native")
        try:
            expected = reference(Image.open(io.BytesIO(data)))
        except ValueError:  # a side becomes nothing
            with pytest.raises(millrace.LoaderError):
                ours(data)
            continue
        assert torch.equal(ours(data), expected), (size, fill)
        compared += 1
    assert compared > CASES // 3


@pytest.mark.parametrize("kind", FILES)
def test_a_random_crop_and_a_flip_of_an_opened_image(kind):
    functional = pytest.importorskip(
        "torchvision.transforms.functional", reason="SKIPPED for want of torchvision"
    )
    rng = np.random.default_rng(SEED + 37)
    output = millrace.image_output("uint8", "hwc")
    for seed in range(CASES):
        data = made(kind, rng)
        opened = Image.open(io.BytesIO(data))
        # Of pixels that say where they are, at least as many as there were: the first and the last give the box.
        y, x = np.mgrid[: opened.height, : opened.width].astype(np.uint8)
        find = millrace.image_transform([millrace.random_resized_crop(121, filter="nearest")], output)
        (left, top, _), (right, bottom, _) = find(np.stack([x, y, x], -1), seed)[[0, -1], [0, -1]].tolist()
        steps = [millrace.random_resized_crop(24), millrace.horizontal_flip(1.0)]
        found = millrace.image_transform(steps, output, color_mode="native")(data, seed)
        box = (top, left, bottom - top + 1, right - left + 1)
        expected = functional.resized_crop(opened, *box, [24, 24], functional.InterpolationMode.BICUBIC)
        assert np.array_equal(found.numpy(), np.asarray(functional.hflip(expected).convert("RGB"))), (seed, box)


@pytest.mark.parametrize("kind", ["CMYK", "RGBA", "I;16"])
def test_an_image_is_turned_upright_in_its_own_mode(image_transform, kind):
    rng = np.random.default_rng(SEED + 41)
    reference = image_transform(40, is_train=False)
    ours = millrace.clip_transform(40, color_mode="native", exif_orientation="apply")
    exif = Image.Exif()
    for orientation in range(1, 9):
        exif[0x0112] = orientation
        data = made(kind, rng, exif=exif)
        upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
        if max(upright.size) < 20 * min(upright.size):
            assert torch.equal(ours(data), reference(upright)), orientation


def test_the_mode_is_a_choice_and_other_transforms_have_rgb_all_the_same():
    data = made("CMYK", np.random.default_rng(SEED + 43))
    rgb = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert np.array_equal(millrace.decode_image(data, color_mode="native").numpy(), rgb)
    before = millrace.clip_transform(30)
    assert torch.equal(before(data), before(rgb))
    assert not torch.equal(before(data), millrace.clip_transform(30, color_mode="native")(data))
    with pytest.raises(ValueError, match='"rgb" or "native"'):
        millrace.clip_transform(30, color_mode="own")
