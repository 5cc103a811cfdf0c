"""Tokenizers against the live packages, id for id, over thousands of seeded odd texts.

`MILLRACE_FUZZ_TEXTS=1000000` in the environment runs that many.
"""

import gzip
import html
import os
import pathlib
import pickle

import pytest
import torch
from odd_texts import odd_texts

import millrace

TEXTS = int(os.environ.get("MILLRACE_FUZZ_TEXTS", "4000"))
SENTENCES = (
    "The quick brown fox jumps over the lazy dog, isn't it? We'll see what they've done in 2024.",
    "a photo of two dogs running next to a red car\n\n  in the rain\r\n\tand snow",
    "Ünïcödé wörds, 日本語のテキスト, русский текст, हिन्दी, 😀😀 and numbers 1234567890",
)


def fuzz(count=TEXTS):
    return odd_texts(count, seed=int(os.environ.get("MILLRACE_FUZZ_SEED", "1")))


def test_clip_is_open_clips():
    ftfy = pytest.importorskip("ftfy", reason="SKIPPED: ftfy is not installed")
    tokenizer = pytest.importorskip(
        "open_clip.tokenizer", reason="SKIPPED: open_clip_torch is not installed"
    )
    assert ftfy.__version__ == "6.3.1"
    reference = tokenizer.SimpleTokenizer()
    ours = millrace.ClipTokenizer()
    batch = []
    for text in fuzz():
        batch.append(text)
        if len(batch) == 1000:
            assert_same(ours(batch), reference(batch), batch)
            batch = []
            reference.cache.clear()
            reference.cache.update({t: t for t in ("<start_of_text>", "<end_of_text>")})
    if batch:
        assert_same(ours(batch), reference(batch), batch)


@pytest.mark.parametrize("clean", ["whitespace", "canonicalize"])
def test_other_clean_ups_are_open_clips(clean):
    pytest.importorskip("ftfy", reason="SKIPPED: ftfy is not installed")
    tokenizer = pytest.importorskip(
        "open_clip.tokenizer", reason="SKIPPED: open_clip_torch is not installed"
    )
    texts = list(odd_texts(min(TEXTS, 2000), seed=2))
    assert_same(
        millrace.ClipTokenizer(clean=clean)(texts), tokenizer.SimpleTokenizer(clean=clean)(texts), texts
    )


def assert_same(ours, reference, texts):
    if not torch.equal(ours, reference):
        row = int((ours != reference).any(dim=1).nonzero()[0])
        raise AssertionError(f"{texts[row]!r}: {ours[row].tolist()} is not {reference[row].tolist()}")


def padded(encodings, length, pad_id):
    return torch.tensor([(e.ids + [pad_id] * length)[:length] for e in encodings])


def compare_file(path, reference, length=64, pad_id=0):
    """`reference` cuts at `length`; special tokens are counted."""
    reference.enable_truncation(length)
    ours = millrace.TokenizerFile(path, length, pad_id=pad_id)
    texts = [*SENTENCES, "", *odd_texts(min(TEXTS, 4000), seed=3)]
    expected = reference.encode_batch(texts)
    assert_same(ours(texts), padded(expected, length, pad_id), texts)
    mask = torch.tensor([[1] * len(e.ids) + [0] * (length - len(e.ids)) for e in expected])
    assert torch.equal(ours.attention_mask(texts), mask)


def train(tokenizers, pre_tokenizer, normalizer=None, **model):
    pre = tokenizers.pre_tokenizers
    made = tokenizers.Tokenizer(tokenizers.models.BPE(**model))
    made.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        made.normalizer = normalizer
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=3000,
        initial_alphabet=pre.ByteLevel.alphabet(),
        special_tokens=["<|begin|>", "<|endoftext|>", "<|pad|>"],
        show_progress=False,
    )
    made.train_from_iterator([*SENTENCES, *odd_texts(2000, seed=4)], trainer)
    return made


PATTERNS = {
    "llama3": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+",
    "qwen2": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+",
}


@pytest.mark.parametrize("kind", ["gpt2", "llama3", "qwen2"])
def test_a_tokenizer_json_gives_the_packages_ids(kind, tmp_path):
    tokenizers = pytest.importorskip("tokenizers", reason="SKIPPED: tokenizers is not installed")
    pre = tokenizers.pre_tokenizers
    if kind == "gpt2":
        made = train(tokenizers, pre.ByteLevel(add_prefix_space=False))
    else:
        split = pre.Split(tokenizers.Regex(PATTERNS[kind]), "isolated")
        byte_level = pre.ByteLevel(add_prefix_space=False, use_regex=False)
        normalizer = tokenizers.normalizers.NFC() if kind == "qwen2" else None
        made = train(tokenizers, pre.Sequence([split, byte_level]), normalizer,
                     ignore_merges=kind == "llama3")
    if kind == "llama3":
        made.post_processor = tokenizers.processors.TemplateProcessing(
            single="<|begin|> $A", special_tokens=[("<|begin|>", 0)]
        )
    made.save(str(tmp_path / "tokenizer.json"))
    compare_file(tmp_path / "tokenizer.json", made, pad_id=2)


def clip_reference():
    transformers = pytest.importorskip("transformers", reason="SKIPPED: transformers is not installed")
    open_clip = pytest.importorskip(
        "open_clip.tokenizer", reason="SKIPPED: open_clip_torch is not installed"
    )
    lines = gzip.open(open_clip.default_bpe()).read().decode().split("\n")[1 : 49152 - 256 - 2 + 1]
    merges = [tuple(line.split()) for line in lines]
    letters = list(open_clip.bytes_to_unicode().values())
    tokens = [*letters, *(c + "</w>" for c in letters), *("".join(m) for m in merges),
              "<|startoftext|>", "<|endoftext|>"]
    return transformers.CLIPTokenizer(
        vocab={token: i for i, token in enumerate(tokens)}, merges=merges
    )


def test_hugging_faces_clip_is_its_package():
    reference = clip_reference()
    ours = millrace.HuggingFaceClipTokenizer()
    texts = list(fuzz(min(TEXTS, 20000)))
    expected = reference(texts, padding="max_length", truncation=True, max_length=77)["input_ids"]
    assert_same(ours(texts), torch.tensor(expected), texts)


def test_a_string_with_halves_of_surrogate_pairs_is_repaired():
    tokenizer = millrace.ClipTokenizer()
    assert torch.equal(tokenizer("\ud83d\ude00 pair"), tokenizer("\U0001f600 pair"))
    assert torch.equal(tokenizer("a\ud800b"), tokenizer("a\ufffdb"))


def test_a_tokenizer_survives_pickling():
    tokenizer = millrace.ClipTokenizer(16, truncation="left", pad_id=3)
    again = pickle.loads(pickle.dumps(tokenizer))
    text = "a cropped photo of the pitcher " * 4
    assert torch.equal(tokenizer(text), again(text)) and again.describe() == tokenizer.describe()


def test_wrong_options_are_value_errors():
    with pytest.raises(ValueError, match="context_length"):
        millrace.ClipTokenizer(0)
    with pytest.raises(ValueError, match="truncation"):
        millrace.ClipTokenizer(truncation="middle")
    with pytest.raises(ValueError, match="cannot read"):
        millrace.TokenizerFile(pathlib.Path("there") / "is" / "none.json")


def test_unescaping_is_pythons():
    # What open_clip does to references, seen through ids.
    tokenizer = millrace.ClipTokenizer()
    for text in ("&copy 2024", "&notit;", "&#128;", "&lt;b&gt;"):
        assert torch.equal(tokenizer(text), tokenizer(html.unescape(text)))
