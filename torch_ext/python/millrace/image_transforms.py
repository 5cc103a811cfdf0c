"""From an encoded or a decoded image to a tensor, equal to what a DataLoader applies."""

from __future__ import annotations

import numpy as np
import torch

from millrace._arguments import call_text, decode_options, integer, reals, to_json
from millrace._library import classes
from millrace._tensors import bytes_tensor, image_tensor
from millrace.errors import LoaderError
from millrace.image_steps import open_clip_steps, open_clip_train_steps


# Mean and standard deviation of the red, green and blue of pixels in 0..1, by the names of `image_output`.
NORMALIZATIONS = {
    "clip": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "siglip": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "inception": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}


def image_output(
    dtype: str = "float32",
    layout: str = "chw",
    normalize: str | None = None,
    mean: tuple[float, float, float] | None = None,
    std: tuple[float, float, float] | None = None,
) -> dict:
    """As what an image is handed over.

    Args:
        dtype: "float32", "float16", "bfloat16" (x / 255, minus the mean, over the standard deviation, as
            torchvision; 16 bits are rounded as torch's conversions) or "uint8" (the pixels, to be
            normalised later).
        layout: "chw" or "hwc" (channels last).
        normalize: a name in `millrace.NORMALIZATIONS`: "clip" (default), "imagenet", "siglip" or
            "inception"; or `mean` and `std` themselves, (red, green, blue).
    """
    output: dict = {"dtype": dtype, "layout": layout}
    if dtype == "uint8":
        if any(given is not None for given in (normalize, mean, std)):
            raise ValueError("uint8 is not normalised: leave out normalize, mean and std")
        return output
    if (mean is None) != (std is None):
        raise ValueError("mean and std go together")
    if mean is None:
        normalize = "clip" if normalize is None else normalize
        if normalize not in NORMALIZATIONS:
            raise ValueError(f"normalize = {normalize!r}: must be one of {', '.join(NORMALIZATIONS)}")
        return {**output, "normalize": normalize}
    if normalize is not None:
        raise ValueError("either normalize, or mean and std")
    form = "(red, green, blue)"
    return {**output, "mean": reals("mean", mean, form), "std": reals("std", std, form)}


def _listed_steps(steps, place: str = "steps") -> list[dict]:
    """One after another, lists among them taken apart."""
    if isinstance(steps, dict):
        return [steps]
    if isinstance(steps, (str, bytes)) or not hasattr(steps, "__iter__"):
        raise TypeError(f"{place} = {steps!r}: must be steps, as millrace.resize_exact(224) gives one")
    return [step for i, part in enumerate(steps) for step in _listed_steps(part, f"{place}[{i}]")]


class image_transform:  # noqa: N801 - used like a function
    """Decodes an image, takes it through `steps` and hands it over as `output` says.

    As the transform of `millrace.image`, or called with a decoded image (uint8 [height, width, 3]) or the
    bytes of an encoded one. What is random is a function of the loader's seed, the epoch and the
    sample's place in it; called, of `seed`.

    Args:
        steps: of `millrace.image_steps`, e.g. `[resize_shortest(224), center_crop(224)]`; a list or
            tuple among them counts as its steps, and one step as a list of it.
        output: an `image_output(...)`; default: float32, [3, height, width], CLIP's normalisation.
        views: how many, of one decoded image, each with random numbers of its own; more than one come
            as [views, ...].
        stream: columns with another one draw other numbers; those with equal steps and the same one (an
            image and its mask) draw equally.
        decode: options of decoding: max_image_pixels, fast_scale, ... (docs/decoding.md)
    """

    def __init__(self, steps, output: dict | None = None, views: int = 1, stream: int = 0, **decode):
        self._description = {
            "type": "image",
            "decode": decode_options(type(self).__name__, decode),
            "steps": _listed_steps(steps),
            "output": image_output() if output is None else output,
            "views": integer("views", views),
            "stream": integer("stream", stream),
        }
        self._transform = self._made()

    def _made(self):
        return classes.ImageTransform(to_json(self._description, "transform"))

    def __call__(self, image, seed: int = 0) -> torch.Tensor:
        """Raises LoaderError if the bytes are no image, or the image cannot go through the steps."""
        array = isinstance(image, (torch.Tensor, np.ndarray)) or hasattr(image, "__array_interface__")
        tensor = image_tensor(image) if array else bytes_tensor(image)
        signed = (integer("seed", seed) + 2**63) % 2**64 - 2**63  # torch's integers have a sign
        output, *error = self._transform.apply(tensor, signed)
        LoaderError.check(error)
        return output

    def describe(self) -> dict:
        return self._description

    def __getstate__(self) -> dict:
        return {name: value for name, value in self.__dict__.items() if name != "_transform"}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._transform = self._made()

    def __repr__(self) -> str:
        described = {k: v for k, v in self._description.items() if k not in ("type", "decode", "steps")}
        return call_text(self, self._description["steps"], **described, **self._description["decode"])


class clip_transform(image_transform):  # noqa: N801 - used like a function
    """open_clip's eval preprocessing: resize the shorter side (bicubic), centre crop, normalise.

    float32 [3, size, size], bit-exact. Other keywords are options of decoding. Another output:
    `image_transform(open_clip_steps(size), image_output(...))`.
    """

    _type = "clip_image"
    _output: dict | None = None

    def __init__(self, size: int = 224, **decode):
        self.size = integer("size", size)
        decode = decode_options(type(self).__name__, decode)
        super().__init__(open_clip_steps(self.size), self._output, **decode)

    def describe(self) -> dict:
        return {"type": self._type, "size": self.size, **self._description["decode"]}

    def __repr__(self) -> str:
        return call_text(self, self.size, **self._description["decode"])


class clip_pixels(clip_transform):  # noqa: N801 - used like a function
    """The same pixels before normalisation: uint8 [size, size, 3]."""

    _type = "clip_pixels"
    _output = image_output("uint8", "hwc")


def clip_train_transform(
    size: int = 224,
    scale=(0.9, 1.0),
    color_jitter=None,
    color_jitter_prob: float = 0.0,
    gray_scale_prob: float = 0.0,
    ratio=(3 / 4, 4 / 3),
    output: dict | None = None,
    **decode,
) -> image_transform:
    """open_clip's training preprocessing: a random resized crop (bicubic), CLIP's normalisation.

    With color_jitter (brightness, contrast, saturation, hue) and the probabilities as open_clip's
    `--aug-cfg` has them, its colour augmentation in between; see `open_clip_train_steps`.

    Args:
        output: an `image_output(...)`; default: float32, [3, size, size], CLIP's normalisation.
        decode: options of decoding.
    """
    decode = decode_options("clip_train_transform", decode)
    steps = open_clip_train_steps(
        size, scale, color_jitter, color_jitter_prob, gray_scale_prob, ratio
    )
    return image_transform(steps, output, **decode)


def siglip_transform(size: int = 224, output: dict | None = None, **decode) -> image_transform:
    """transformers' SiglipImageProcessorPil, open_clip's for SigLIP: squash (bicubic), -1 to 1.

    SiglipImageProcessor without the suffix resizes with torchvision: about 2.5 % of its values are
    others, by up to 12 levels.

    Args:
        output: an `image_output(...)`; default: float32, [3, size, size], -1 to 1.
        decode: options of decoding.
    """
    decode = decode_options("siglip_transform", decode)
    output = image_output(normalize="siglip") if output is None else output
    return image_transform(open_clip_steps(size, "squash"), output, **decode)
