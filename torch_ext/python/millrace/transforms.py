"""The transforms on their own, equal to what a DataLoader applies."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from millrace._library import classes, ops
from millrace._tensors import bytes_tensor, image_tensor
from millrace.errors import LoaderError

_MAX_IMAGE_PIXELS = 178_956_970  # Pillow's error threshold, 2 x MAX_IMAGE_PIXELS


def decode_image(data, max_image_pixels: int = _MAX_IMAGE_PIXELS) -> torch.Tensor:
    """Decodes a JPEG, PNG or WebP as Pillow's `convert("RGB")` does.

    Args:
        data: bytes-like, or a uint8 tensor [n].
        max_image_pixels: a larger image (width x height) is refused before anything is allocated.
    Returns: uint8 [height, width, 3].
    Raises: LoaderError if the bytes are no image or a broken one.
    """
    image, *error = ops.decode_image(bytes_tensor(data), max_image_pixels)
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
    return ops.resize(image_tensor(image), height, width, filter, edges)


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
        return self._tokenizer.encode(bytes_tensor(b"".join(encoded)), [len(t) for t in encoded])

    def describe(self) -> dict:
        return {"type": "clip", "context_length": self.context_length}
