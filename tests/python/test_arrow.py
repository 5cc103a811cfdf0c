"""Parquet and Arrow through the loader, in a process that has imported pyarrow."""

import hashlib
import json
import math
import os
from pathlib import Path

import pytest

import millrace

pyarrow = pytest.importorskip("pyarrow", reason="SKIPPED for want of pyarrow")
import pyarrow.parquet  # noqa: E402

LIBRARY = os.environ.get("MILLRACE_LIBRARY", "")
pytestmark = pytest.mark.skipif(
    bool(LIBRARY) and not (Path(LIBRARY).parent / "libmillrace_arrow.so").exists(),
    reason="SKIPPED for want of libmillrace_arrow.so: built without pyarrow",
)


def table() -> pyarrow.Table:
    return pyarrow.table({
        "key": [f"k{i}" for i in range(40)],
        "jpg": pyarrow.array([bytes([i]) * (i + 1) for i in range(40)], pyarrow.binary()),
    })  # fmt: skip


def write_parquet(path: Path) -> None:
    pyarrow.parquet.write_table(table(), path, row_group_size=9, compression="zstd")


def write_stream(path: Path) -> None:
    with pyarrow.OSFile(str(path), "wb") as file:
        with pyarrow.ipc.new_stream(file, table().schema) as writer:
            writer.write_table(table(), max_chunksize=7)


def mapped_libraries(name: str) -> set[str]:
    lines = Path("/proc/self/maps").read_text().splitlines()
    return {line.split()[-1] for line in lines if name in line}


@pytest.mark.parametrize(("name", "write"), [("t.parquet", write_parquet), ("t.arrow", write_stream)])
def test_rows_reach_the_batches(tmp_path, name, write):
    write(tmp_path / name)
    columns = {"data": millrace.raw("jpg"), "key": millrace.raw("__key__")}
    loader = millrace.DataLoader(str(tmp_path / name), batch_size=8, columns=columns)
    rows = [
        (key, bytes(data))
        for batch in loader
        for key, data in zip(batch["key"], batch["data"], strict=True)
    ]
    assert rows == [(f"k{i}", bytes([i]) * (i + 1)) for i in range(40)]


def test_there_is_one_arrow_in_the_process(tmp_path):
    write_parquet(tmp_path / "t.parquet")
    loader = millrace.DataLoader(str(tmp_path / "t.parquet"), batch_size=8,
                                 columns={"key": millrace.raw("__key__")})  # fmt: skip
    next(iter(loader))
    assert mapped_libraries("libmillrace_arrow")
    assert len(mapped_libraries("libarrow.so")) == 1
    assert len(mapped_libraries("libparquet.so")) == 1
    assert pyarrow.parquet.read_table(tmp_path / "t.parquet").num_rows == 40


# Whose rows are the same and written otherwise: maps as JSON objects, paths read as images. And pages whose
# checksum is wrong, which pyarrow reads unless told to look.
_OTHERWISE = {
    "nested.parquet",
    "parquet_testing__nonnullable.impala.parquet",
    "parquet_testing__nullable.impala.parquet",
    "texts_list.parquet",
    "hf_image_struct.parquet",
    "parquet_testing__datapage_v1-corrupt-checksum.parquet",
    "parquet_testing__rle-dict-uncompressed-corrupt-checksum.parquet",
}


def _golden_value(kind: str, data: bytes | None):
    """A column's bytes as the manifest has its value."""
    if data is None:
        return None
    if "binary" in kind.split("<")[0]:
        return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    text = data.decode()
    if kind.startswith(("int", "uint")):
        return int(text)
    if kind in ("float", "double", "halffloat"):
        number = float(text)
        return number if math.isfinite(number) else str(number)
    if kind == "bool":
        return {"true": True, "false": False}[text]
    return json.loads(text) if "list<" in kind or "struct<" in kind else text


def test_every_row_of_the_reference_files_has_the_values_that_pyarrow_reads(reference):
    folder = reference / "tabular" / "parquet"
    entries = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    compared = 0
    for entry in entries:
        if "rows_sha256" not in entry or entry["file"] in _OTHERWISE:
            continue
        rows = []
        for sample in millrace.open(str(folder / entry["file"])):
            row = {name: _golden_value(kind, sample.get(name.lower())) for name, kind in entry["schema"]}
            rows.append(json.dumps(row, sort_keys=True))
        digest = hashlib.sha256("\n".join(rows).encode()).hexdigest()
        assert digest == entry["rows_sha256"], entry["file"]
        compared += 1
    assert compared > 0
