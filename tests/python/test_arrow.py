"""Parquet and Arrow through the loader, in a process that has imported pyarrow."""

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
