"""Captions a second of millrace's tokenizers against the packages they equal, on one core, in one run.

    ./dev python bench/tokenizer_peers.py [CAPTIONS.txt]     # one caption a line

Needs open_clip_torch and transformers; the ids are compared before anything is timed.
"""

import gzip
import os
import sys
import time

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import open_clip.tokenizer
import torch
import transformers

import millrace

ROUNDS = 5
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


def rate(function, texts):
    best = float("inf")
    for _ in range(ROUNDS):
        begin = time.process_time()
        function(texts)
        best = min(best, time.process_time() - begin)
    return len(texts) / best


def main():
    torch.set_num_threads(1)
    texts = captions()
    reference = open_clip.tokenizer.SimpleTokenizer()
    fast = hugging_face_clip()
    ours, ours_fast = millrace.ClipTokenizer(), millrace.HuggingFaceClipTokenizer()

    def fast_ids(batch):
        return fast(batch, padding="max_length", truncation=True, max_length=77)["input_ids"]

    assert torch.equal(ours(texts), reference(texts))
    assert torch.equal(ours_fast(texts), torch.tensor(fast_ids(texts)))
    rates = {"open_clip": rate(reference, texts), "millrace.ClipTokenizer": rate(ours, texts),
             "transformers.CLIPTokenizer": rate(fast_ids, texts),
             "millrace.HuggingFaceClipTokenizer": rate(ours_fast, texts)}
    for name, value in rates.items():
        print(f"{name:36} {value:12,.0f} captions/s")
    clip, fast_rate = rates["millrace.ClipTokenizer"], rates["transformers.CLIPTokenizer"]
    print(f"ClipTokenizer: {clip / rates['open_clip']:.1f} x open_clip, {clip / fast_rate:.1f} x transformers")


if __name__ == "__main__":
    sys.exit(main())
