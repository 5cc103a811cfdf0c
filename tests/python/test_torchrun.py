"""Real ranks: training under torchrun is killed, and goes on with other numbers of processes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import millrace

SCRIPT = Path(__file__).with_name("train_with_checkpoints.py")
GLOBAL_BATCH, EPOCHS = 12, 24
PATIENCE_SECONDS = 180

pytestmark = pytest.mark.skipif(
    not torch.distributed.is_available() or not torch.distributed.is_gloo_available(),
    reason="SKIPPED for want of gloo",
)


def lines_of(path: Path) -> list[dict]:
    """A process that was killed may have left half a line."""
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


class Run:
    """One torchrun, in a folder that keeps the checkpoint from run to run."""

    def __init__(self, folder: Path, spec: str, world: int):
        self.folder, self.world = folder, world
        folder.mkdir(exist_ok=True)
        for log in folder.glob("rank-*.jsonl"):
            log.unlink()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(world),
             str(SCRIPT), str(folder), spec, str(GLOBAL_BATCH), str(EPOCHS)],
            env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True,
        )  # fmt: skip

    def logs(self) -> list[list[dict]]:
        return [lines_of(self.folder / f"rank-{rank}.jsonl") for rank in range(self.world)]

    def kill_after(self, step: int) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while min(log[-1].get("step", 0) if log else 0 for log in self.logs()) < step:
            assert self.process.poll() is None, self.process.communicate()[0]
            assert time.monotonic() < end, f"no step {step} in {PATIENCE_SECONDS} s"
            time.sleep(0.005)
        # The launcher first: it would end the others in an orderly way.
        for pid in [self.process.pid, *(log[0]["pid"] for log in self.logs())]:
            os.kill(pid, signal.SIGKILL)
        self.process.communicate()

    def finish(self) -> None:
        output, _ = self.process.communicate(timeout=PATIENCE_SECONDS)
        assert self.process.returncode == 0, output

    def steps(self) -> dict[int, tuple[list[str], float]]:
        """Step -> the keys of the global batch in global order, and the loss."""
        steps = {}
        for lines in zip(*(log[1:] for log in self.logs())):
            assert len({(line["step"], line["loss"]) for line in lines}) == 1
            keys = [key for keys in zip(*(line["keys"] for line in lines)) for key in keys]
            steps[lines[0]["step"]] = (keys, lines[0]["loss"])
        return steps


def test_training_that_is_killed_goes_on_with_other_numbers_of_processes(spec, tmp_path):
    uninterrupted = Run(tmp_path / "uninterrupted", spec, 2)
    uninterrupted.finish()
    expected = uninterrupted.steps()
    assert sorted(expected) == list(range(1, EPOCHS * 10 + 1))

    folder = tmp_path / "killed"
    got, taken_up = {}, []
    for world, last in [(2, 31), (1, 77), (3, None)]:
        run = Run(folder, spec, world)
        if last is None:
            run.finish()
        else:
            run.kill_after(last)
        taken_up.append(run.logs()[0][0]["from_step"])
        steps = run.steps()
        assert min(steps) == taken_up[-1] + 1
        got.update(steps)

    assert taken_up[0] == 0 and 30 <= taken_up[1] and 75 <= taken_up[2] < EPOCHS * 10
    assert [got[step][0] for step in sorted(got)] == [expected[step][0] for step in sorted(expected)]
    losses = [torch.tensor([steps[step][1] for step in sorted(steps)]) for steps in (got, expected)]
    assert torch.allclose(*losses, rtol=1e-3, atol=1e-5)  # sums over ranks round differently


def test_the_state_goes_through_a_distributed_checkpoint(spec, tmp_path):
    checkpoint = pytest.importorskip("torch.distributed.checkpoint")
    options = dict(batch_size=12, columns={"n": millrace.number("json:n", dtype="int64")}, shuffle=True)
    loader = millrace.DataLoader(spec, **options)
    batches = iter(loader)
    next(batches)
    checkpoint.save({"loader": loader.state_dict()}, checkpoint_id=tmp_path / "checkpoint", no_dist=True)
    expected = next(batches)["n"]

    resumed = millrace.DataLoader(spec, **options)
    state = {"loader": resumed.state_dict()}
    checkpoint.load(state, checkpoint_id=tmp_path / "checkpoint", no_dist=True)
    resumed.load_state_dict(state["loader"])
    assert torch.equal(next(iter(resumed))["n"], expected)
