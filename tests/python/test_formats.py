"""Datasets of every format, through the names that Python has for them."""

import csv
import io
import json
import subprocess

import pytest
import torch
from PIL import Image

import millrace


def jpeg(shade: int) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (40, 30), (shade, 255 - shade, 7 * shade % 256)).save(data, "JPEG")
    return data.getvalue()


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for i in range(12):
        (folder / f"{i:03}.jpg").write_bytes(jpeg(20 * i))
    return folder


@pytest.fixture
def lines(tmp_path, images):
    path = tmp_path / "captions.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for i in range(12):
            texts = [f"caption {i} {j}" for j in range(1 + i % 3)]
            row = {"image_id": f"id{i}", "image_path": f"{i:03}.jpg", "texts": texts, "label": f"l{i}"}
            file.write(json.dumps(row) + "\n")
    return path


def keys_of(loader) -> list[str]:
    return [key for batch in loader for key in batch["key"]]


def test_json_lines_with_their_images_are_batches(lines, images):
    loader = millrace.DataLoader(lines, batch_size=5, read={"image_root": str(images)})
    batches = list(loader)
    assert [batch["image"].shape[0] for batch in batches] == [5, 5, 2]
    tokenizer = millrace.ClipTokenizer()
    assert torch.equal(batches[0]["text"], tokenizer([f"caption {i} 0" for i in range(5)]))
    expected = millrace.clip_transform(224)(millrace.decode_image((images / "003.jpg").read_bytes()))
    assert torch.equal(batches[0]["image"][3], expected)
    assert loader.ledger()["delivered"] == 12


def test_a_csv_is_the_same_data(tmp_path, lines, images):
    table = tmp_path / "captions.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["filepath", "title"])
        writer.writerows([f"{i:03}.jpg", f"caption {i} 0"] for i in range(12))
    options = {"batch_size": 12, "read": {"image_root": str(images)}}
    of_csv, of_lines = (next(iter(millrace.DataLoader(x, **options))) for x in (table, lines))
    assert torch.equal(of_csv["image"], of_lines["image"])
    assert torch.equal(of_csv["text"], of_lines["text"])


def test_open_gives_the_fields_of_rows(lines, images):
    samples = list(millrace.open(lines, image_root=str(images)))
    assert [sample["__key__"] for sample in samples] == [f"id{i}" for i in range(12)]
    assert samples[4]["image"] == (images / "004.jpg").read_bytes()
    assert json.loads(samples[4]["json"])["label"] == "l4"
    with pytest.raises(ValueError, match="image_root"):
        millrace.open(lines, imageroot="x")


def test_an_image_outside_of_the_root_is_not_read(tmp_path, images):
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(jpeg(1))
    (images / "link.jpg").symlink_to(secret)
    table = tmp_path / "rows.jsonl"
    for path in ("../secret.jpg", str(secret), "link.jpg"):
        table.write_text(json.dumps({"image": path, "caption": "x"}) + "\n")
        with pytest.raises(millrace.LoaderError) as error:
            next(millrace.open(table, image_root=str(images)))
        assert error.value.reason == "io_error"


def texts_of(lines, images, **captions):
    columns = {"key": millrace.raw("__key__"), "text": millrace.raw("json:texts", **captions)}
    loader = millrace.DataLoader(
        lines, batch_size=4, columns=columns, read={"image_root": str(images)}, seed=3, shuffle=True
    )
    texts = [
        (key, text.decode()) for batch in loader for key, text in zip(batch["key"], batch["text"])
    ]
    return loader, texts


def test_each_caption_can_be_a_sample(lines, images):
    loader, texts = texts_of(lines, images, choice="all")
    expected = [(f"id{i}", f"caption {i} {j}") for i in range(12) for j in range(1 + i % 3)]
    assert sorted(texts) == sorted(expected)
    assert loader.ledger()["expected"] == len(expected)


def test_a_random_caption_is_the_plans(lines, images):
    _, once = texts_of(lines, images, choice="random")
    _, again = texts_of(lines, images, choice="random")
    assert once == again
    assert len({text.split()[-1] for _, text in once}) > 1


def test_captions_are_made_of_metadata(lines, images):
    _, texts = texts_of(
        lines, images, templates="A photo of {json:label}[, {json:color}]", clean=[("l(\\d+)", "no. \\1")]
    )
    assert dict(texts)["id7"] == "A photo of no. 7"


def test_a_description_has_the_options(tmp_path, lines, images):
    config = tmp_path / "dataset.yaml"
    config.write_text(
        "loaders:\n"
        "  - {loader_type: fs-image, modality_type: image, base_path: images}\n"
        "datasets:\n"
        "  - packed_path: captions.jsonl\n"
        "batch_size: 3\n"
        "columns:\n"
        "  key: {type: raw, fields: __key__}\n"
    )
    assert keys_of(millrace.DataLoader(config=config)) == [f"id{i}" for i in range(12)]
    assert len(millrace.DataLoader(config=config)) == 4
    assert len(millrace.DataLoader(config=config, batch_size=6)) == 2  # what is given counts
    config.write_text("datasets:\n  - packed_pth: captions.jsonl\n")
    with pytest.raises(ValueError, match="packed_path"):
        millrace.DataLoader(config=config)
    with pytest.raises(millrace.LoaderError):
        millrace.DataLoader(config=tmp_path / "missing.yaml")


def test_compressed_shards_are_the_same_data(tmp_path, images):
    plain = tmp_path / "plain.tar"
    names = sorted(path.name for path in images.iterdir())
    subprocess.run(["tar", "-C", images, "--format=ustar", "-cf", plain, *names], check=True)
    subprocess.run(["gzip", "-k", plain], check=True)
    columns = {"key": millrace.raw("__key__"), "image": millrace.image()}
    batches = [
        list(millrace.DataLoader(path, batch_size=5, columns=columns))
        for path in (plain, tmp_path / "plain.tar.gz")
    ]
    for one, other in zip(*batches, strict=True):
        assert one["key"] == other["key"]
        assert torch.equal(one["image"], other["image"])


def test_tables_of_arrow_are_batches(tmp_path, images):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = {
        "key": [f"k{i}" for i in range(12)],
        "caption": [f"caption {i} 0" for i in range(12)],
        "image": [{"bytes": (images / f"{i:03}.jpg").read_bytes(), "path": None} for i in range(12)],
    }
    table = arrow.table(rows)
    parquet.write_table(table, tmp_path / "t.parquet", row_group_size=5, compression="zstd")
    with arrow.OSFile(str(tmp_path / "t.arrow"), "wb") as file:
        with arrow.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table, max_chunksize=5)
    columns = {"key": millrace.raw("__key__"), **millrace.clip_columns(32)}
    expected = millrace.ClipTokenizer()([f"caption {i} 0" for i in range(12)])
    for name in ("t.parquet", "t.arrow"):
        try:
            (batch,) = millrace.DataLoader(tmp_path / name, batch_size=12, columns=columns)
        except millrace.LoaderError as error:
            if "arrow" not in str(error).lower():
                raise
            pytest.skip(f"built without Arrow: {error}")
        assert batch["key"] == rows["key"]
        assert torch.equal(batch["text"], expected)
        image = millrace.decode_image(rows["image"][5]["bytes"])
        assert torch.equal(batch["image"][5], millrace.clip_transform(32)(image))
