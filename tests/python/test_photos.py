"""The reference photos through the whole loader: equal to Pillow and open_clip, byte for byte."""

import hashlib
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

import millrace
from test_transforms import pillow_clip, pillow_clip_pixels


def rows(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_photos_equal_the_reference_through_the_loader(reference, threads):
    """All 600 photos: uint8 before and float32 after normalisation from the live Pillow, ids golden."""
    golden_ids = {
        row["text"]: row["ids77"]
        for row in rows(reference / "clip_tokenizer" / "cases.jsonl")
        if row["group"] == "photo_captions"
    }
    columns = {
        **millrace.clip_columns(224),
        "pixels": millrace.image(transform=millrace.clip_pixels(224)),
        "data": millrace.raw("jpg"),
        "caption": millrace.raw("txt"),
        "key": millrace.raw("__key__"),
    }
    spec = str(reference / "photos" / "photos-{000000..000001}.tar")
    loader = millrace.DataLoader(spec, batch_size=64, columns=columns, threads=threads)
    manifest = {row["key"]: row for row in rows(reference / "photos" / "manifest.jsonl")}
    order, tokenized = [], 0
    for batch in loader:
        for i, key in enumerate(batch["key"]):
            order.append(key)
            assert hashlib.sha256(batch["data"][i]).hexdigest() == manifest[key]["jpg_sha256"]
            assert batch["caption"][i].decode() == manifest[key]["caption"]
            if threads == 2:
                image = Image.open(io.BytesIO(batch["data"][i])).convert("RGB")
                expected = np.asarray(pillow_clip_pixels(image, 224))
                assert np.array_equal(batch["pixels"][i].numpy(), expected), key
                assert torch.equal(batch["image"][i], pillow_clip(image, 224)), key
            ids = golden_ids.get(manifest[key]["caption"])
            if ids is not None:
                assert batch["text"][i].tolist() == ids
                tokenized += 1
    assert order == list(manifest)
    assert tokenized > 100
    assert loader.ledger()["delivered"] == 600


@pytest.mark.parametrize("threads", [1, 3])
def test_preprocessing_goldens_of_open_clip_through_the_loader(reference, threads):
    goldens = {}
    for row in rows(reference / "resize" / "preprocess.jsonl"):
        rgb_first = row.get("converted_to_rgb_before") or row["in_mode"] == "RGB"
        plain = set(row["args"]) == {"image_size"} and isinstance(row["args"]["image_size"], int)
        if row["impl"] == "open_clip.image_transform" and row["input"]["kind"] == "photo" and rgb_first and plain:
            goldens[row["args"]["image_size"], row["input"]["key"]] = row
    sizes = sorted({size for size, _ in goldens})
    assert sizes == [224, 336] and len(goldens) >= 60
    spec = str(reference / "photos" / "photos-{000000..000001}.tar")
    checked = 0
    for size in sizes:
        columns = {
            "image": millrace.image(transform=millrace.clip_transform(size)),
            "pixels": millrace.image(transform=millrace.clip_pixels(size)),
            "key": millrace.raw("__key__"),
        }
        for batch in millrace.DataLoader(spec, batch_size=50, columns=columns, threads=threads):
            for i, key in enumerate(batch["key"]):
                golden = goldens.get((size, key))
                if golden is None:
                    continue
                pixels, image = batch["pixels"][i].numpy(), batch["image"][i].numpy()
                assert hashlib.sha256(pixels.tobytes()).hexdigest() == golden["sha256_u8_hwc"], key
                assert hashlib.sha256(image.tobytes()).hexdigest() == golden["sha256_f32_chw"], key
                checked += 1
    assert checked == len(goldens)
