"""Kills training runs at random moments, resumes them at random sizes, and checks what was delivered.

    ./dev python tests/python/soak.py --kills 200 --json

Every run is one process a rank; all are killed (-9) at a random moment, now and then one before the
others, now and then before their first batch; the next run resumes from the saved state at another world
size, batch size, number of threads and prefetch depth. In the end every position of every epoch must have
been delivered once, with the sample that the order of an uninterrupted run has there, and every damaged
image must be in the ledger with its place. Exit code 1 where that is not so.
"""

import argparse
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from damaged_shards import Shard, write_damaged_copies
from soak_account import Checker
from soak_rank import Job, Size, start

import millrace

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from reference_folder import reference_folder  # noqa: E402 - from the folder above

_PATIENCE_SECONDS = 120  # without a step; then something hangs
_context = multiprocessing.get_context("fork")


class SoakError(Exception):
    pass


@dataclass
class Soak:
    job: Job
    rng: random.Random
    most_ranks: int = 4
    saved: list[tuple] = field(default_factory=list)  # by run: (epoch, position)
    worlds: Counter = field(default_factory=Counter)
    kills: int = 0
    processes_killed: int = 0
    kills_before_a_step: int = 0

    def _size(self) -> Size:
        return Size(
            world=self.rng.randint(1, self.most_ranks),
            batch_size=self.rng.choice([8, 12, 16, 31, 64]),
            threads=self.rng.randint(1, 4),
            prefetch_batches=self.rng.randint(1, 6),
        )

    def run(self, kill: bool) -> None:
        size = self._size()
        self.worlds[size.world] += 1
        barrier = _context.Barrier(size.world)
        steps = _context.Value("q", 0)
        ranks = [
            start(self.job, size, rank, len(self.saved), barrier, steps)
            for rank in range(size.world)
        ]
        try:
            if kill:
                self._await_the_moment(ranks, steps)
            else:
                self._await_the_end(ranks)
        finally:
            if kill:
                self._kill(ranks)
            else:
                _kill_all(ranks)
        self.kills_before_a_step += kill and steps.value == 0
        state = self.job.load_state()
        self.saved.append((state["epoch"], state["position"]) if state else (0, 0))

    def _await_the_moment(self, ranks: list[int], steps) -> None:
        rng = self.rng
        if rng.random() < 0.15:
            _watch(ranks, lambda: False, rng.uniform(0, 0.4))
            return
        wanted = rng.randint(1, 6)
        if not _watch(ranks, lambda: steps.value >= wanted, _PATIENCE_SECONDS):
            raise SoakError(f"no {wanted} steps within {_PATIENCE_SECONDS} s")
        _watch(ranks, lambda: False, rng.uniform(0, 0.05))

    def _await_the_end(self, ranks: list[int]) -> None:
        for rank in ranks:
            if os.waitstatus_to_exitcode(os.waitpid(rank, 0)[1]) != 0:
                raise SoakError("a rank failed")
        ranks.clear()

    def _kill(self, ranks: list[int]) -> None:
        order = self.rng.sample(ranks, len(ranks))
        pause = self.rng.random() < 0.2
        self.kills += 1
        self.processes_killed += len(order)
        for rank in order:
            os.kill(rank, signal.SIGKILL)
            if pause:
                time.sleep(self.rng.uniform(0, 0.03))
        for rank in order:
            os.waitpid(rank, 0)


def _kill_all(ranks: list[int]) -> None:
    for rank in ranks:
        os.kill(rank, signal.SIGKILL)
        os.waitpid(rank, 0)


def _watch(ranks: list[int], is_over, seconds: float) -> bool:
    """Waits until is_over() or that long; raises if a rank ends on its own."""
    end = time.monotonic() + seconds
    while not is_over():
        for rank in ranks:
            if os.waitid(os.P_PID, rank, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                raise SoakError("a rank ended before it was killed")
        if time.monotonic() >= end:
            return False
        time.sleep(0.001)
    return True


def order_of(job: Job, epochs: int) -> dict[int, list[str]]:
    """The keys of each epoch by position, from one loader that runs through and decodes nothing."""
    options = {**job.options, "drop_last": False}
    loader = millrace.DataLoader(
        job.sources, batch_size=997, columns={"key": millrace.raw("__key__")},
        rank=0, world_size=1, **options,
    )  # fmt: skip
    return {epoch: [key for batch in loader for key in batch["key"]] for epoch in range(epochs)}


def soak(job: Job, shards: list[Shard], kills: int, seed: int) -> dict:
    """Runs until so many kills and the end of the epoch after them; returns the figures."""
    begin = time.monotonic()
    runs = Soak(job, random.Random(seed))
    while runs.kills < kills:
        runs.run(kill=True)
        if sys.stderr.isatty():
            print(f"\r{runs.kills} kills, {runs.saved[-1]} ", end="", file=sys.stderr)
    job.last_epoch = runs.saved[-1][0]
    runs.run(kill=False)
    account = Checker(job, shards, runs.saved, order_of(job, job.last_epoch + 1)).check()
    return {
        "kills": runs.kills,
        "processes_killed": runs.processes_killed,
        "kills_before_a_step": runs.kills_before_a_step,
        "places_resumed_from": len(set(runs.saved)),
        "runs_by_world_size": dict(sorted(runs.worlds.items())),
        "samples_per_epoch": account.samples // account.epochs,
        **asdict(account),
        "wrong": account.wrong(),
        "seconds": round(time.monotonic() - begin, 1),
    }


def reference_photos() -> list[Path]:
    folder = reference_folder()
    return sorted(folder.glob("photos/*.tar")) if folder else []


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--copies", type=int, default=5, help="of the shards, damaged differently")
    parser.add_argument("--damaged", type=float, default=0.01, help="share of the samples")
    parser.add_argument("--drawn", action="store_true", help="draw images, rather than the photos")
    parser.add_argument("--seed", type=int, help="default: a new one")
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--mixture", action="store_true", help="two sources with weights")
    parser.add_argument("--options", type=json.loads, default={}, help="the loader's, as JSON")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(2**31)
    photos = [] if arguments.drawn else reference_photos()
    with tempfile.TemporaryDirectory(prefix="millrace-soak-") as name:
        folder = Path(name)
        shards = write_damaged_copies(folder, photos, arguments.copies, arguments.damaged, seed)
        options = {"shuffle": True, "seed": seed, "shuffle_window": 512, "error_budget": 0.5}
        sources = [shard.path for shard in shards]
        if arguments.mixture:
            options["mixture"] = [
                {"name": "often", "sources": sources[:1], "weight": 0.7},
                {"name": "seldom", "sources": sources[1:], "weight": 0.3},
            ]
            sources = []
        job = Job(name, sources, {**options, **arguments.options}, arguments.image_size)
        print(f"soak: --seed {seed}", file=sys.stderr)  # at once: a run may fail
        report = {"images": "reference photos" if photos else "drawn", "soak_seed": seed,
                  **soak(job, shards, arguments.kills, seed)}  # fmt: skip
    if arguments.json:
        print(json.dumps(report))
    else:
        for figure, value in report.items():
            print(f"{figure:22} {value}")
    return 1 if report["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
