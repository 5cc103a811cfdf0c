"""What a format costs: the same images and captions as tar and in every other format, epochs in turns.

    ./dev python bench/format_cost.py 'photos-{000000..000001}.tar' --json

The samples of the tar shards are written again, into a temporary folder, as each format. Every loader makes
the same CLIP batches (checked before anything is timed: keys, pixels and ids). `cpu` is the median over the
rounds of (CPU time of an epoch from tar) / (CPU time of the epoch beside it from the format): above 1 the
format is the cheaper one. Compressed tars are unpacked by threads of the loader, which this counts, too.
"""

import argparse
import csv
import hashlib
import json
import os
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import millrace

Samples = list[tuple[str, bytes, str]]  # key, image, caption


def read_samples(sources: list[str]) -> Samples:
    samples = []
    for sample in millrace.open(sources):
        image = next(sample[name] for name in ("jpg", "jpeg", "png", "webp") if name in sample)
        samples.append((sample["__key__"], image, sample["txt"].decode()))
    return samples


class Writers:
    """Each method writes the samples in its format below `root` and returns a source."""

    def __init__(self, root: Path, sources: list[str]):
        self.root, self.sources, self.samples = root, sources, read_samples(sources)
        self.images = root / "images"
        self.images.mkdir()
        for key, image, caption in self.samples:
            (self.images / f"{key}.jpg").write_bytes(image)
            (self.images / f"{key}.txt").write_text(caption)

    def tar(self) -> list[str]:
        return self.sources

    def folder(self) -> str:
        return str(self.images)

    def jsonl(self) -> str:
        path = self.root / "captions.jsonl"
        with path.open("w") as file:
            for key, _, caption in self.samples:
                row = {"image_id": key, "image_path": f"{key}.jpg", "texts": [caption]}
                file.write(json.dumps(row) + "\n")
        return str(path)

    def csv(self) -> str:
        path = self.root / "captions.csv"
        with path.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["id", "filepath", "title"])
            rows.writerows((key, f"{key}.jpg", caption) for key, _, caption in self.samples)
        return str(path)

    def coco(self) -> str:
        path = self.root / "captions_coco.json"
        images = [{"id": i, "file_name": f"{s[0]}.jpg"} for i, s in enumerate(self.samples)]
        captions = [{"id": i, "image_id": i, "caption": s[2]} for i, s in enumerate(self.samples)]
        path.write_text(json.dumps({"images": images, "annotations": captions}))
        return str(path)

    def mds(self) -> str:
        folder = self.root / "mds"
        folder.mkdir()
        names = ["__key__", "image", "text"]
        shard = {
            "version": 2,
            "format": "mds",
            "column_names": names,
            "column_encodings": ["str", "bytes", "str"],
            "column_sizes": [None, None, None],
            "compression": None,
            "hashes": [],
            "size_limit": 1 << 32,
        }
        header = json.dumps(shard, sort_keys=True).encode()
        rows = []
        for key, image, caption in self.samples:
            columns = [key.encode(), image, caption.encode()]
            rows.append(struct.pack("<3I", *map(len, columns)) + b"".join(columns))
        offsets = [4 + 4 * (len(rows) + 1) + len(header)]
        for row in rows:
            offsets.append(offsets[-1] + len(row))
        data = struct.pack(f"<I{len(offsets)}I", len(rows), *offsets) + header + b"".join(rows)
        (folder / "shard.00000.mds").write_bytes(data)
        shard["raw_data"] = {"basename": "shard.00000.mds", "bytes": len(data), "hashes": {}}
        index = {"version": 2, "shards": [shard | {"samples": len(rows), "zip_data": None}]}
        (folder / "index.json").write_text(json.dumps(index))
        return str(folder)

    def _table(self):
        import pyarrow

        keys, images, captions = zip(*self.samples)
        return pyarrow.table({"__key__": keys, "image": images, "caption": captions})

    def arrow(self) -> str:
        import pyarrow

        path = self.root / "data.arrow"
        table = self._table()
        with pyarrow.ipc.new_stream(str(path), table.schema) as stream:
            stream.write_table(table, max_chunksize=100)
        return str(path)

    def _parquet(self, compression: str) -> str:
        import pyarrow.parquet

        path = self.root / f"{compression}.parquet"
        pyarrow.parquet.write_table(self._table(), path, row_group_size=100, compression=compression)
        return str(path)

    def parquet(self) -> str:
        return self._parquet("none")

    def parquet_snappy(self) -> str:
        return self._parquet("snappy")

    def _compressed_tars(self, kind: str, ending: str) -> str:
        import pyarrow

        folder = self.root / kind
        folder.mkdir()
        shards = sorted({s["__shard__"] for s in millrace.open(self.sources)})
        for number, shard in enumerate(shards):
            with pyarrow.CompressedOutputStream(str(folder / f"{number:06d}.tar.{ending}"), kind) as out:
                out.write(Path(shard).read_bytes())
        return str(folder / f"*.tar.{ending}")

    def tar_gz(self) -> str:
        return self._compressed_tars("gzip", "gz")

    def tar_zst(self) -> str:
        return self._compressed_tars("zstd", "zst")


FORMATS: dict[str, Callable] = {
    "tar": Writers.tar,
    "jsonl": Writers.jsonl,
    "csv": Writers.csv,
    "coco": Writers.coco,
    "folder": Writers.folder,
    "mds": Writers.mds,
    "arrow": Writers.arrow,
    "parquet": Writers.parquet,
    "parquet snappy": Writers.parquet_snappy,
    "tar.zst": Writers.tar_zst,
    "tar.gz": Writers.tar_gz,
}


class Reader:
    """Runs epochs over one source."""

    def __init__(self, source, root: Path, arguments: argparse.Namespace):
        self.loader = millrace.DataLoader(
            source,
            batch_size=arguments.batch_size,
            columns=millrace.clip_columns(arguments.image_size),
            read={"image_root": str(root / "images")},
            threads=arguments.threads,
            shuffle=False,
            drop_last=False,
            rank=0,
            world_size=1,
        )
        self.cpu: list[float] = []
        self.wall: list[float] = []

    def content(self) -> list[str]:
        """What the samples are, in any order."""
        digests = []
        for batch in self.loader:
            for image, ids in zip(batch["image"], batch["text"]):
                digest = hashlib.sha256(image.numpy().tobytes())
                digest.update(ids.numpy().tobytes())
                digests.append(digest.hexdigest())
        return sorted(digests)

    def epoch(self) -> None:
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in self.loader:
            pass
        self.cpu.append(time.process_time() - cpu)
        self.wall.append(time.perf_counter() - wall)


def measure(root: Path, arguments: argparse.Namespace) -> dict:
    writers = Writers(root, arguments.sources)
    readers = {}
    for name in arguments.formats.split(",") if arguments.formats else FORMATS:
        readers[name] = Reader(FORMATS[name](writers), root, arguments)
    expected = readers["tar"].content()
    for name, reader in readers.items():
        if reader.content() != expected:
            raise SystemExit(f"{name}: not the samples of the tar shards")
    for number in range(arguments.rounds):
        for reader in readers.values():
            reader.epoch()
        if sys.stderr.isatty():
            print(f"\rround {number + 1} of {arguments.rounds}", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    tar = readers["tar"]
    return {
        name: {
            "cpu": statistics.median(a / b for a, b in zip(tar.cpu, reader.cpu)),
            "wall": statistics.median(a / b for a, b in zip(tar.wall, reader.wall)),
        }
        for name, reader in readers.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", nargs="+", help="tar shards with jpg and txt")
    parser.add_argument("--formats", default="", help=f"of {', '.join(FORMATS)}; tar among them")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.formats and "tar" not in arguments.formats.split(","):
        parser.error("--formats: tar is what the others are compared with")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MILLRACE_CACHE_DIR"] = folder + "/cache"
        figures = measure(Path(folder), arguments)
    if arguments.json:
        print(json.dumps(figures))
        return
    print("speed over that of plain tar")
    for name, ratios in figures.items():
        print(f"  {name:15} CPU {ratios['cpu']:.3f}   wall {ratios['wall']:.3f}")


if __name__ == "__main__":
    main()
