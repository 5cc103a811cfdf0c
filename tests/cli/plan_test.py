"""`millrace plan`, as a script sees it: plan_test.py PROGRAM."""

import io
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import unittest

PROGRAM = sys.argv.pop(1) if len(sys.argv) > 1 else "millrace"
COUNTS = [5, 0, 130, 61, 1]


def write_shard(path, samples):
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for n in range(samples):
            caption = f"caption {n}".encode()
            member = tarfile.TarInfo(f"{n:04d}.txt")
            member.size = len(caption)
            tar.addfile(member, io.BytesIO(caption))


class Plan(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.environment = {**os.environ, "MILLRACE_CACHE_DIR": str(self.folder / "cache")}
        for number, samples in enumerate(COUNTS):
            write_shard(self.folder / f"s-{number}.tar", samples)
        self.shards = str(self.folder / f"s-{{0..{len(COUNTS) - 1}}}.tar")

    def run_program(self, *arguments):
        return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=120,
                              env=self.environment)

    def plan(self, *arguments, sources=None):
        done = self.run_program("plan", sources or self.shards, "--json", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_every_position_has_another_sample_and_find_finds_it(self):
        positions = [a for p in range(sum(COUNTS)) for a in ("--position", str(p))]
        found = self.plan("--shuffle-window", "64", *positions)["positions"]
        samples = {(s["shard"], s["index"]) for s in found}
        self.assertEqual(len(samples), sum(COUNTS))
        wanted = [a for s in found for a in ("--find", f"{s['shard']}:{s['index']}")]
        again = self.plan("--shuffle-window", "64", *wanted)["found"]
        self.assertEqual([s["position"] for s in again], list(range(sum(COUNTS))))
        self.assertEqual(again, found)

    def test_the_offset_is_where_the_sample_lies(self):
        for sample in self.plan("--position", "0", "--position", "77")["positions"]:
            with open(sample["shard"], "rb") as shard:
                shard.seek(sample["offset_bytes"])
                self.assertEqual(shard.read(8).decode(), f"{sample['index']:04d}.txt")

    def test_a_shard_is_named_by_number_end_or_path(self):
        path = str(self.folder / "s-3.tar")
        found = self.plan("--find", "3:60", "--find", "s-3.tar:60", "--find", path + ":60")["found"]
        self.assertEqual(found[0], found[1])
        self.assertEqual(found[0], found[2])
        self.assertEqual(found[0]["shard"], path)

    def test_batches_dropped_and_padded_add_up_to_the_samples(self):
        for world in (1, 2, 3, 7):
            for tail in ([], ["--drop-last"]):
                plan = self.plan("--batch-size", "16", "--world-size", str(world), *tail)
                full = (plan["batches"] - 1) * 16 + plan["last_batch_samples"]
                self.assertEqual(full * world + plan["dropped"] - plan["padded"], sum(COUNTS))

    def test_an_index_is_a_source_without_its_shards(self):
        index = str(self.folder / "all.index")
        self.assertEqual(self.run_program("index", self.shards, "-o", index).returncode, 0)
        with_shards = self.plan("--position", "9")["positions"][0]
        for shard in self.folder.glob("*.tar"):
            shard.unlink()
        alone = self.plan("--position", "9", sources=index)["positions"][0]
        self.assertEqual((alone["shard"], alone["index"]),
                         (with_shards["shard"], with_shards["index"]))
        self.assertIn("s-", alone["offset_problem"])

    def test_a_plan_is_of_what_is_selected(self):
        everything = self.plan("--no-shuffle")["samples"]
        third = self.plan("--no-shuffle", "--every", "3", "--every-offset", "1", "--position", "0")
        self.assertEqual(third["samples"], (everything + 1) // 3)
        self.assertEqual(third["positions"][0]["index"], 1)
        done = self.run_program("plan", self.shards, "--every", "3", "--find", "0:0")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.run_program("plan", self.shards, "--every", "3", "--find", "0:1")
        self.assertIn("the sample is not selected", done.stderr)

    def test_the_quality_of_the_three_orders_stands_side_by_side(self):
        quality = self.plan("--quality", "--batch-size", "32")["quality"]
        self.assertEqual(quality["classes"], len(COUNTS))
        for order in ("plan", "full_permutation", "shuffle_buffer_10000"):
            self.assertGreater(quality[order]["shards_in_batch"], 2)
        unshuffled = self.plan("--quality", "--no-shuffle", "--batch-size", "32")["quality"]["plan"]
        self.assertAlmostEqual(unshuffled["rank_correlation"], 1)
        text = self.run_program("plan", self.shards, "--quality")
        self.assertIn("independent draws", text.stdout)
        self.assertEqual(text.stderr, "")

    def test_what_is_not_there_is_refused_by_name(self):
        for arguments in (["--position", "197"], ["--find", "1:0"], ["--find", "s-9.tar:0"],
                          ["--find", "2"], ["--find", "2:x"], ["--find", "9:0"],
                          ["--shuffle-window", "0"], ["--batch-size", "0"], ["--world-size", "0"],
                          ["--epoch", "-1"], ["--seed", "-1"], ["--every", "0"],
                          ["--where", "width >>"]):
            done = self.run_program("plan", self.shards, *arguments)
            self.assertNotEqual(done.returncode, 0, arguments)
            self.assertIn(arguments[0].removeprefix("--").replace("-", "_"),
                          done.stderr.replace("-", "_"))
            self.assertEqual(done.stdout, "")
        done = self.run_program("plan", str(self.folder / "s-1.tar"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("no samples", done.stderr)


if __name__ == "__main__":
    unittest.main()
