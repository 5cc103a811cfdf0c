"""Captions a second of millrace's tokenizers against the packages they equal, on one core, in one run.

    ./dev python bench/tokenizer_peers.py [CAPTIONS.txt]     # one caption a line

The ids are compared before anything is timed. What is timed is CPU time of lists of 1,000 captions, a list
of each in turn, the best of several rounds.
"""

import gzip
import os
import pathlib
import sys
import tempfile
import time

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import open_clip.tokenizer
import sentencepiece
import tokenizers
import torch
import transformers

import millrace

ROUNDS = 7
SUBJECTS = "a dog|two cats|the old harbour|a woman with an umbrella|a red car|my breakfast|the mountains".split("|")
PLACES = "on the beach|in the rain|next to a lake at sunset|in a busy street|on a wooden table|, close-up".split("|")
STYLES = "a photo of|a cropped picture showing|black and white image of|a bright painting of|".split("|")


def captions():
    if len(sys.argv) > 1:
        with open(sys.argv[1], encoding="utf-8") as file:
            return [line.strip() for line in file if line.strip()]
    return [f"{style} {subject} {place}".strip()
            for style in STYLES for subject in SUBJECTS for place in PLACES] * 20


def hugging_face_clip():
    path = open_clip.tokenizer.default_bpe()
    lines = gzip.open(path).read().decode().split("\n")[1 : 49152 - 256 - 2 + 1]
    merges = [tuple(line.split()) for line in lines]
    letters = list(open_clip.tokenizer.bytes_to_unicode().values())
    tokens = [*letters, *(c + "</w>" for c in letters), *("".join(m) for m in merges),
              "<|startoftext|>", "<|endoftext|>"]
    return transformers.CLIPTokenizer(vocab={t: i for i, t in enumerate(tokens)}, merges=merges)


def byte_level(texts, folder):
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.train_from_iterator(texts, tokenizers.trainers.BpeTrainer(
        vocab_size=8000, initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    made.save(str(folder / "tokenizer.json"))
    return made


def pieces(texts, folder):
    (folder / "captions.txt").write_text("\n".join(texts))
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "captions.txt"), model_prefix=str(folder / "pieces"), vocab_size=400,
        hard_vocab_limit=False, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, minloglevel=2)
    return folder / "pieces.model"


def rows(encoded, length, pad_id):
    return torch.tensor([(ids + [pad_id] * length)[:length] for ids in encoded])


def pairs(texts, folder):
    """(what is compared, the reference, ours), each a function of a list of captions that gives ids."""
    fast = hugging_face_clip()
    json_reference = byte_level(texts, folder)
    model = pieces(texts, folder)
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
    siglip = transformers.SiglipTokenizer(str(model))

    def padded(tokenizer, length):
        return lambda batch: torch.tensor(
            tokenizer(batch, padding="max_length", truncation=True, max_length=length)["input_ids"])

    yield "ClipTokenizer / open_clip", open_clip.tokenizer.SimpleTokenizer(), millrace.ClipTokenizer()
    yield "HuggingFaceClipTokenizer / transformers", padded(fast, 77), millrace.HuggingFaceClipTokenizer()
    yield ("TokenizerFile / tokenizers",
           lambda batch: rows([e.ids for e in json_reference.encode_batch(batch)], 77, 0),
           millrace.TokenizerFile(folder / "tokenizer.json", 77, pad_id=0))
    yield ("SentencePieceTokenizer / sentencepiece",
           lambda batch: rows(processor.encode(batch, num_threads=1), 64, 0),
           millrace.SentencePieceTokenizer(model))
    yield ("SentencePieceTokenizer(kind=siglip) / transformers", padded(siglip, 64),
           millrace.SentencePieceTokenizer(model, kind="siglip"))


def seconds(function, batch):
    begin = time.process_time()
    function(batch)
    return time.process_time() - begin


def main():
    torch.set_num_threads(1)
    texts = captions()
    batches = [texts[i : i + 1000] for i in range(0, len(texts), 1000)]
    print(f"{len(texts):,} captions of {sum(map(len, texts)) / len(texts):.0f} characters; captions/s")
    with tempfile.TemporaryDirectory() as folder:
        clip_rate = 0.0
        for name, reference, ours in pairs(texts, pathlib.Path(folder)):
            for batch in batches:
                assert torch.equal(ours(batch), reference(batch)), name
            best = [float("inf")] * 2
            for _ in range(ROUNDS):
                spent = [0.0, 0.0]
                for batch in batches:
                    spent[0] += seconds(reference, batch)
                    spent[1] += seconds(ours, batch)
                best = [min(pair) for pair in zip(best, spent)]
            theirs, mine = (len(texts) / best_seconds for best_seconds in best)
            clip_rate = clip_rate or mine
            print(f"{name:50} {theirs:10,.0f} {mine:12,.0f}   {mine / theirs:6.1f} x")
            if name.startswith("HuggingFace"):
                print(f"{'ClipTokenizer / transformers':50} {theirs:10,.0f} {clip_rate:12,.0f}   "
                      f"{clip_rate / theirs:6.1f} x")


if __name__ == "__main__":
    sys.exit(main())
