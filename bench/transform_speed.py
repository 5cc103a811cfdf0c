"""Image transforms and their references in turns, on one core: `./dev python bench/transform_speed.py`.

What is not random is compared before it is timed. Prints for each pair microseconds an image, the best of
several rounds, and the ratio. What is not installed is left out.
"""

import argparse
import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageFilter, ImageOps

import millrace

SEEDS = iter(range(1 << 62))


class Pair(NamedTuple):
    name: str
    reference: str
    ours: Callable
    theirs: Callable
    random: bool = False  # both draw: there is nothing to compare


def microseconds(function, repeat: int) -> float:
    begin = time.perf_counter()
    for _ in range(repeat):
        function()
    return (time.perf_counter() - begin) / repeat * 1e6


def measured(pair: Pair, repeat: int, rounds: int) -> dict:
    if not pair.random:
        ours, theirs = np.asarray(pair.ours()), np.asarray(pair.theirs())
        assert np.array_equal(ours, theirs), f"{pair.name} differs from {pair.reference}"
    best = [float("inf")] * 2
    for _ in range(rounds):
        for i, function in enumerate((pair.ours, pair.theirs)):
            best[i] = min(best[i], microseconds(function, repeat))
    return {"millrace_us": best[0], "reference_us": best[1], "ratio": best[1] / best[0]}


def steps_to_bytes(image: np.ndarray, *steps) -> Callable:
    """The steps of a decoded image, with another seed each time."""
    tensor = torch.from_numpy(image)
    first = [] if steps[0]["step"] in ("resize", "random_resized_crop") else [millrace.center_crop(image.shape[:2])]
    transform = millrace.image_transform([*first, *steps], millrace.image_output("uint8", "hwc"))
    return lambda: transform(tensor, next(SEEDS))


def decoding(pil: Image.Image) -> Iterator[Pair]:
    for format_, options in {"JPEG": {"quality": 90}, "PNG": {}, "WebP": {"quality": 80}}.items():
        stream = io.BytesIO()
        pil.save(stream, format_, **options)
        data = stream.getvalue()
        yield Pair(
            f"decode_image, {format_}",
            "Pillow",
            lambda data=data: millrace.decode_image(data),
            lambda data=data: Image.open(io.BytesIO(data)).convert("RGB"),
        )


def resizing(image: np.ndarray, pil: Image.Image) -> Iterator[Pair]:
    tensor = torch.from_numpy(image)
    filters = {"nearest": 0, "box": 4, "bilinear": 2, "hamming": 5, "bicubic": 3, "lanczos": 1}
    for name, number in filters.items():
        yield Pair(
            f"resize to 224 x 224, {name}",
            "Pillow",
            lambda name=name: millrace.resize(tensor, (224, 224), name),
            lambda number=number: pil.resize((224, 224), number),
        )


def colours_of_pillow(image: np.ndarray, pil: Image.Image) -> Iterator[Pair]:
    for sigma in (0.5, 2.0):
        yield Pair(
            f"gaussian_blur of sigma {sigma}, 224 x 224",
            "Pillow",
            steps_to_bytes(image, millrace.gaussian_blur((sigma, sigma), 1)),
            lambda sigma=sigma: pil.filter(ImageFilter.GaussianBlur(sigma)),
        )
    yield Pair(
        "solarize, 224 x 224",
        "Pillow",
        steps_to_bytes(image, millrace.solarize(128, 1)),
        lambda: ImageOps.solarize(pil, 128),
    )


def colours_of_torchvision(image: np.ndarray, pil: Image.Image) -> Iterator[Pair]:
    from torchvision import transforms
    from torchvision.transforms import functional

    for name, factor in {"brightness": 1.3, "contrast": 1.3, "saturation": 1.3, "hue": 0.1}.items():
        adjust = getattr(functional, f"adjust_{name}")
        yield Pair(
            f"color_jitter, {name} alone, 224 x 224",
            "torchvision",
            steps_to_bytes(image, millrace.color_jitter(**{name: (factor, factor)})),
            lambda adjust=adjust, factor=factor: adjust(pil, factor),
        )
    yield Pair(
        "gaussian_blur of sigma 2 with a kernel of 23, 224 x 224",
        "torchvision",
        steps_to_bytes(image, millrace.gaussian_blur((2.0, 2.0), 1, 23)),
        lambda: functional.gaussian_blur(pil, 23, 2.0),
    )
    jitter, augment = transforms.ColorJitter(0.4, 0.4, 0.4, 0.1), transforms.RandAugment()
    yield Pair(
        "color_jitter, all four, 224 x 224",
        "torchvision",
        steps_to_bytes(image, millrace.color_jitter(0.4, 0.4, 0.4, 0.1)),
        lambda: jitter(pil),
        random=True,
    )
    yield Pair(
        "rand_augment, 224 x 224",
        "torchvision",
        steps_to_bytes(image, millrace.rand_augment()),
        lambda: augment(pil),
        random=True,
    )
    yield Pair(
        "grayscale, 224 x 224",
        "torchvision",
        steps_to_bytes(image, millrace.grayscale(1)),
        lambda: functional.to_grayscale(pil, 3),
    )
    to_floats = transforms.Compose(
        [
            transforms.ToTensor(),
            transforms.Normalize((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
        ]
    )
    height, width = image.shape[:2]
    floats = millrace.image_transform([millrace.center_crop((height, width))])
    yield Pair(
        "image_output, float32 chw, 224 x 224",
        "torchvision",
        lambda: floats(image),
        lambda: to_floats(pil),
    )


def geometry_of_torchvision(image: np.ndarray, pil: Image.Image) -> Iterator[Pair]:
    from torchvision import transforms
    from torchvision.transforms import InterpolationMode

    bicubic = InterpolationMode.BICUBIC
    crop = transforms.Compose([transforms.Resize(224, bicubic), transforms.CenterCrop(224)])
    yield Pair(
        "resize_shortest and center_crop",
        "torchvision",
        steps_to_bytes(image, millrace.resize_shortest(224), millrace.center_crop(224)),
        lambda: crop(pil),
    )
    random_crop = transforms.RandomResizedCrop(224, (0.08, 1.0), interpolation=bicubic)
    yield Pair(
        "random_resized_crop",
        "torchvision",
        steps_to_bytes(image, millrace.random_resized_crop(224, (0.08, 1.0))),
        lambda: random_crop(pil),
        random=True,
    )


def of_transformers(image: np.ndarray, pil: Image.Image) -> Iterator[Pair]:
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    processor = SiglipImageProcessorPil(size={"height": 224, "width": 224})
    siglip = millrace.siglip_transform(224)
    yield Pair(
        "siglip_transform(224)",
        "transformers",
        lambda: siglip(image),
        lambda: processor(pil, return_tensors="pt")["pixel_values"][0],
    )


def of_open_clip(image: np.ndarray, pil: Image.Image) -> Iterator[Pair]:
    from open_clip.transform import image_transform

    evaluation, theirs = millrace.clip_transform(224), image_transform(224, is_train=False)
    yield Pair("clip_transform(224)", "open_clip", lambda: evaluation(image), lambda: theirs(pil))
    colours = {"color_jitter": (0.32, 0.32, 0.32, 0.08), "color_jitter_prob": 0.8, "gray_scale_prob": 0.2}
    for name, options in {"": {}, ", colours": colours}.items():
        train = millrace.clip_train_transform(224, **options)
        their_train = image_transform(224, is_train=True, aug_cfg=options)
        yield Pair(
            f"clip_train_transform(224){name}",
            "open_clip",
            lambda train=train: train(image, next(SEEDS)),
            lambda their_train=their_train: their_train(pil),
            random=True,
        )


def pairs(image: np.ndarray) -> Iterator[Pair]:
    square = np.ascontiguousarray(image[:224, :224])
    whole, part = Image.fromarray(image), Image.fromarray(square)
    yield from decoding(whole)
    yield from resizing(image, whole)
    yield from colours_of_pillow(square, part)
    for group, of in (
        (geometry_of_torchvision, (image, whole)),
        (colours_of_torchvision, (square, part)),
        (of_transformers, (image, whole)),
        (of_open_clip, (image, whole)),
    ):
        try:
            yield from group(*of)
        except ImportError as error:
            print(f"left out: {error}", file=sys.stderr)


def drawn(width: int, height: int) -> np.ndarray:
    """Waves and a little noise: files of it are about as large as those of photos."""
    y, x = np.mgrid[:height, :width] / 40.0
    waves = [np.sin(x * a) * np.cos(y * b) for a, b in ((1, 2), (3, 0.7), (0.4, 1.3))]
    noise = np.random.default_rng(0).normal(0, 8, (height, width, 3))
    return np.clip(np.stack(waves, -1) * 90 + 128 + noise, 0, 255).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", nargs="?", help="of which everything is measured; default: one that is drawn")
    parser.add_argument("--width", type=int, default=500)
    parser.add_argument("--height", type=int, default=400)
    parser.add_argument("--repeat", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    size = (options.width, options.height)
    image = drawn(*size)
    if options.image:
        image = np.array(Image.open(options.image).convert("RGB").resize(size, Image.BICUBIC))
    results = {}
    for pair in pairs(image):
        result = results[f"{pair.name} ({pair.reference})"] = measured(pair, options.repeat, options.rounds)
        if not options.json:
            print(
                f"{pair.name:42} {result['millrace_us']:7.0f} us   {pair.reference:12} "
                f"{result['reference_us']:7.0f} us   {result['ratio']:5.1f} x",
                flush=True,
            )
    if options.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
