"""The transforms on their own, equal to what a DataLoader applies."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import numpy as np
import torch

from millrace._library import classes, ops
from millrace.errors import LoaderError

_MAX_IMAGE_PIXELS = 178_956_970  # Pillow's error threshold, 2 x MAX_IMAGE_PIXELS
_MAX_JPEG_SCANS = 500  # more than any encoder makes; empty ones cost a decoder time without end


def _bytes_tensor(data) -> torch.Tensor:
    """A uint8 tensor over bytes-like data (or a 1-D uint8 tensor as it is)."""
    if isinstance(data, torch.Tensor):
        return data.contiguous()
    view = memoryview(data)
    if view.nbytes == 0:
        return torch.empty(0, dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is only read, so read-only memory is fine
        return torch.frombuffer(view, dtype=torch.uint8)


def _image_tensor(image) -> torch.Tensor:
    if not isinstance(image, torch.Tensor):
        image = torch.from_numpy(np.array(image, copy=True))
    return image.contiguous()


def decode_image(data, max_image_pixels: int = _MAX_IMAGE_PIXELS) -> torch.Tensor:
    """Decodes a JPEG, PNG or WebP as Pillow's `convert("RGB")` does.

    Args:
        data: bytes-like, or a uint8 tensor [n].
        max_image_pixels: a larger image (width x height) is refused before anything is allocated.
    Returns: uint8 [height, width, 3].
    Raises: LoaderError if the bytes are no image or a broken one.
    """
    image, *error = ops.decode_image(_bytes_tensor(data), max_image_pixels)
    LoaderError.check(error)
    return image


def resize(image, size: tuple[int, int], filter: str = "bicubic", box=None) -> torch.Tensor:
    """Pillow's 8-bit `Image.resize`, bit for bit.

    Args:
        image: uint8 [height, width, 3], a tensor or an array.
        size: (height, width) of the result.
        filter: "nearest", "box", "bilinear", "hamming", "bicubic" or "lanczos".
        box: (left, top, right, bottom), the part of the image to resize, in pixels; default: all.
    Returns: uint8 [height, width, 3].
    """
    height, width = size
    edges = [float(edge) for edge in box] if box is not None else []
    return ops.resize(_image_tensor(image), height, width, filter, edges)


class _ClipImage:
    """What clip_transform and clip_pixels share: the options, and how the library is told them."""

    _type: str

    def __init__(
        self,
        size: int = 224,
        max_image_pixels: int = _MAX_IMAGE_PIXELS,
        max_jpeg_scans: int = _MAX_JPEG_SCANS,
    ):
        self.size = size
        self.max_image_pixels = max_image_pixels
        self.max_jpeg_scans = max_jpeg_scans

    def describe(self) -> dict:
        return {
            "type": self._type,
            "size": self.size,
            "max_image_pixels": self.max_image_pixels,
            "max_jpeg_scans": self.max_jpeg_scans,
        }


class clip_transform(_ClipImage):  # noqa: N801 - used like a function
    """open_clip's eval preprocessing: resize the shorter side (bicubic), centre crop, normalise.

    Called with a decoded image, uint8 [height, width, 3], it returns float32 [3, size, size]. As the
    transform of `millrace.image` it also decodes.
    """

    _type = "clip_image"

    def __call__(self, image) -> torch.Tensor:
        return ops.clip_transform(_image_tensor(image), self.size)


class clip_pixels(_ClipImage):  # noqa: N801 - used like a function
    """The same pixels before normalisation: uint8 [size, size, 3]. For `millrace.image`."""

    _type = "clip_pixels"


class ClipTokenizer:
    """CLIP's tokenizer as open_clip's: text to int64 ids, padded with 0.

    Exact for every text whose ftfy and HTML clean-up is the identity.
    """

    def __init__(self, context_length: int = 77):
        self.context_length = context_length
        self._tokenizer = classes.ClipTokenizer(context_length)

    def __call__(self, texts: str | Iterable[str]) -> torch.Tensor:
        """Returns int64 [N, context_length]; N is 1 for a single string."""
        texts = [texts] if isinstance(texts, (str, bytes)) else list(texts)
        encoded = [t if isinstance(t, bytes) else t.encode("utf-8", "surrogatepass") for t in texts]
        return self._tokenizer.encode(_bytes_tensor(b"".join(encoded)), [len(t) for t in encoded])

    def describe(self) -> dict:
        return {"type": "clip", "context_length": self.context_length}
