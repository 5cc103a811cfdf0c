"""Columns: what a batch holds. Each names the fields it reads and the transform it applies.

`fields` lists alternatives separated by `;`, the first one present wins: a field name (`jpg`), a value
inside a JSON field (`json:caption`, `json:meta.width`), or `__key__`, `__shard__`, `__offset__`.
"""

from __future__ import annotations

from millrace.image_patches import image_patches
from millrace.image_transforms import clip_transform, image_transform
from millrace.transforms import ClipTokenizer, Tokenizer

IMAGE_FIELDS = (
    "jpg;png;jpeg;webp;image;image.bytes;bytes;img;modalities.0.value;"
    "modalities.0.jpg;modalities.0.png;modalities.0.webp"
)
TEXT_FIELDS = (
    "txt;caption;captions;texts;text;title;"
    "json:caption;json:captions;json:texts;json:text;json:title"
)


def image(fields: str = IMAGE_FIELDS, transform=None) -> dict:
    """An encoded image through `transform` (default `clip_transform(224)`)."""
    transform = clip_transform(224) if transform is None else transform
    if not isinstance(transform, (image_transform, image_patches)):
        raise TypeError(
            f"transform = {transform!r}: must be a transform of millrace's, as clip_transform(224) gives one"
        )
    return {"type": "image", "fields": fields, "transform": transform.describe()}


def text(fields: str = TEXT_FIELDS, tokenizer=None, **captions) -> dict:
    """Text to int64 token ids [context_length] (default `ClipTokenizer()`).

    `captions` says which caption it is where there are several, or how one is made (docs/captions.md):
        choice: "first" (default), "random" (seeded by the plan) or "all" (each in turn: the sample
            takes part once for each).
        weights: {selector: probability}, one of which is drawn; 0: only where the others have nothing.
        templates: `"a photo of {label}[, {json:color}]"`, one or a list of them.
        clean: [(pattern, replacement), ...], regular expressions in RE2's syntax.
        empty: "drop" (default) or "keep" captions that are nothing but white space.
    """
    tokenizer = ClipTokenizer() if tokenizer is None else tokenizer
    if not isinstance(tokenizer, Tokenizer):
        raise TypeError(
            f"tokenizer = {tokenizer!r}: must be a tokenizer of millrace's, as ClipTokenizer() gives one"
        )
    column = {"type": "text", "fields": fields, "tokenizer": tokenizer.describe()}
    return {**column, "captions": captions} if captions else column


def attention_mask(fields: str = TEXT_FIELDS, tokenizer=None, **captions) -> dict:
    """Which ids of the `text` column with the same arguments are the text's own: int64
    [context_length], 1 for those and 0 for padding."""
    return {**text(fields, tokenizer, **captions), "type": "attention_mask"}


def raw(fields: str = "", **captions) -> dict:
    """The bytes as they are: a list of `bytes` (of `str` for `__key__` and `__shard__`).

    With `captions`, as for `text`: the caption that a text column with the same ones gets."""
    column = {"type": "raw", "fields": fields}
    return {**column, "captions": captions} if captions else column


def number(field: str, dtype: str = "float64") -> dict:
    """A decimal number, one a sample; `dtype` is "float64", "float32" or "int64"."""
    return {"type": "number", "fields": field, "dtype": dtype}


def clip_columns(size: int = 224) -> dict[str, dict]:
    """`image`: float32 [3, size, size] as open_clip's eval transform makes it; `text`: int64 [77]."""
    return {"image": image(transform=clip_transform(size)), "text": text()}


def siglip2_columns(max_patches: int = 256, patch_size: int = 16) -> dict[str, dict]:
    """What SigLIP 2's NaFlex models take, as transformers' Siglip2ImageProcessorPil makes it: `pixel_values`
    float32 [max_patches, patch_size * patch_size * 3], `pixel_attention_mask` int64 [max_patches],
    `spatial_shapes` int64 [2]. An image is decoded once.

    Siglip2ImageProcessor without the suffix resizes with torchvision: about 0.3 % of its values are one
    level off these."""
    parts = {"pixel_values": "pixels", "pixel_attention_mask": "mask", "spatial_shapes": "shape"}
    return {
        name: image(transform=image_patches(part, patch_size, max_patches))
        for name, part in parts.items()
    }
