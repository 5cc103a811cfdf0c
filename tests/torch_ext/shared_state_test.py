"""C++ and Python write the same state and read each other's: shared_state_test.py RESUME_PROGRAM."""

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

import millrace

PROGRAM = sys.argv.pop(1)
COUNTS = [37, 1, 64, 20]
BATCHES = 7


def write_shard(path: Path, samples: int) -> None:
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for n in range(samples):
            for extension, data in (("txt", b"caption"), ("json", b'{"n": %d}' % n)):
                member = tarfile.TarInfo(f"{path.stem}-{n:03d}.{extension}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))


class SharedState(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.shards = [str(Path(folder.name) / f"s{i}.tar") for i in range(len(COUNTS))]
        for path, samples in zip(self.shards, COUNTS):
            write_shard(Path(path), samples)
        os.environ["MILLRACE_CACHE_DIR"] = folder.name
        mixture = [
            {"name": "a", "sources": self.shards[:2], "weight": 0.25},
            {"name": "b", "sources": self.shards[2:], "weight": 0.75, "select": {"every": 2}},
        ]
        budgets = [{**source, "samples_per_epoch": 41} for source in mixture]
        for source in budgets:
            del source["weight"]
        self.cases = {
            "in order": {"sources": self.shards},
            "shuffled": {"sources": self.shards, "shuffle": True, "seed": 2**64 - 1},
            "window in bytes": {"sources": self.shards, "shuffle": True, "shuffle_window": "64KiB"},
            "epochs of its own length": {"sources": self.shards, "shuffle": True, "samples_per_epoch": 50},
            "selected": {"sources": self.shards, "select": {"where": "n < 30", "shards": [0, 3]}},
            "mixture": {"mixture": mixture, "shuffle": True, "stop_at": "last_exhausted"},
            "tempered mixture": {"mixture": mixture, "temperature": 3.5},
            "counted mixture": {"mixture": budgets, "shuffle": True, "epoch": 3},
        }

    def cpp(self, options: dict, batches: int, *state: str) -> tuple[list[str], str]:
        done = subprocess.run([PROGRAM, json.dumps(options), str(batches), *state],
                              capture_output=True, text=True, timeout=120)  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        keys, text = done.stdout.splitlines()
        return keys.split(), text

    def python(self, options: dict, batches: int, *state: str) -> tuple[list[str], str]:
        loader = millrace.DataLoader(**options)
        for text in state:
            loader.load_state_dict(json.loads(text))
        keys: list[str] = []
        while batches > 0:
            for batch in loader:
                keys += batch["key"]
                batches -= 1
                if batches == 0:
                    break
            else:
                batches -= 1  # the end of an epoch
        return keys, loader._loader.state()

    def test_state_and_order_are_the_same_text_and_keys_from_both(self):
        columns = {
            "key": millrace.raw("__key__"),
            "text": millrace.text(),
            "n": millrace.number("json:n", dtype="float32"),
        }
        both = {"columns": columns, "batch_size": 9, "rank": 0, "world_size": 1}
        for name, case in self.cases.items():
            for batches in (0, BATCHES, 40):
                with self.subTest(name, batches=batches):
                    options = {**case, **both}
                    from_cpp, from_python = self.cpp(options, batches), self.python(options, batches)
                    self.assertEqual(from_cpp, from_python)
                    state = from_cpp[1]
                    rest = self.cpp(options, BATCHES, state)
                    self.assertEqual(rest, self.python(options, BATCHES, state))
                    whole = self.python(options, batches + BATCHES)
                    self.assertEqual((from_python[0] + rest[0], rest[1]), whole)

    def test_a_state_of_other_options_is_refused_by_both_in_the_same_words(self):
        columns = {"key": millrace.raw("__key__")}
        options = {"sources": self.shards, "columns": columns, "shuffle": True, "rank": 0, "world_size": 1}
        state = self.python({**options, "seed": 1}, 1)[1]
        with self.assertRaises(ValueError) as refused:
            self.python({**options, "seed": 2}, 1, state)
        done = subprocess.run([PROGRAM, json.dumps({**options, "seed": 2}), "1", state],
                              capture_output=True, text=True, timeout=120)  # fmt: skip
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("seed was 1 and is 2", done.stderr)
        self.assertIn("seed was 1 and is 2", str(refused.exception))


if __name__ == "__main__":
    unittest.main()
