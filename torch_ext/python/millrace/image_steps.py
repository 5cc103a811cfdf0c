"""The steps of `millrace.image_transform`, one after another. Each gives what the options have: a dict.

`size` is the side of a square or (height, width); `filter` is "nearest", "box", "bilinear", "hamming",
"bicubic" or "lanczos", each as Pillow's 8-bit resize, bit for bit.
"""

from __future__ import annotations

from millrace._arguments import (
    integer,
    integer_or_integers,
    listed,
    real,
    real_or_reals,
    reals,
    text,
)


def _size(size) -> int | list[int]:
    return integer_or_integers("size", size, "(height, width)")


def _fill(fill) -> int | list[int]:
    return integer_or_integers("fill", fill, "(red, green, blue)")


def _probability(probability) -> float:
    return real("probability", probability)


def _resize(to: str, size, filter: str) -> dict:
    return {"step": "resize", "to": to, "size": _size(size), "filter": text("filter", filter)}


def resize_shortest(size: int, filter: str = "bicubic") -> dict:
    """The shorter side becomes `size`, the longer one int(size * longer / shorter): torchvision's Resize
    with interpolation=BICUBIC. Its own default is bilinear: filter="bilinear"."""
    return _resize("shortest", size, filter)


def resize_longest(size, filter: str = "bicubic") -> dict:
    """As large as fits into `size`: open_clip's resize_mode "longest", before its padding."""
    return _resize("longest", size, filter)


def resize_cover(size, filter: str = "bicubic") -> dict:
    """As small as covers `size`: open_clip's resize_mode "shortest" for what is no square."""
    return _resize("cover", size, filter)


def resize_exact(size, filter: str = "bicubic") -> dict:
    """To `size`, whatever the aspect ratio: open_clip's resize_mode "squash"."""
    return _resize("exact", size, filter)


def center_crop(size, rounding: str = "half_even", fill=0) -> dict:
    """The middle of the image; where the image is smaller, it in the middle of `fill`.

    Args:
        rounding: "half_even" as torchvision, open_clip and timm round half a pixel, or "floor" as
            Hugging Face's image processors.
        fill: 0 to 255, or (red, green, blue).
    """
    return {
        "step": "center_crop",
        "size": _size(size),
        "rounding": text("rounding", rounding),
        "fill": _fill(fill),
    }


def letterbox(size, filter: str = "bicubic", fill=0) -> list[dict]:
    """The whole image, as large as fits, in the middle of `fill`: two steps."""
    return [resize_longest(size, filter), center_crop(size, fill=fill)]


def random_resized_crop(
    size, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3), filter: str = "bicubic"
) -> dict:
    """A part of random area and aspect ratio, resized to `size`: torchvision's RandomResizedCrop with
    interpolation=BICUBIC. Its own default is bilinear: filter="bilinear".

    Args:
        scale: the least and the largest share of the area.
        ratio: the least and the largest width / height.
    """
    return {
        "step": "random_resized_crop",
        "size": _size(size),
        "scale": reals("scale", scale, "(low, high)"),
        "ratio": reals("ratio", ratio, "(low, high)"),
        "filter": text("filter", filter),
    }


def horizontal_flip(probability: float = 0.5) -> dict:
    """Left becomes right, with this probability."""
    return {"step": "horizontal_flip", "probability": _probability(probability)}


def _range(name: str, value) -> float | list[float]:
    return real_or_reals(name, value, "(low, high)")


def color_jitter(brightness=0, contrast=0, saturation=0, hue=0, probability: float = 1.0) -> dict:
    """torchvision's ColorJitter on Pillow images, all four in random order.

    Args:
        brightness, contrast, saturation: how far the factor lies from 1 at most, or (low, high).
        hue: how far the hue turns to either side, up to 0.5 of the circle, or (low, high).
        probability: that all of it happens, rather than nothing: open_clip's color_jitter_prob.
    """
    return {
        "step": "color_jitter",
        "brightness": _range("brightness", brightness),
        "contrast": _range("contrast", contrast),
        "saturation": _range("saturation", saturation),
        "hue": _range("hue", hue),
        "probability": _probability(probability),
    }


_color_jitter = color_jitter  # where an argument has its name


def grayscale(probability: float = 0.1) -> dict:
    """Three channels of Pillow's luma, with this probability: torchvision's RandomGrayscale."""
    return {"step": "grayscale", "probability": _probability(probability)}


def gaussian_blur(sigma=(0.1, 2.0), probability: float = 0.5, kernel_size: int | None = None) -> dict:
    """A blur of a random `sigma`: a number, or (low, high).

    Args:
        kernel_size: None: Pillow's ImageFilter.GaussianBlur, as MoCo v2, SwAV and DINO have it. An odd
            number: torchvision's GaussianBlur(kernel_size, sigma).
    """
    ends = _range("sigma", sigma)
    step = {
        "step": "gaussian_blur",
        "sigma": ends if isinstance(ends, list) else [ends, ends],
        "probability": _probability(probability),
    }
    if kernel_size is not None:
        step["kernel_size"] = integer("kernel_size", kernel_size)
    return step


def solarize(threshold: float = 128, probability: float = 0.5) -> dict:
    """Values of at least `threshold` are inverted, with this probability: torchvision's RandomSolarize."""
    return {
        "step": "solarize",
        "threshold": real("threshold", threshold),
        "probability": _probability(probability),
    }


def rand_augment(num_ops: int = 2, magnitude: int = 9, num_magnitude_bins: int = 31, fill=0) -> dict:
    """torchvision's RandAugment on Pillow images, with nearest neighbours.

    Args:
        num_ops: how many of fourteen operations, one after another.
        magnitude: of each, 0 to num_magnitude_bins - 1.
        fill: 0 to 255, or (red, green, blue), where shearing, moving and turning leave nothing.
    """
    return {
        "step": "rand_augment",
        "num_ops": integer("num_ops", num_ops),
        "magnitude": integer("magnitude", magnitude),
        "num_magnitude_bins": integer("num_magnitude_bins", num_magnitude_bins),
        "fill": _fill(fill),
    }


def open_clip_steps(size, resize_mode: str = "shortest", filter: str = "bicubic", fill=0) -> list[dict]:
    """open_clip's `image_transform(is_train=False)`; `resize_mode` is "shortest", "longest" or "squash".

    As there, a size that is no square goes with "shortest" always by bicubic.
    """
    if resize_mode == "squash":
        return [resize_exact(size, filter)]
    if resize_mode == "longest":
        return letterbox(size, filter, fill)
    if resize_mode != "shortest":
        raise ValueError(f'resize_mode = "{resize_mode}": must be "shortest", "longest" or "squash"')
    sides = _size(size)
    if isinstance(sides, int) or sides[0] == sides[1]:
        side = sides if isinstance(sides, int) else sides[0]
        return [resize_shortest(side, filter), center_crop(side)]
    return [resize_cover(sides), center_crop(sides)]


def hugging_face_clip_steps(size, filter: str = "bicubic", crop=None) -> list[dict]:
    """transformers' CLIPImageProcessorPil: the shorter side, and the crop rounded down.

    Args:
        size: its size["shortest_edge"].
        crop: its crop_size, where that is another one.
    """
    return [resize_shortest(size, filter), center_crop(size if crop is None else crop, "floor")]


def open_clip_train_steps(
    size,
    scale=(0.9, 1.0),
    color_jitter=None,
    color_jitter_prob: float = 0.0,
    gray_scale_prob: float = 0.0,
    ratio=(3 / 4, 4 / 3),
) -> list[dict]:
    """open_clip's `image_transform(is_train=True)`; the options are those of its AugmentationCfg.

    `re_prob`, `re_count` and `use_timm` are not there. Without use_timm, open_clip has no use for the first
    two, nor for a `ratio`: its crop's is the default here.

    Args:
        color_jitter: (brightness, contrast, saturation, hue), used where color_jitter_prob is above 0.
    """
    steps = [random_resized_crop(size, scale, ratio)]
    if color_jitter_prob:
        amounts = listed("color_jitter", color_jitter, "(brightness, contrast, saturation, hue)")
        probability = real("color_jitter_prob", color_jitter_prob)
        steps.append(_color_jitter(*amounts, probability=probability))
    if gray_scale_prob:
        steps.append(grayscale(real("gray_scale_prob", gray_scale_prob)))
    return steps


def simclr_steps(
    size,
    strength: float = 1.0,
    scale=(0.08, 1.0),
    blur: float = 0.5,
    filter: str = "bicubic",
    kernel_size: int | None = None,
) -> list[dict]:
    """SimCLR's augmentation of one view: crop, flip, colours of this strength, gray, blur.

    Two views of one image: `image_transform(simclr_steps(224), views=2)`.

    Args:
        blur: the probability of the blur, whose sigma is 0.1 to 2.
        filter: of the crop. torchvision's RandomResizedCrop has "bilinear" where none is given.
        kernel_size: of the blur, as in gaussian_blur.
    """
    strength = real("strength", strength)
    jitter = color_jitter(0.8 * strength, 0.8 * strength, 0.8 * strength, 0.2 * strength, 0.8)
    return [
        random_resized_crop(size, scale, filter=filter),
        horizontal_flip(),
        jitter,
        grayscale(0.2),
        gaussian_blur(probability=real("blur", blur), kernel_size=kernel_size),
    ]
