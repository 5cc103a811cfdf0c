"""`millrace check` of shards against a bare decode of their images, both on one core, in turns.

    ./dev python bench/check_speed.py 'photos-{000000..000001}.tar' --json

`check` reads, decodes, hashes and compares everything, texts and tokens too, and prints nothing here but
its summary. The bare decode is libjpeg-turbo's, of images that lie in memory. Ratios are of CPU time.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import millrace

ROOT = Path(__file__).resolve().parent.parent


def children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(arguments: argparse.Namespace) -> dict:
    images = [sample["jpg"] for sample in millrace.open(arguments.sources)]
    check = [arguments.millrace, "check", *arguments.sources, "--threads", "1", "--json", "--fail-on", "none"]
    ratios = []
    for _ in range(arguments.rounds):
        cpu = time.process_time()
        for _ in range(arguments.repeats):
            for image in images:
                millrace.decode_image(image, jpeg_decoder="turbo")
        bare = time.process_time() - cpu
        cpu = children_cpu()
        for _ in range(arguments.repeats):
            report = json.loads(subprocess.run(check, check=True, stdout=subprocess.PIPE).stdout)
            if report["samples"] != len(images):
                raise SystemExit(f"check saw {report['samples']} samples of {len(images)}")
        ratios.append(bare / (children_cpu() - cpu))
    return {"images": len(images), "speed_over_bare_decode": statistics.median(ratios),
            "least": min(ratios), "most": max(ratios)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", nargs="+", help="tar shards with jpg")
    parser.add_argument("--millrace", default=str(ROOT / "build/release/bin/millrace"), help="the program")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--repeats", type=int, default=2, help="of everything in a round")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MILLRACE_CACHE_DIR"] = folder
        figures = measure(arguments)
    if arguments.json:
        print(json.dumps(figures))
        return
    print(f"{figures['images']} images: check runs at {figures['speed_over_bare_decode']:.2f} of a bare decode's "
          f"speed ({figures['least']:.2f} to {figures['most']:.2f})")


if __name__ == "__main__":
    main()
