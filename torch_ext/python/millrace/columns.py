"""Columns: what a batch holds. Each names the fields it reads and the transform it applies.

`fields` lists alternatives separated by `;`, the first one present wins: a field name (`jpg`), a value
inside a JSON field (`json:caption`, `json:meta.width`), or `__key__`, `__shard__`, `__offset__`.
"""

from __future__ import annotations

from millrace.transforms import ClipTokenizer, clip_transform

IMAGE_FIELDS = "jpg;png;jpeg;webp;image;image.bytes;bytes;img;modalities.0.value"
TEXT_FIELDS = (
    "txt;caption;captions;text;title;json:caption;json:captions;json:texts;json:text;json:title"
)


def image(fields: str = IMAGE_FIELDS, transform=None) -> dict:
    """An encoded image through `transform` (default `clip_transform(224)`)."""
    transform = clip_transform(224) if transform is None else transform
    return {"type": "image", "fields": fields, "transform": transform.describe()}


def text(fields: str = TEXT_FIELDS, tokenizer=None) -> dict:
    """Text to int64 token ids [context_length] (default `ClipTokenizer()`)."""
    tokenizer = ClipTokenizer() if tokenizer is None else tokenizer
    return {"type": "text", "fields": fields, "tokenizer": tokenizer.describe()}


def raw(fields: str) -> dict:
    """The bytes as they are: a list of `bytes` (of `str` for `__key__` and `__shard__`)."""
    return {"type": "raw", "fields": fields}


def number(field: str, dtype: str = "float64") -> dict:
    """A decimal number, one a sample; `dtype` is "float64", "float32" or "int64"."""
    return {"type": "number", "fields": field, "dtype": dtype}


def clip_columns(size: int = 224) -> dict[str, dict]:
    """`image`: float32 [3, size, size] as open_clip's eval transform makes it; `text`: int64 [77]."""
    return {"image": image(transform=clip_transform(size)), "text": text()}
