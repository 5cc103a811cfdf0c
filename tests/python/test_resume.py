"""Resuming: a short soak of killed runs, its checker put to test, and the time to the first batch."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from damaged_shards import Shard
from soak_account import Checker
from soak_rank import Job

SOAK = Path(__file__).with_name("soak.py")


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--mixture", "--options", '{"stop_at": "last_exhausted"}'],
        ["--options", '{"samples_per_epoch": 333}'],
        ["--options", '{"shuffle": false, "drop_last": true}'],
        ["--options", '{"on_bad_sample": "skip", "shuffle_window": 16}'],
    ],
    ids=["shuffled", "mixture", "samples_per_epoch", "drop_last", "skip"],
)
def test_killed_runs_deliver_each_sample_once_and_report_each_damaged_one(options):
    """A process of its own, since it forks: this one may have loaders."""
    done = subprocess.run(
        [sys.executable, SOAK, "--drawn", "--copies", "2", "--kills", "8", "--json", *options],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["kills"] == 8 and report["wrong"] == 0
    outcomes = sum(report[outcome] for outcome in ("delivered", "substituted", "skipped", "dropped"))
    assert outcomes == report["samples"]
    assert report["damaged"] == report["substituted"] + report["skipped"] > 0


SHARD = Shard("/s.tar", ["a", "b", "c", "d"], [0, 10, 20, 30], {"c": "noise"})
BAD = {"event": "bad_sample", "epoch": 0, "position": 2, "shard": "/s.tar", "index": 2, "offset": 20,
       "key": "c", "reason": "damaged_image", "outcome": "substituted",
       "stand_in": {"shard": "/s.tar", "index": 3}}  # fmt: skip
PLACE = {"run": 0, "rank": 0, "world": 1, "epoch": 0}
BATCHES = [
    {**PLACE, "event": "batch", "begin": 0, "after": 2, "keys": ["a", "b"]},
    {**PLACE, "event": "batch", "begin": 2, "after": 4, "keys": ["d", "d"]},
]
END = {**PLACE, "event": "end", "ledger": {"from_position": 0, "expected": 4, "delivered": 3,
                                           "substituted": 1, "skipped": {}, "padded": 0}}  # fmt: skip


def account_of(folder: Path, log: list[dict], ledger: list[dict], saved=(1, 0)):
    job = Job(str(folder), ["/s.tar"])
    job.log_path(0).write_text("".join(json.dumps(line) + "\n" for line in log))
    Path(job.ledger_path().format(rank=0)).write_text("".join(json.dumps(line) + "\n" for line in ledger))
    return Checker(job, [SHARD], [saved], {0: ["a", "b", "c", "d"]}).check()


def test_the_checker_finds_nothing_wrong_with_a_right_account(tmp_path):
    account = account_of(tmp_path, [*BATCHES, END], [BAD])
    assert account.wrong() == 0, account
    assert (account.delivered, account.substituted, account.damaged) == (3, 1, 1)


@pytest.mark.parametrize(
    "log, ledger, figure, count",
    [
        ([BATCHES[0], END], [BAD], "missing", 2),
        ([*BATCHES, BATCHES[0], END], [BAD], "duplicates", 2),
        ([{**BATCHES[0], "keys": ["b", "a"]}, BATCHES[1], END], [BAD], "misplaced", 2),
        ([*BATCHES, END], [], "unreported", 1),
        ([*BATCHES, END], [{**BAD, "offset": 10}], "unreported", 1),
        ([*BATCHES, END], [BAD, {**BAD, "reason": "io_error"}], "ledger_changes", 1),
        ([*BATCHES, END], [BAD, {**BAD, "position": 1, "key": "b"}], "falsely_reported", 1),
        ([*BATCHES, {**END, "ledger": {**END["ledger"], "delivered": 4}}], [BAD], "wrong_sums", 1),
        ([*BATCHES], [BAD], "wrong_sums", 1),
    ],
)
def test_the_checker_finds_what_is_wrong(tmp_path, log, ledger, figure, count):
    account = account_of(tmp_path, log, ledger)
    assert getattr(account, figure) == count, account


def test_the_checker_counts_no_batch_beyond_the_saved_state(tmp_path):
    account = account_of(tmp_path, [*BATCHES, END], [BAD], saved=(0, 2))
    assert account.lost_with_kills == 2 and account.missing == 2


def test_a_resume_far_into_a_long_epoch_is_as_fast_as_one_at_its_start():
    """200 million samples here; the same command does 10 billion."""
    program = Path(__file__).resolve().parents[2] / "bench" / "resume_speed.py"
    arguments = ["--shards", "20000", "--rounds", "9", "--at", "0.9", "--json"]
    done = subprocess.run(
        [sys.executable, program, *arguments], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["samples"] == 200_000_000
    start, far = report["positions"]["0.0"], report["positions"]["0.9"]
    # The least of several times: a shared machine adds to all of them.
    assert far["first_batch_seconds_least"] <= 1.5 * start["first_batch_seconds_least"] + 0.02, report
