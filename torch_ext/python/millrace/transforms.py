"""The transforms on their own, equal to what a DataLoader applies."""

from __future__ import annotations

import json
from collections.abc import Iterable

import torch

from millrace._arguments import call_text, decode_options, integers, reals, text, to_json
from millrace._library import classes, ops
from millrace._tensors import bytes_tensor, image_tensor
from millrace.errors import LoaderError


def decode_image(data, **options) -> torch.Tensor:
    """Decodes a JPEG, PNG or WebP, by default as Pillow's `convert("RGB")` does.

    Args:
        data: bytes-like, or a uint8 tensor [n].
        options: of decoding, see docs/decoding.md: max_image_pixels, max_jpeg_scans,
            exif_orientation ("ignore" or "apply"), alpha ("drop" or "composite"), background
            ([red, green, blue]), truncated ("error" or "keep"), color_mode (for steps), jpeg_decoder ("auto" or "turbo"), ...
    Returns: uint8 [height, width, 3].
    Raises: LoaderError if the bytes are no image or a broken one.
    """
    options = decode_options("decode_image", options)
    image, *error = ops.decode_image(bytes_tensor(data), to_json(options, "decode options"))
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
    height, width = integers("size", size, "(height, width)")
    edges = [] if box is None else reals("box", box, "(left, top, right, bottom)")
    return ops.resize(image_tensor(image), height, width, text("filter", filter), edges)


class Tokenizer:
    """What all tokenizers share. Immutable; pickled and copied by what they were made of."""

    def __init__(self, **description):
        self._description = {k: v for k, v in description.items() if v is not None}
        self._tokenizer = classes.Tokenizer(to_json(self._description, "tokenizer"))
        self.context_length = json.loads(self._tokenizer.describe())["context_length"]

    def _encode(self, texts: str | Iterable[str]) -> tuple[torch.Tensor, torch.Tensor]:
        texts = [texts] if texts is None or isinstance(texts, (str, bytes)) else list(texts)
        encoded = [t if isinstance(t, bytes) else _utf8(t) for t in texts]
        return self._tokenizer.encode(bytes_tensor(b"".join(encoded)), [len(t) for t in encoded])

    def __call__(self, texts: str | Iterable[str]) -> torch.Tensor:
        """Returns int64 [N, context_length]; N is 1 for a single string."""
        return self._encode(texts)[0]

    def attention_mask(self, texts: str | Iterable[str]) -> torch.Tensor:
        """Returns int64 [N, context_length]: 1 where `self(texts)` has the text's own ids, else 0."""
        return self._encode(texts)[1]

    def describe(self) -> dict:
        return dict(self._description)

    def __repr__(self) -> str:
        return call_text(self, **{k: v for k, v in self._description.items() if k != "type"})

    def __reduce__(self):
        return _restored_tokenizer, (type(self), self._description)


def _restored_tokenizer(kind, description):
    tokenizer = kind.__new__(kind)
    Tokenizer.__init__(tokenizer, **description)
    return tokenizer


def _utf8(text: str) -> bytes:
    """UTF-8 in which pairs of surrogates are one character, and a lone one is U+FFFD."""
    if not isinstance(text, str):
        raise TypeError(f"captions are str or bytes, not {type(text).__name__}")
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


class ClipTokenizer(Tokenizer):
    """CLIP's tokenizer with open_clip's ids for every text (ftfy and HTML unescaping included).

    Args:
        context_length: ids a text; of a longer one the last is still the end token.
        pad_id: what follows the end token.
        truncation: "right" or "left", the end of a long text that is left out.
        padding: "right" or "left", the side of a short text that is filled.
        clean: open_clip's `clean`: "lower", "whitespace" (case is kept) or "canonicalize"
            (punctuation is removed).
    """

    def __init__(
        self,
        context_length: int = 77,
        *,
        pad_id: int | None = None,
        truncation: str | None = None,
        padding: str | None = None,
        clean: str | None = None,
    ):
        super().__init__(
            type="clip",
            context_length=context_length,
            pad_id=pad_id,
            truncation=truncation,
            padding=padding,
            clean=clean,
        )


class HuggingFaceClipTokenizer(Tokenizer):
    """transformers' CLIPTokenizer of OpenAI's checkpoints: the same vocabulary, but NFC and neither
    ftfy nor HTML unescaping, and padding with the end token."""

    def __init__(
        self,
        context_length: int = 77,
        *,
        pad_id: int | None = None,
        truncation: str | None = None,
        padding: str | None = None,
    ):
        super().__init__(
            type="hf_clip",
            context_length=context_length,
            pad_id=pad_id,
            truncation=truncation,
            padding=padding,
        )


class TokenizerFile(Tokenizer):
    """A tokenizer.json of a byte-level BPE (GPT-2, Llama 3, Qwen, ...), with the ids of the
    `tokenizers` package. What a file asks for that is not supported is a ValueError that names it. Its
    sides of padding and truncation hold where none is given, its lengths never: `context_length` does.

    Args:
        file: the path.
        context_length: ids a text, begin and end tokens among them.
        pad_id: needed where the file does not say what it pads with.
        truncation: "right" or "left", the end of a long text that is left out.
        padding: "right" or "left", the side of a short text that is filled.
        add_special_tokens: whether the file's begin and end tokens are added.
    """

    def __init__(
        self,
        file,
        context_length: int = 77,
        *,
        pad_id: int | None = None,
        truncation: str | None = None,
        padding: str | None = None,
        add_special_tokens: bool = True,
    ):
        super().__init__(
            type="file",
            file=str(file),
            context_length=context_length,
            pad_id=pad_id,
            truncation=truncation,
            padding=padding,
            add_special_tokens=add_special_tokens,
        )


class SentencePieceTokenizer(Tokenizer):
    """A SentencePiece model file (T5, SigLIP, mT5, Gemma), with the ids of the `sentencepiece` package.

    Args:
        file: the path of the `.model`.
        context_length: ids a text, the end token among them.
        kind: "plain": the ids of `encode`; "t5": and the end token; "siglip": as transformers'
            SiglipTokenizer; "siglip2": as its Siglip2Tokenizer, of Gemma's model; "open_clip": cleaned as
            open_clip does for SigLIP, then as "t5".
        pad_id: needed where the model does not say what it pads with; "siglip" and "open_clip" pad
            with the end token.
        truncation: "right" or "left", the end of a long text that is left out.
        padding: "right" or "left", the side of a short text that is filled.
    """

    def __init__(
        self,
        file,
        context_length: int = 64,
        *,
        kind: str = "plain",
        pad_id: int | None = None,
        truncation: str | None = None,
        padding: str | None = None,
    ):
        super().__init__(
            type="sentencepiece",
            file=str(file),
            kind=kind,
            context_length=context_length,
            pad_id=pad_id,
            truncation=truncation,
            padding=padding,
        )
