"""What shuffling costs: whole epochs of CLIP batches, shuffled and sequential in turns, and what is read.

    ./dev python bench/shuffle_cost.py 'photos-{000000..000001}.tar' --json

Cached: wall and CPU time an epoch, medians over rounds that alternate in one process; the ratios are medians
of each pair's. `read_ratio`: bytes of the samples that the loader looked at in an epoch, over the bytes of the
shards. Cold: the shards' pages are dropped from the page cache, and the kernel counts what this process makes
it fetch (read_bytes of /proc/self/io; 0 on file systems in memory), over the same.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import millrace


class Reader:
    """Runs epochs of one order."""

    def __init__(self, sources: list[str], arguments: argparse.Namespace, shuffle: bool):
        self.loader = millrace.DataLoader(
            sources,
            batch_size=arguments.batch_size,
            columns=millrace.clip_columns(arguments.image_size),
            threads=arguments.threads,
            shuffle=shuffle,
            rank=0,
            world_size=1,
        )
        self.wall: list[float] = []
        self.cpu: list[float] = []
        self.read_bytes: list[int] = []

    def epoch(self) -> None:
        before = self._read_so_far()
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in self.loader:
            pass
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.process_time() - cpu)
        self.read_bytes.append(self._read_so_far() - before)

    def _read_so_far(self) -> int:
        return self.loader.stats()["stages"]["read"]["bytes"]


def fetched_bytes() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("read_bytes")))


def drop_from_cache(paths: list[str]) -> None:
    for path in paths:
        file = os.open(path, os.O_RDONLY)
        os.fsync(file)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)


def cold_share(shards: list[str], arguments: argparse.Namespace, shuffle: bool) -> float:
    """Bytes fetched from storage in an epoch, over the shards' bytes."""
    reader = Reader(shards, arguments, shuffle)
    drop_from_cache(shards)
    before = fetched_bytes()
    reader.epoch()
    return (fetched_bytes() - before) / sum(os.path.getsize(path) for path in shards)


def measure(shards: list[str], arguments: argparse.Namespace) -> dict:
    sequential, shuffled = (Reader(shards, arguments, shuffle) for shuffle in (False, True))
    for reader in (sequential, shuffled):  # warm
        reader.epoch()
        reader.wall.clear()
        reader.cpu.clear()
    for turn in range(arguments.rounds):
        for reader in (sequential, shuffled) if turn % 2 == 0 else (shuffled, sequential):
            reader.epoch()
    samples = sequential.loader.samples
    pairs = {
        name: [b / a for a, b in zip(getattr(sequential, name), getattr(shuffled, name))]
        for name in ("wall", "cpu")
    }
    read = {*sequential.read_bytes, *shuffled.read_bytes}
    return {
        "samples": samples,
        "rounds": arguments.rounds,
        "sequential_images_per_second": samples / statistics.median(sequential.wall),
        "shuffled_images_per_second": samples / statistics.median(shuffled.wall),
        "wall_ratio": statistics.median(pairs["wall"]),
        "cpu_ratio": statistics.median(pairs["cpu"]),
        "cpu_ratio_quartiles": statistics.quantiles(pairs["cpu"], n=4)[::2],
        "sample_bytes_read_an_epoch": sorted(read),
        "read_ratio": max(read) / sum(os.path.getsize(path) for path in shards),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", nargs="+", help="shards as millrace.open takes them")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="millrace-shuffle-") as name:
        os.environ["MILLRACE_CACHE_DIR"] = str(Path(name) / "cache")
        listed = millrace.DataLoader(arguments.sources, columns={"shard": millrace.raw("__shard__")})
        originals = dict.fromkeys(shard for batch in listed for shard in batch["shard"])
        # Copies, since dropping other people's pages is impolite.
        shards = [
            str(shutil.copy(path, Path(name) / f"{n}-{Path(path).name}"))
            for n, path in enumerate(originals)
        ]
        report = measure(shards, arguments)
        report["cold_sequential_fetched"] = cold_share(shards, arguments, shuffle=False)
        report["cold_shuffled_fetched"] = cold_share(shards, arguments, shuffle=True)
    if arguments.json:
        print(json.dumps(report))
        return
    for figure, value in report.items():
        print(f"{figure:30} {value}")


if __name__ == "__main__":
    sys.exit(main())
