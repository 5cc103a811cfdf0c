"""Image transforms and their references in turns, on one core: `./dev python bench/transform_speed.py`.

Prints for each pair microseconds an image, the best of several rounds, and the ratio. What is not installed is
left out.
"""

import argparse
import json
import os
import time

import numpy as np
import torch
from PIL import Image, ImageFilter, ImageOps

import millrace


def microseconds(function, repeat: int) -> float:
    begin = time.perf_counter()
    for _ in range(repeat):
        function()
    return (time.perf_counter() - begin) / repeat * 1e6


def compare(ours, theirs, repeat: int, rounds: int) -> tuple[float, float]:
    best = [float("inf"), float("inf")]
    for _ in range(rounds):
        for i, function in enumerate((ours, theirs)):
            best[i] = min(best[i], microseconds(function, repeat))
    return best[0], best[1]


def color_pairs(image: np.ndarray) -> dict[str, tuple]:
    """Steps that change colours, of 224 x 224 pixels to bytes."""
    tensor, pil = torch.from_numpy(np.ascontiguousarray(image)), Image.fromarray(image)

    def one(*steps):
        output = millrace.image_output("uint8", "hwc")
        transform = millrace.image_transform([millrace.center_crop(image.shape[:2]), *steps], output)
        seeds = iter(range(1 << 62))
        return lambda: transform(tensor, next(seeds))

    found = {
        f"gaussian_blur, sigma {sigma}, of 224 x 224 (Pillow)": (
            one(millrace.gaussian_blur((sigma, sigma), 1)),
            lambda sigma=sigma: pil.filter(ImageFilter.GaussianBlur(sigma)),
        )
        for sigma in (0.5, 2.0)
    }
    found["solarize of 224 x 224 (Pillow)"] = (one(millrace.solarize(128, 1)), lambda: ImageOps.solarize(pil, 128))
    try:
        from torchvision import transforms
        from torchvision.transforms import functional
    except ImportError:
        return found
    for name, factor in {"brightness": 1.3, "contrast": 1.3, "saturation": 1.3, "hue": 0.1}.items():
        reference = getattr(functional, f"adjust_{name}")
        found[f"color_jitter, {name} alone, of 224 x 224 (torchvision)"] = (
            one(millrace.color_jitter(**{name: (factor, factor)})),
            lambda reference=reference, factor=factor: reference(pil, factor),
        )
    all_four = transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)
    found["color_jitter of 224 x 224 (torchvision)"] = (
        one(millrace.color_jitter(0.4, 0.4, 0.4, 0.1)),
        lambda: all_four(pil),
    )
    augment = transforms.RandAugment()
    found["rand_augment of 224 x 224 (torchvision)"] = (one(millrace.rand_augment()), lambda: augment(pil))
    found["grayscale of 224 x 224 (torchvision)"] = (
        one(millrace.grayscale(1)),
        lambda: functional.to_grayscale(pil, 3),
    )
    return found


def pairs(image: np.ndarray) -> dict[str, tuple]:
    tensor, pil = torch.from_numpy(image), Image.fromarray(image)
    height, width = image.shape[:2]
    longer = int(224 * max(height, width) / min(height, width))
    found = {
        "resize to 224 x 224, bicubic (Pillow)": (
            lambda: millrace.resize(tensor, (224, 224)),
            lambda: pil.resize((224, 224), Image.BICUBIC),
        ),
        f"resize to {longer} x 224, lanczos (Pillow)": (
            lambda: millrace.resize(tensor, (224, longer), "lanczos"),
            lambda: pil.resize((longer, 224), Image.LANCZOS),
        ),
    }
    floats, output = torch.empty(3, 224, 224), millrace.image_output()
    pixels = torch.from_numpy(np.ascontiguousarray(image[:224, :224]))
    normalize = millrace.image_transform([millrace.resize_exact(224)], output)
    found["normalise 224 x 224 to float32 (filling such a tensor)"] = (
        lambda: normalize(pixels),
        lambda: floats.clone(),
    )
    found |= color_pairs(image[:224, :224])
    try:
        from open_clip.transform import image_transform
    except ImportError:
        return found
    ours, theirs = millrace.clip_transform(224), image_transform(224, is_train=False)
    found["clip_transform(224) of decoded pixels (open_clip)"] = (lambda: ours(tensor), lambda: theirs(pil))
    train, their_train = millrace.clip_train_transform(224), image_transform(224, is_train=True)
    seeds = iter(range(1 << 62))
    found["clip_train_transform(224) of decoded pixels (open_clip)"] = (
        lambda: train(tensor, next(seeds)),
        lambda: their_train(pil),
    )
    colors = {"color_jitter": (0.32, 0.32, 0.32, 0.08), "color_jitter_prob": 0.8, "gray_scale_prob": 0.2}
    colored, their_colored = millrace.clip_train_transform(224, **colors), image_transform(224, True, aug_cfg=colors)
    found["clip_train_transform(224) with colours, of decoded pixels (open_clip)"] = (
        lambda: colored(tensor, next(seeds)),
        lambda: their_colored(pil),
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=500)
    parser.add_argument("--height", type=int, default=400)
    parser.add_argument("--repeat", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    shape = (options.height, options.width, 3)
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    results = {}
    for name, (ours, theirs) in pairs(image).items():
        a, b = compare(ours, theirs, options.repeat, options.rounds)
        results[name] = {"millrace_us": a, "reference_us": b, "ratio": b / a}
    if options.json:
        print(json.dumps(results))
        return
    for name, result in results.items():
        print(
            f"{name}: {result['millrace_us']:.0f} us, reference {result['reference_us']:.0f} us, "
            f"{result['ratio']:.1f} times"
        )


if __name__ == "__main__":
    main()
