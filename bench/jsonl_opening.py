"""What it takes to open a JSON lines file of many million lines: the first time, and again.

    ./dev python bench/jsonl_opening.py --lines 10000000 --json

Writes the file and an empty cache into a temporary folder (about 150 bytes a line). Each opening is a
process of its own that makes a loader: the first finds the lines and keeps what it found, the second reads
that. The file is in the page cache. `gigabytes_per_core_second` is over the CPU time of all threads above
that of opening a file of one line; memory is what the process holds above the same, without the mapped
file, whose pages are the system's.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

OPEN = """
import json, sys, time
import millrace

def anonymous_bytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon:")) * 1024

before, cpu, wall = anonymous_bytes(), time.process_time(), time.perf_counter()
loader = millrace.DataLoader(sys.argv[1], batch_size=256, columns={"text": millrace.text()}, rank=0,
                             world_size=1, shuffle=True)
samples = len(loader)
print(json.dumps({"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall,
                  "memory": anonymous_bytes() - before, "batches": samples}))
"""


def write_lines(path: Path, count: int) -> None:
    with path.open("w") as file:
        for n in range(count):
            file.write(f'{{"image_id": "{n:09d}", "image_path": "part-{n // 10000:05d}/{n:09d}.jpg", '
                       f'"texts": ["a photo of thing number {n % 1000}"], "quality_score": 0.{n % 97:02d}}}\n')


def opened(path: Path) -> dict:
    run = subprocess.run([sys.executable, "-c", OPEN, str(path)], check=True, stdout=subprocess.PIPE)
    return json.loads(run.stdout)


def measure(folder: Path, lines: int, rounds: int) -> dict:
    short, long = folder / "one.jsonl", folder / "all.jsonl"
    cache = folder / "cache"
    os.environ["MILLRACE_CACHE_DIR"] = str(cache)
    write_lines(short, 1)
    write_lines(long, lines)
    long.read_bytes()
    speeds, first_walls, again_walls, memories = [], [], [], []
    for _ in range(rounds):
        for path in cache.rglob("*"):
            if path.is_file():
                path.unlink()
        nothing, first, again = opened(short), opened(long), opened(long)
        if first["batches"] != again["batches"] or first["batches"] != -(-lines // 256):
            raise SystemExit(f"{first['batches']} and {again['batches']} batches")
        speeds.append(long.stat().st_size / 1e9 / (first["cpu"] - nothing["cpu"]))
        first_walls.append(first["wall"])
        again_walls.append(again["wall"])
        memories += [(run["memory"] - nothing["memory"]) / lines for run in (first, again)]
    return {
        "bytes": long.stat().st_size,
        "gigabytes_per_core_second": statistics.median(speeds),
        "first_seconds": statistics.median(first_walls),
        "again_seconds": statistics.median(again_walls),
        "memory_bytes_per_line": max(memories),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), arguments.lines, arguments.rounds)
    if arguments.json:
        print(json.dumps(figures))
        return
    print(f"{arguments.lines:,} lines, {figures['bytes'] / 1e9:.2f} GB")
    print(f"first opening   {figures['first_seconds']:.2f} s, {figures['gigabytes_per_core_second']:.2f} GB/s a core")
    print(f"again           {figures['again_seconds'] * 1000:.0f} ms")
    print(f"memory          {figures['memory_bytes_per_line']:.1f} bytes a line, at most")


if __name__ == "__main__":
    main()
