"""One rank of a training run that is to be killed: what it does, and what it leaves behind.

A rank appends each batch it got to its log, and once every rank has done so, rank 0 saves the state, as
training runs save checkpoints. What a log holds beyond the saved state is lost, as the steps of a run are
that were not saved: the next run gets the same batches again.
"""

import json
import os
import sys
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class Size:
    """What a resume may change."""

    world: int
    batch_size: int
    threads: int
    prefetch_batches: int


@dataclass
class Job:
    folder: str
    sources: list
    options: dict = field(default_factory=dict)
    image_size: int = 64
    last_epoch: int | None = None  # where to end; else only a kill ends it

    def columns(self) -> dict:
        import millrace

        return {**millrace.clip_columns(self.image_size), "key": millrace.raw("__key__")}

    def ledger_path(self) -> str:
        return str(Path(self.folder) / "ledger-{rank}.jsonl")

    def log_path(self, rank: int) -> Path:
        return Path(self.folder) / f"log-{rank}.jsonl"

    def load_state(self) -> dict | None:
        path = Path(self.folder) / "state.json"
        return json.loads(path.read_text()) if path.exists() else None

    def save_state(self, state: dict) -> None:
        path = Path(self.folder) / "state.json"
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(state))
        os.replace(fresh, path)


def _append(file: int, line: dict) -> None:
    os.write(file, json.dumps(line).encode() + b"\n")


def run(job: Job, size: Size, rank: int, run_number: int, barrier, steps) -> None:
    """Trains from the saved state on. `steps` counts the states saved in this run."""
    import millrace

    loader = millrace.DataLoader(
        job.sources,
        batch_size=size.batch_size,
        columns=job.columns(),
        threads=size.threads,
        prefetch_batches=size.prefetch_batches,
        rank=rank,
        world_size=size.world,
        ledger_path=job.ledger_path(),
        **job.options,
    )
    state = job.load_state()
    if state is not None:
        loader.load_state_dict(state)
    log = os.open(job.log_path(rank), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    state = loader.state_dict()
    place = {"run": run_number, "rank": rank, **asdict(size)}
    while job.last_epoch is None or loader.epoch <= job.last_epoch:
        epoch = loader.epoch
        for batch in loader:
            begin, state = state["position"], loader.state_dict()
            _append(log, {**place, "event": "batch", "epoch": epoch, "begin": begin,
                          "after": state["position"], "keys": batch["key"]})  # fmt: skip
            barrier.wait()
            if rank == 0:
                job.save_state(state)
                steps.value += 1
        begin, state = state["position"], loader.state_dict()
        _append(log, {**place, "event": "end", "epoch": epoch, "begin": begin,
                      "ledger": {**loader.ledger(), "errors": []}})  # fmt: skip
        barrier.wait()
        if rank == 0:
            job.save_state(state)
            steps.value += 1


def start(job: Job, size: Size, rank: int, run_number: int, barrier, steps) -> int:
    """Runs a rank in a fork of this process, which must have no loader; returns its process id."""
    process = os.fork()
    if process > 0:
        return process
    status = 1
    try:
        run(job, size, rank, run_number, barrier, steps)
        status = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)
