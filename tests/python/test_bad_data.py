"""Broken data: one clear error or a ledger entry with shard, offset, key and reason."""

import io

import numpy as np
import pytest
from PIL import Image

import millrace
from conftest import picture, write_tar

COLUMNS = {**millrace.clip_columns(32), "key": millrace.raw("__key__")}


@pytest.fixture()
def damaged(tmp_path):
    """Nine good samples and one of each kind of bad one, in the middle."""
    rng = np.random.default_rng(2)
    good = picture(0, rng)
    huge = io.BytesIO()
    Image.new("L", (3000, 3000)).save(huge, "PNG")
    bad = {
        "empty": (b"", b"zero bytes"),
        "text": (b"<html>404 not found</html>", b"text in a jpg"),
        "cut": (good[: len(good) // 2], b"a cut image"),
        "huge": (huge.getvalue(), b"too many pixels"),
        "nocaption": (good, b""),
    }
    members = []
    for i in range(9):
        members += [(f"good{i}.jpg", picture(i, rng)), (f"good{i}.txt", f"caption {i}".encode())]
        if i == 4:
            for key, (image, caption) in bad.items():
                members += [(f"{key}.jpg", image), (f"{key}.txt", caption)]
            members.append(("nofield.txt", b"no image at all"))
    write_tar(tmp_path / "damaged.tar", members)
    return tmp_path / "damaged.tar"


def columns():
    limited = millrace.image(transform=millrace.clip_transform(32, max_image_pixels=1_000_000))
    return {**COLUMNS, "image": limited}


def test_every_bad_sample_is_in_the_ledger_with_its_place_and_reason(damaged):
    loader = millrace.DataLoader(damaged, batch_size=4, columns=columns(), on_bad_sample="skip")
    keys = [key for batch in loader for key in batch["key"]]
    assert keys == [f"good{i}" for i in range(9)]
    ledger = loader.ledger()
    assert ledger["expected"] == 15 and ledger["delivered"] == 9
    assert ledger["skipped"] == {
        "bad_image": 3,
        "bad_text": 1,
        "image_too_large": 1,
        "missing_field": 1,
    }
    assert [error["key"] for error in ledger["errors"]] == [
        "empty",
        "text",
        "cut",
        "huge",
        "nocaption",
        "nofield",
    ]
    for error in ledger["errors"]:
        assert error["shard"] == str(damaged) and error["offset"] % 512 == 0 and error["message"]


def test_substitutes_fill_the_batches(damaged):
    loader = millrace.DataLoader(damaged, batch_size=5, columns=columns())
    assert [len(batch["key"]) for batch in loader] == [5, 5, 5]
    ledger = loader.ledger()
    assert ledger["delivered"] + ledger["substituted"] == ledger["expected"] == 15


def test_raise_says_where(damaged):
    loader = millrace.DataLoader(damaged, batch_size=5, columns=columns(), on_bad_sample="raise")
    with pytest.raises(millrace.LoaderError) as raised:
        list(loader)
    assert raised.value.key == "empty" and raised.value.reason == "bad_image"
    assert raised.value.shard == str(damaged) and raised.value.offset % 512 == 0
    assert str(damaged) in str(raised.value)


def test_a_missing_shard_is_named(damaged):
    missing = damaged.parent / "not-there.tar"
    for use in (millrace.DataLoader, millrace.open):
        with pytest.raises(millrace.LoaderError, match="not-there") as raised:
            use([damaged, missing])
        assert raised.value.reason == "io_error"


def test_a_cut_shard_gives_its_whole_samples_and_one_error(damaged):
    whole = [sample["__key__"] for sample in millrace.open(damaged)]
    data = damaged.read_bytes()
    for cut in range(1, len(data) - 1024, 4999):
        path = damaged.parent / "cut.tar"
        path.write_bytes(data[:cut])
        stream = millrace.open(path)
        keys, errors = [], []
        while True:
            try:
                keys.append(next(stream)["__key__"])
            except StopIteration:
                break
            except millrace.LoaderError as error:
                errors.append(error)
        assert len(errors) == 1 and errors[0].reason == "damaged_shard"
        assert errors[0].shard == str(path) and errors[0].offset is not None
        assert keys == whole[: len(keys)]
