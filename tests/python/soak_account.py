"""Whether the runs that were killed delivered exactly what they should have, position by position."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from damaged_shards import Shard
from soak_rank import Job


def lines_of(path: Path) -> list[dict]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


@dataclass
class Account:
    """Figures of a soak. All of the second group must be 0."""

    epochs: int = 0
    samples: int = 0  # of all epochs
    damaged: int = 0
    delivered: int = 0
    substituted: int = 0
    skipped: int = 0
    dropped: int = 0
    padded: int = 0
    lost_with_kills: int = 0  # delivered, then delivered again because the state was older

    duplicates: int = 0
    missing: int = 0
    misplaced: int = 0  # another sample than the plan says
    unreported: int = 0  # damaged samples that are not in the ledger, with the right place
    falsely_reported: int = 0
    wrong_sums: int = 0  # ledgers of whole epochs that do not add up
    ledger_changes: int = 0  # a position that the ledger tells of in two ways
    problems: list[str] = field(default_factory=list)

    def wrong(self) -> int:
        return (self.duplicates + self.missing + self.misplaced + self.unreported
                + self.falsely_reported + self.wrong_sums + self.ledger_changes)  # fmt: skip


def _note(account: Account, what: str, text: str) -> None:
    setattr(account, what, getattr(account, what) + 1)
    if len(account.problems) < 20:
        account.problems.append(f"{what}: {text}")


class Checker:
    """`saved[run]` is the (epoch, position) of the state when that run was over; `order[epoch]` the keys
    by position, as an uninterrupted loader that decodes nothing gives them."""

    def __init__(self, job: Job, shards: list[Shard], saved: list[tuple], order: dict[int, list[str]]):
        self.saved = saved
        self.order = order
        self.account = Account(epochs=len(order), samples=sum(len(keys) for keys in order.values()))
        self.damaged = {key for shard in shards for key in shard.damaged}
        self.shards = {shard.path: shard for shard in shards}
        self.bad: dict[tuple, dict] = {}  # (epoch, position) -> the ledger's line
        self.seen: Counter = Counter()
        self.ends: dict[tuple, list[dict]] = {}
        ranks = range(64)
        for rank in ranks:
            self._read_ledger(lines_of(Path(job.ledger_path().format(rank=rank))))
        for rank in ranks:
            self._read_log(lines_of(job.log_path(rank)))

    def check(self) -> Account:
        for epoch, keys in self.order.items():
            self._check_epoch(epoch, keys)
        return self.account

    def _read_ledger(self, lines: list[dict]) -> None:
        for line in lines:
            if line["event"] != "bad_sample":
                continue
            place = (line["epoch"], line["position"])
            if self.bad.setdefault(place, line) != line:
                _note(self.account, "ledger_changes", f"{line} after {self.bad[place]}")

    def _read_log(self, lines: list[dict]) -> None:
        for line in lines:
            if line["epoch"] not in self.order:
                continue
            if line["event"] == "end":
                if (line["epoch"] + 1, 0) <= self.saved[line["run"]]:
                    self.ends.setdefault((line["epoch"], line["run"]), []).append(line)
            elif (line["epoch"], line["after"]) > self.saved[line["run"]]:
                self.account.lost_with_kills += len(line["keys"])
            else:
                self._read_batch(line)

    def _read_batch(self, line: dict) -> None:
        epoch, world, keys = line["epoch"], line["world"], self.order[line["epoch"]]
        slots = -(-(line["after"] - line["begin"]) // world)
        positions = [line["begin"] + line["rank"] + slot * world for slot in range(slots)]
        outcomes = [self.bad.get((epoch, p % len(keys)), {}).get("outcome") for p in positions]
        taken = [p for p, outcome in zip(positions, outcomes) if outcome != "skipped"]
        if len(taken) != len(line["keys"]):
            _note(self.account, "missing", f"{len(taken)} expected: {line}")
        for position, key in zip(taken, line["keys"]):
            self._read_slot(epoch, position, key)

    def _read_slot(self, epoch: int, position: int, key: str) -> None:
        account, keys = self.account, self.order[epoch]
        if position >= len(keys):
            account.padded += 1
            position -= len(keys)
        else:
            self.seen[epoch, position] += 1
        bad = self.bad.get((epoch, position))
        expected = keys[position]
        if bad is not None and bad["outcome"] == "substituted":
            stand_in = bad["stand_in"]
            expected = self.shards[stand_in["shard"]].keys[stand_in["index"]]
        if key != expected or key in self.damaged:
            _note(account, "misplaced", f"epoch {epoch}, position {position}: {key}, not {expected}")

    def _check_epoch(self, epoch: int, keys: list[str]) -> None:
        account = self.account
        dropped = self._check_sums(epoch, len(keys))
        account.dropped += dropped
        for position, key in enumerate(keys[: len(keys) - dropped]):
            times, bad = self.seen[epoch, position], self.bad.get((epoch, position))
            place = f"epoch {epoch}, position {position}: {key}"
            if key in self.damaged:
                account.damaged += 1
                if bad is None or not self._is_at_its_place(bad, key):
                    _note(account, "unreported", f"{place}: {bad}")
            elif bad is not None:
                _note(account, "falsely_reported", f"{place}: {bad}")
            if bad is not None and bad["outcome"] == "skipped":
                account.skipped += 1
                times += 1
            elif bad is not None:
                account.substituted += 1
            else:
                account.delivered += 1
            if times > 1:
                _note(account, "duplicates", place)
            if times == 0:
                _note(account, "missing", place)

    def _is_at_its_place(self, bad: dict, key: str) -> bool:
        shard = self.shards.get(bad["shard"])
        if shard is None or bad["key"] != key:
            return False
        index = shard.keys.index(key)
        return bad["index"] == index and bad["offset"] == shard.offsets[index] and bool(bad["reason"])

    def _check_sums(self, epoch: int, samples: int) -> int:
        """The ledgers of the run that ended the epoch, over its ranks; returns what was dropped."""
        runs = [ends for (of, _), ends in self.ends.items() if of == epoch]
        if len(runs) != 1 or len(runs[0]) != runs[0][0]["world"]:
            _note(self.account, "wrong_sums", f"epoch {epoch} ended in {len(runs)} runs")
            return 0
        ledgers = [end["ledger"] for end in runs[0]]
        begin = ledgers[0]["from_position"]
        for ledger in ledgers:
            accounted = ledger["delivered"] + ledger["substituted"] + sum(ledger["skipped"].values())
            if ledger["expected"] != accounted or ledger["from_position"] != begin:
                _note(self.account, "wrong_sums", f"epoch {epoch}: {ledger}")
        expected = sum(ledger["expected"] - ledger["padded"] for ledger in ledgers)
        if expected != samples - begin:
            _note(self.account, "wrong_sums", f"epoch {epoch}: {expected} from {begin} of {samples}")
        return sum(ledger["skipped"].get("drop_last", 0) for ledger in ledgers)
