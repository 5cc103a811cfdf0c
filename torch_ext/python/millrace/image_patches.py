"""Images of any aspect ratio as sequences of patches, equal to transformers' Siglip2ImageProcessorPil."""

from __future__ import annotations

from millrace._arguments import call_text, decode_options, integer, text
from millrace.image_transforms import image_output


class image_patches:  # noqa: N801 - used like a function
    """What a column has of an image's patches. For `millrace.image`; columns with the same field and options
    decode an image once.

    Args:
        part: "pixels": [max_patches, patch_size * patch_size * 3], the patches row by row, 0 behind the last;
            "mask": int64 [max_patches], 1 for a patch; "coordinates": int64 [max_patches, 2], row and column
            of each; "shape": int64 [2], patches along the height and the width.
        output: an `image_output(...)` of layout "hwc"; default: float32, -1 to 1.
        decode: options of decoding: max_image_pixels, max_jpeg_scans, ...
    """

    def __init__(
        self,
        part: str = "pixels",
        patch_size: int = 16,
        max_patches: int = 256,
        filter: str = "bilinear",
        output: dict | None = None,
        **decode,
    ):
        self._description = {
            "type": "image_patches",
            "part": part,
            "decode": decode_options(type(self).__name__, decode),
            "patch_size": integer("patch_size", patch_size),
            "max_patches": integer("max_patches", max_patches),
            "filter": text("filter", filter),
            "output": image_output(layout="hwc", normalize="siglip") if output is None else output,
        }

    def describe(self) -> dict:
        return self._description

    def __repr__(self) -> str:
        described = {k: v for k, v in self._description.items() if k not in ("type", "decode")}
        return call_text(self, **described, **self._description["decode"])
