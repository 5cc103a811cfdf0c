"""The steps of `millrace.image_transform`, one after another. Each gives what the options have: a dict.

`size` is the side of a square or (height, width); `filter` is "nearest", "box", "bilinear", "hamming",
"bicubic" or "lanczos", each as Pillow's 8-bit resize, bit for bit.
"""

from __future__ import annotations


def _size(size) -> int | list[int]:
    return size if isinstance(size, int) else [int(side) for side in size]


def _fill(fill) -> int | list[int]:
    return fill if isinstance(fill, int) else [int(channel) for channel in fill]


def _resize(to: str, size, filter: str) -> dict:
    return {"step": "resize", "to": to, "size": _size(size), "filter": filter}


def resize_shortest(size: int, filter: str = "bicubic") -> dict:
    """The shorter side becomes `size`, the longer one int(size * longer / shorter): torchvision's Resize."""
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
    return {"step": "center_crop", "size": _size(size), "rounding": rounding, "fill": _fill(fill)}


def letterbox(size, filter: str = "bicubic", fill=0) -> list[dict]:
    """The whole image, as large as fits, in the middle of `fill`: two steps."""
    return [resize_longest(size, filter), center_crop(size, fill=fill)]


def random_resized_crop(
    size, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3), filter: str = "bicubic"
) -> dict:
    """torchvision's RandomResizedCrop: a part of random area and aspect ratio, resized to `size`."""
    return {
        "step": "random_resized_crop",
        "size": _size(size),
        "scale": [float(share) for share in scale],
        "ratio": [float(aspect) for aspect in ratio],
        "filter": filter,
    }


def horizontal_flip(probability: float = 0.5) -> dict:
    """Left becomes right, with this probability."""
    return {"step": "horizontal_flip", "probability": probability}


def _range(value) -> float | list[float]:
    return float(value) if isinstance(value, (int, float)) else [float(end) for end in value]


def color_jitter(brightness=0, contrast=0, saturation=0, hue=0, probability: float = 1.0) -> dict:
    """torchvision's ColorJitter on Pillow images, all four in random order.

    Args:
        brightness, contrast, saturation: how far the factor lies from 1 at most, or (low, high).
        hue: how far the hue turns to either side, up to 0.5 of the circle, or (low, high).
        probability: that all of it happens, rather than nothing: open_clip's color_jitter_prob.
    """
    return {
        "step": "color_jitter",
        "brightness": _range(brightness),
        "contrast": _range(contrast),
        "saturation": _range(saturation),
        "hue": _range(hue),
        "probability": probability,
    }


_color_jitter = color_jitter  # where an argument has its name


def grayscale(probability: float = 0.1) -> dict:
    """Three channels of Pillow's luma, with this probability: torchvision's RandomGrayscale."""
    return {"step": "grayscale", "probability": probability}


def gaussian_blur(sigma=(0.1, 2.0), probability: float = 0.5) -> dict:
    """Pillow's ImageFilter.GaussianBlur of a random `sigma`, as SimCLR's and MoCo's augmentations use it.

    torchvision's GaussianBlur, a convolution of tensors, is another one.
    """
    ends = [sigma, sigma] if isinstance(sigma, (int, float)) else sigma
    return {"step": "gaussian_blur", "sigma": [float(end) for end in ends], "probability": probability}


def solarize(threshold: float = 128, probability: float = 0.5) -> dict:
    """Values of at least `threshold` are inverted, with this probability: torchvision's RandomSolarize."""
    return {"step": "solarize", "threshold": threshold, "probability": probability}


def rand_augment(num_ops: int = 2, magnitude: int = 9, num_magnitude_bins: int = 31, fill=0) -> dict:
    """torchvision's RandAugment on Pillow images, with nearest neighbours.

    Args:
        num_ops: how many of fourteen operations, one after another.
        magnitude: of each, 0 to num_magnitude_bins - 1.
        fill: 0 to 255, or (red, green, blue), where shearing, moving and turning leave nothing.
    """
    return {
        "step": "rand_augment",
        "num_ops": num_ops,
        "magnitude": magnitude,
        "num_magnitude_bins": num_magnitude_bins,
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
    sides = (size, size) if isinstance(size, int) else tuple(size)
    if sides[0] == sides[1]:
        return [resize_shortest(sides[0], filter), center_crop(sides)]
    return [resize_cover(sides), center_crop(sides)]


def open_clip_train_steps(
    size, scale=(0.9, 1.0), color_jitter=None, color_jitter_prob: float = 0.0, gray_scale_prob: float = 0.0
) -> list[dict]:
    """open_clip's `image_transform(is_train=True)`; the options are those of its AugmentationCfg.

    Args:
        color_jitter: (brightness, contrast, saturation, hue), used where color_jitter_prob is above 0.
    """
    steps = [random_resized_crop(size, scale)]
    if color_jitter_prob:
        if color_jitter is None or len(color_jitter) != 4:
            raise ValueError("color_jitter: must be (brightness, contrast, saturation, hue)")
        steps.append(_color_jitter(*color_jitter, probability=color_jitter_prob))
    if gray_scale_prob:
        steps.append(grayscale(gray_scale_prob))
    return steps


def simclr_steps(size, strength: float = 1.0, scale=(0.08, 1.0), blur: float = 0.5) -> list[dict]:
    """SimCLR's augmentation of one view: crop, flip, colours of this strength, gray, blur.

    Two views of one image: `image_transform(simclr_steps(224), views=2)`.

    Args:
        blur: the probability of the blur, whose sigma is 0.1 to 2.
    """
    jitter = color_jitter(0.8 * strength, 0.8 * strength, 0.8 * strength, 0.2 * strength, 0.8)
    return [
        random_resized_crop(size, scale),
        horizontal_flip(),
        jitter,
        grayscale(0.2),
        gaussian_blur(probability=blur),
    ]
