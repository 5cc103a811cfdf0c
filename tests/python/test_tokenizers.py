"""Tokenizers against the live packages, id for id, over thousands of seeded odd texts.

`MILLRACE_FUZZ_TEXTS=1000000` in the environment runs that many.
"""

import gzip
import html
import itertools
import json
import os
import pathlib
import pickle
import random

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


def batches(count=TEXTS, seed=None, size=1000):
    """Lists of odd texts, `count` of them in all."""
    texts = odd_texts(count, seed=int(os.environ.get("MILLRACE_FUZZ_SEED", "1")) if seed is None else seed)
    while batch := list(itertools.islice(texts, size)):
        yield batch


def test_clip_is_open_clips():
    pytest.importorskip("ftfy", reason="SKIPPED: ftfy is not installed")
    tokenizer = pytest.importorskip(
        "open_clip.tokenizer", reason="SKIPPED: open_clip_torch is not installed"
    )
    reference = tokenizer.SimpleTokenizer()
    ours = millrace.ClipTokenizer()
    for batch in batches():
        assert_same(ours(batch), reference(batch), batch)
        reference.cache.clear()
        reference.cache.update({t: t for t in ("<start_of_text>", "<end_of_text>")})


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
    for texts in itertools.chain([[*SENTENCES, ""]], batches(seed=3)):
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


def byte_level_parts(tokenizers, name):
    """Pre-tokenizers that end with a ByteLevel that adds a space."""
    pre = tokenizers.pre_tokenizers
    split = pre.Split(tokenizers.Regex(PATTERNS["llama3"]), "isolated")
    return {
        "alone": pre.ByteLevel(add_prefix_space=True),
        "whole": pre.ByteLevel(add_prefix_space=True, use_regex=False),
        "behind_a_split": pre.Sequence([split, pre.ByteLevel(add_prefix_space=True, use_regex=False)]),
        "with_a_second_split": pre.Sequence([split, pre.ByteLevel(add_prefix_space=True)]),
    }[name]


def texts_between_tokens(count, tokens):
    """Odd texts with some of `tokens`, spaces and line ends put between their characters."""
    rng = random.Random(17)
    for text in odd_texts(count, seed=9):
        chars = list(text[:80])
        for _ in range(rng.randrange(4)):
            chars.insert(rng.randrange(len(chars) + 1), rng.choice([*tokens, " ", "  ", "\n"]))
        yield "".join(chars).encode("utf-8", "replace").decode()


@pytest.mark.parametrize("name", ["alone", "whole", "behind_a_split", "with_a_second_split"])
def test_a_space_is_put_before_what_begins_without_one(name, tmp_path):
    tokenizers = pytest.importorskip("tokenizers", reason="SKIPPED: tokenizers is not installed")
    made = train(tokenizers, byte_level_parts(tokenizers, name))
    made.enable_truncation(64)
    made.enable_padding(length=64, pad_id=2, pad_token="<|pad|>")
    made.save(str(tmp_path / "tokenizer.json"))
    ours = millrace.TokenizerFile(tmp_path / "tokenizer.json", 64)
    texts = [*SENTENCES, "", " ", "\n", *texts_between_tokens(TEXTS // 4, ["<|begin|>", "<|pad|>"])]
    assert_same(ours(texts), torch.tensor([e.ids for e in made.encode_batch(texts)]), texts)


@pytest.mark.parametrize("padding", ["left", "right"])
@pytest.mark.parametrize("truncation", ["left", "right"])
def test_a_tokenizer_jsons_sides_are_the_packages(padding, truncation, tmp_path):
    tokenizers = pytest.importorskip("tokenizers", reason="SKIPPED: tokenizers is not installed")
    made = train(tokenizers, tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False))
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="<|begin|> $A <|endoftext|>", special_tokens=[("<|begin|>", 0), ("<|endoftext|>", 1)])
    made.enable_truncation(12, direction=truncation)
    made.enable_padding(length=12, direction=padding, pad_id=2, pad_token="<|pad|>")
    made.save(str(tmp_path / "tokenizer.json"))
    ours = millrace.TokenizerFile(tmp_path / "tokenizer.json", 12)
    texts = [*SENTENCES, "", "a", *odd_texts(TEXTS // 4, seed=10)]
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    expected = made.encode_batch(texts)
    assert_same(ours(texts), torch.tensor([e.ids for e in expected]), texts)
    assert torch.equal(ours.attention_mask(texts), torch.tensor([e.attention_mask for e in expected]))
    again = pickle.loads(pickle.dumps(ours))
    assert torch.equal(again(texts), ours(texts))
    # Said once more it is the same tokenizer; the other way it is another.
    said = millrace.TokenizerFile(tmp_path / "tokenizer.json", 12, truncation=truncation)
    assert torch.equal(said(texts), ours(texts))
    other = "left" if truncation == "right" else "right"
    turned = millrace.TokenizerFile(tmp_path / "tokenizer.json", 12, truncation=other)
    made.enable_truncation(12, direction=other)
    assert_same(turned(texts), torch.tensor([e.ids for e in made.encode_batch(texts)]), texts)


def test_a_tokenizer_file_that_cannot_be_used_is_named(tmp_path):
    for kind in (millrace.TokenizerFile, millrace.SentencePieceTokenizer):
        with pytest.raises(ValueError, match=f"{tmp_path} is no file"):
            kind(tmp_path, pad_id=0)
    (tmp_path / "t.json").write_text("{}")
    with pytest.raises(ValueError, match='t.json: "model"'):
        millrace.TokenizerFile(tmp_path / "t.json", pad_id=0)


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
    for texts in batches():
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


@pytest.mark.parametrize(
    "texts, kind", [([None], "NoneType"), (None, "NoneType"), (["a", 3], "int")]
)
def test_what_is_no_text_is_a_type_error(texts, kind):
    with pytest.raises(TypeError, match=f"captions are str or bytes, not {kind}"):
        millrace.ClipTokenizer()(texts)


def test_a_tokenizers_text_is_the_call_that_makes_it():
    tokenizer = millrace.ClipTokenizer(16, truncation="left")
    assert repr(tokenizer) == "ClipTokenizer(context_length=16, truncation='left')"


def test_unescaping_is_pythons():
    # What open_clip does to references, seen through ids.
    tokenizer = millrace.ClipTokenizer()
    for text in ("&copy 2024", "&notit;", "&#128;", "&lt;b&gt;"):
        assert torch.equal(tokenizer(text), tokenizer(html.unescape(text)))


def sentencepiece():
    return pytest.importorskip("sentencepiece", reason="SKIPPED: sentencepiece is not installed")


# Every kind of model that is read, and each setting that changes how text is parted.
TRAININGS = {
    "t5": dict(pad_id=0, eos_id=1, unk_id=2, bos_id=-1),
    "unigram_bytes": dict(byte_fallback=True, pad_id=3),
    "bpe": dict(model_type="bpe"),
    "bpe_bytes": dict(model_type="bpe", byte_fallback=True, normalization_rule_name="identity",
                      add_dummy_prefix=False, remove_extra_whitespaces=False),
    "unigram_symbols": dict(user_defined_symbols=["photo of", "'s", "日本", "0"]),
    "bpe_symbols": dict(model_type="bpe", user_defined_symbols=["photo of", "'s", "日本", "0"]),
    "suffix": dict(treat_whitespace_as_suffix=True),
    "folded": dict(normalization_rule_name="nfkc_cf", split_by_whitespace=False),
}


def train_pieces(folder, name):
    """A model trained on odd texts; some of its pieces are `unused` where the name says so."""
    path = folder / f"{name}.model"
    if not path.exists():
        corpus = folder / "corpus.txt"
        corpus.write_text("\n".join(
            " ".join(text.split()) for text in [*SENTENCES * 20, *odd_texts(1500, seed=4)]))
        sentencepiece().SentencePieceTrainer.train(
            input=str(corpus), model_prefix=str(path.with_suffix("")), vocab_size=1000,
            character_coverage=0.98, hard_vocab_limit=False, minloglevel=2, num_threads=1,
            **TRAININGS[name])
    return path


@pytest.fixture(scope="session")
def pieces_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sentencepiece")


@pytest.mark.parametrize("name", TRAININGS)
def test_a_sentencepiece_model_gives_the_packages_ids(name, pieces_folder):
    path = train_pieces(pieces_folder, name)
    reference = sentencepiece().SentencePieceProcessor(model_file=str(path))
    ours = millrace.SentencePieceTokenizer(path, 512, pad_id=0)
    for texts in itertools.chain([[*SENTENCES, "", " ", "▁"]], batches(TEXTS // 4, seed=5)):
        expected = reference.encode(texts)
        rows = torch.tensor([(ids + [0] * 512)[:512] for ids in expected])
        assert_same(ours(texts), rows, texts)


@pytest.mark.parametrize("model_type", ["unigram", "bpe"])
def test_pieces_that_are_unused_are_parted_as_the_package_does(model_type, pieces_folder):
    path = train_pieces(pieces_folder, "t5" if model_type == "unigram" else "bpe")
    reference = sentencepiece().SentencePieceProcessor(model_file=str(path))
    normal = [i for i in range(reference.get_piece_size()) if reference.get_score(i) < 0]
    unused = set(normal[::3])
    changed = with_types(path.read_bytes(), {i: 5 for i in unused})
    (pieces_folder / "unused.model").write_bytes(changed)
    reference = sentencepiece().SentencePieceProcessor(model_proto=changed)
    ours = millrace.SentencePieceTokenizer(pieces_folder / "unused.model", 512, pad_id=0)
    for texts in batches(TEXTS // 4, seed=6):
        rows = torch.tensor([(ids + [0] * 512)[:512] for ids in reference.encode(texts)])
        assert not unused & set(rows.flatten().tolist())
        assert_same(ours(texts), rows, texts)


def with_types(model: bytes, types: dict) -> bytes:
    """`model` with pieces of other types: the field `type` (3) is put behind the others of a piece."""
    out, at, piece = bytearray(), 0, 0
    while at < len(model):
        tag = model[at]
        assert tag & 7 == 2  # the top level has nothing but messages
        length, shift, body = 0, 0, at + 1
        while True:
            length |= (model[body] & 0x7F) << shift
            shift += 7
            body += 1
            if model[body - 1] < 0x80:
                break
        message = model[body : body + length]
        if tag == 0x0A and piece in types:
            message += bytes([3 << 3, types[piece]])
        piece += tag == 0x0A
        size = bytearray()
        while True:
            more = length_of(message, len(size))
            size.append(more)
            if more < 0x80:
                break
        out += bytes([tag]) + size + message
        at = body + length
    return bytes(out)


def length_of(message: bytes, index: int) -> int:
    """Byte `index` of the length of `message` as a varint."""
    rest = len(message) >> (7 * index)
    return (rest & 0x7F) | (0x80 if rest > 0x7F else 0)


def test_siglip_is_transformers_tokenizer(pieces_folder):
    transformers = pytest.importorskip("transformers", reason="SKIPPED: transformers is not installed")
    pytest.importorskip("google.protobuf", reason="SKIPPED: protobuf is not installed")
    path = train_pieces(pieces_folder, "t5")
    reference = transformers.SiglipTokenizer(str(path))
    ours = millrace.SentencePieceTokenizer(path, 64, kind="siglip")
    special = ["a </s> b", "</s>", "<unk>", " </s></s> Two ▁ words", "- a photo", "x<unk>y</s>", "</S>"]
    for texts in itertools.chain([[*SENTENCES, "", *special]], batches(TEXTS // 4, seed=7)):
        expected = reference(texts, padding="max_length", truncation=True, max_length=64)
        assert_same(ours(texts), torch.tensor(expected["input_ids"]), texts)


GEMMA_SYMBOLS = ["<mask>", "\n", "\n\n", "\t", "▁▁", "▁▁▁", "<start_of_turn>", "<table>"]


def train_gemma(folder):
    """A model as Gemma's, and a folder of it as transformers reads it; its path and the tokenizer."""
    transformers = pytest.importorskip("transformers", reason="SKIPPED: transformers is not installed")
    tokenizers = pytest.importorskip("tokenizers", reason="SKIPPED: tokenizers is not installed")
    from transformers.tokenization_utils_base import generate_merges

    path = folder / "gemma.model"
    lines = (text.lower().replace("\0", "") for text in odd_texts(1500, seed=12))
    sentencepiece().SentencePieceTrainer.train(
        sentence_iterator=iter([*(t for t in lines if t.strip()), *SENTENCES * 20]),
        model_prefix=str(path.with_suffix("")), model_type="bpe", vocab_size=3000, byte_fallback=True,
        normalization_rule_name="identity", add_dummy_prefix=False, remove_extra_whitespaces=False,
        split_digits=True, allow_whitespace_only_pieces=True, character_coverage=0.98,
        pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece="<pad>", eos_piece="<eos>", bos_piece="<bos>",
        user_defined_symbols=GEMMA_SYMBOLS, max_sentence_length=100000, minloglevel=2, num_threads=1)
    model = sentencepiece().SentencePieceProcessor(model_file=str(path))
    pieces = [model.id_to_piece(i) for i in range(model.get_piece_size())]
    vocab = {piece: i for i, piece in enumerate(pieces)}
    merges = generate_merges(vocab, [(piece, model.get_score(i)) for i, piece in enumerate(pieces)])
    made = tokenizers.Tokenizer(tokenizers.models.BPE(
        vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    made.normalizer = tokenizers.normalizers.Replace(" ", "▁")
    made.pre_tokenizer = tokenizers.pre_tokenizers.Split(" ", "merged_with_previous")
    made.add_special_tokens([tokenizers.AddedToken(p, normalized=False, special=True) for p in pieces[:4]])
    made.add_tokens([tokenizers.AddedToken(p, normalized=False) for p in GEMMA_SYMBOLS])
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="$A <eos>", special_tokens=[("<eos>", 1)])
    made.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "Siglip2Tokenizer", "add_bos_token": False, "add_eos_token": True,
        "padding_side": "right", "bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>",
        "unk_token": "<unk>", "mask_token": "<mask>"}))
    return path, transformers.AutoTokenizer.from_pretrained(folder)


def test_siglip2_is_transformers_tokenizer(tmp_path):
    path, reference = train_gemma(tmp_path)
    assert type(reference).__name__ == "Siglip2Tokenizer"
    special = [*GEMMA_SYMBOLS, "<MASK>", "<TABLE>", "<pad>", "<bos>", "<eos>", "<EOS>", "<unk>", "▁",
               "      ", "\t", "<0x0A>", "İ", "ΑΣ", "ẞ"]
    texts = [*SENTENCES, "", " ", "A Photo of TWO dogs", *special]
    texts += texts_between_tokens(TEXTS // 2, special)
    for length, truncation in ((64, "right"), (10, "left")):
        reference.truncation_side = truncation
        ours = millrace.SentencePieceTokenizer(path, length, kind="siglip2", truncation=truncation)
        expected = reference(texts, padding="max_length", truncation=True, max_length=length)
        assert_same(ours(texts), torch.tensor(expected["input_ids"]), texts)
        assert torch.equal(ours.attention_mask(texts), torch.tensor(expected["attention_mask"]))


def test_open_clips_clean_up_for_siglip_is_open_clips(pieces_folder):
    open_clip = pytest.importorskip(
        "open_clip.tokenizer", reason="SKIPPED: open_clip_torch is not installed"
    )
    path = train_pieces(pieces_folder, "t5")
    reference = sentencepiece().SentencePieceProcessor(model_file=str(path))
    ours = millrace.SentencePieceTokenizer(path, 64, kind="open_clip")
    for texts in itertools.chain([[*SENTENCES, ""]], batches(TEXTS // 4, seed=8)):
        cleaned = [open_clip.canonicalize_text(open_clip.basic_clean(text)) for text in texts]
        rows = [ids[:63] + [1] * (64 - len(ids[:63])) for ids in reference.encode(cleaned)]
        assert_same(ours(texts), torch.tensor(rows), texts)


def tiny_model() -> bytes:
    """<unk> 0, </s> 1 and the pieces "▁a" 2 and "▁b" 3: a ModelProto by hand."""

    def field(number, body):
        return bytes([number << 3 | 2, len(body)]) + body

    def piece(text, kind):
        return field(1, field(1, text.encode()) + bytes([3 << 3, kind]))

    return piece("<unk>", 2) + piece("</s>", 3) + piece("▁a", 1) + piece("▁b", 1)


def test_a_sentencepiece_model_tokenizes_a_datasets_captions(tmp_path):
    (tmp_path / "m.model").write_bytes(tiny_model())
    captions = ["a b", "B a a", "?"]
    (tmp_path / "captions.jsonl").write_text(
        "".join(f'{{"image": "x.jpg", "caption": "{c}"}}\n' for c in captions))
    tokenizer = millrace.SentencePieceTokenizer(tmp_path / "m.model", 4, kind="open_clip")
    assert tokenizer(captions).tolist() == [[2, 3, 1, 1], [3, 2, 2, 1], [1, 1, 1, 1]]
    assert tokenizer.attention_mask(captions).sum(dim=1).tolist() == [3, 4, 1]
    again = pickle.loads(pickle.dumps(tokenizer))
    assert torch.equal(again(captions), tokenizer(captions))
    loader = millrace.DataLoader(
        str(tmp_path / "captions.jsonl"), batch_size=3, columns={"text": millrace.text("json:caption", tokenizer)})
    assert torch.equal(next(iter(loader))["text"], tokenizer(captions))


def test_a_sentencepiece_model_that_cannot_be_used_is_a_value_error(tmp_path):
    (tmp_path / "m.model").write_bytes(tiny_model())
    with pytest.raises(ValueError, match="kind"):
        millrace.SentencePieceTokenizer(tmp_path / "m.model", kind="word")
    with pytest.raises(ValueError, match="give pad_id"):
        millrace.SentencePieceTokenizer(tmp_path / "m.model")
    (tmp_path / "m.model").write_bytes(tiny_model()[:-1])
    with pytest.raises(ValueError, match="m.model: sentencepiece model"):
        millrace.SentencePieceTokenizer(tmp_path / "m.model", pad_id=0)


def test_a_short_text_is_padded_on_either_side():
    right, left = (millrace.ClipTokenizer(10, padding=side) for side in ("right", "left"))
    ids, mask = right("a photo of a dog")[0], right.attention_mask("a photo of a dog")[0]
    count = int(mask.sum())
    assert count == 7
    assert torch.equal(left("a photo of a dog")[0], torch.cat([ids[count:], ids[:count]]))
    assert torch.equal(left.attention_mask("a photo of a dog")[0], mask.flip(0))
