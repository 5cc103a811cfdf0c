"""How long a resume takes until its first batch, at the start of an epoch and far into it.

    ./dev python bench/resume_speed.py --index-with build/dev/bin/millrace --json

The dataset is one shard of tiny samples, listed so many times: in a sample index that the given program
makes, or without one in a list of shards. Rounds alternate between the positions; each makes a loader anew,
loads a state of an epoch that no round had before, and takes the first batch.
"""

import argparse
import io
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import millrace


def write_shard(path: Path, samples: int) -> None:
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for n in range(samples):
            text = str(n).encode()
            info = tarfile.TarInfo(f"{n:06d}.txt")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text))


def make_source(folder: Path, shards: int, samples: int, program: str | None) -> tuple[str, float]:
    """The spec, and how long the program took to make the index."""
    shard = folder / "shard.tar"
    write_shard(shard, samples)
    listed = folder / "list.txt"
    with open(listed, "w") as lines:
        lines.writelines(itertools.repeat(f"{shard}\n", shards))
    if program is None:
        return f"@{listed}", 0.0
    index = folder / "all.index"
    begin = time.monotonic()
    subprocess.run([program, "index", f"@{listed}", "-o", index], check=True, stdout=subprocess.DEVNULL)
    return str(index), time.monotonic() - begin


def resident_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(source: str, arguments: argparse.Namespace) -> dict:
    options = {
        "batch_size": arguments.batch_size,
        "columns": {"n": millrace.number("txt", dtype="int64")},
        "shuffle": True,
        "rank": 0,
        "world_size": 1,
    }
    before = resident_bytes()
    loader = millrace.DataLoader(source, **options)
    samples, state = loader.samples, loader.state_dict()
    opened_bytes = resident_bytes() - before
    shares = [0.0, *arguments.at]
    opening, loading, first = [], {at: [] for at in shares}, {at: [] for at in shares}
    for epoch in range(arguments.rounds * len(shares)):
        at = shares[epoch % len(shares)]
        begin = time.perf_counter()
        loader = millrace.DataLoader(source, **options)
        opened = time.perf_counter()
        loader.load_state_dict({**state, "epoch": epoch, "position": int(at * samples)})
        loaded = time.perf_counter()
        batch = next(iter(loader))
        done = time.perf_counter()
        assert len(batch["n"]) == arguments.batch_size
        opening.append(opened - begin)
        loading[at].append(loaded - opened)
        first[at].append(done - opened)
    at_start = statistics.median(first[0.0])
    return {
        "samples": samples,
        "shards": arguments.shards,
        "rounds": arguments.rounds,
        "open_seconds": statistics.median(opening),
        "rss_before_bytes": before,
        "open_peak_bytes": opened_bytes,
        "peak_rss_bytes": resident_bytes(),
        "positions": {
            str(at): {
                "position": int(at * samples),
                "load_state_seconds": statistics.median(loading[at]),
                "first_batch_seconds": statistics.median(first[at]),
                "first_batch_seconds_least": min(first[at]),
                "ratio_to_start": statistics.median(first[at]) / at_start,
            }
            for at in shares
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shards", type=int, default=1_000_000)
    parser.add_argument("--samples", type=int, default=10_000, help="of a shard")
    parser.add_argument("--at", type=float, nargs="+", default=[0.5, 0.9], help="share of the epoch")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--index-with", metavar="PROGRAM", help="the millrace program")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="millrace-resume-") as name:
        os.environ["MILLRACE_CACHE_DIR"] = str(Path(name) / "cache")
        source, index_seconds = make_source(
            Path(name), arguments.shards, arguments.samples, arguments.index_with
        )
        report = {"index_seconds": index_seconds, **measure(source, arguments)}
    if arguments.json:
        print(json.dumps(report))
        return
    positions = report.pop("positions")
    for figure, value in report.items():
        print(f"{figure:20} {value}")
    for at, figures in positions.items():
        print(
            f"at {float(at):4.0%}  first batch after {figures['first_batch_seconds'] * 1e3:.2f} ms "
            f"(least {figures['first_batch_seconds_least'] * 1e3:.2f} ms), "
            f"{figures['ratio_to_start']:.2f} x that at the start"
        )


if __name__ == "__main__":
    sys.exit(main())
