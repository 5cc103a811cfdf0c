"""The reading options, as all verbs have them: read_flags_test.py PROGRAM."""

import base64
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

# One pixel of grey.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNo"
    "AAAAggCBd81ytgAAAABJRU5ErkJggg==")
ROWS = 12


class ReadFlags(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "images").mkdir()
        # The name tells nothing of the format, the separator is not among those that are guessed,
        # and the images lie elsewhere.
        lines = ["name~photo~title"]
        for n in range(ROWS):
            (self.folder / "images" / f"{n}.png").write_bytes(PNG)
            lines.append(f"row{n}~{n}.png~caption {n}")
        self.table = self.folder / "rows.data"
        self.table.write_text("\n".join(lines) + "\n")
        self.flags = ["--format", "csv", "--separator", "~", "--image-paths", "photo", "--keys",
                      "name", "--image-root", str(self.folder / "images")]

    def run_verb(self, verb, *arguments):
        environment = {**os.environ, "MILLRACE_CACHE_DIR": str(self.folder / "cache")}
        return subprocess.run([PROGRAM, verb, *arguments], capture_output=True, text=True,
                              timeout=120, env=environment)

    def report(self, verb, *arguments):
        done = self.run_verb(verb, *self.flags, str(self.table), *arguments, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_every_verb_reads_with_them(self):
        self.assertEqual([line["key"] for line in self.report("ls")],
                         [f"row{n}" for n in range(ROWS)])
        self.assertEqual(self.report("cat", "row3")[0]["key"], "row3")
        check = self.report("check", "--num-proc", "2", "--fail-on", "missing_image")[0]
        self.assertEqual((check["samples"], check["images"]["decoded"]), (ROWS, ROWS))
        pack = self.report("pack", "--num-proc", "2", "-o", str(self.folder / "packed"))[0]
        self.assertEqual(pack["samples"], ROWS)
        bench = self.report("bench", "--num-proc", "2", "--seconds", "0.2", "--batch-size", "4")[0]
        self.assertGreaterEqual(bench["images"], 4)
        self.assertEqual(bench["bad_samples"], 0)
        plan = self.report("plan", "--num-proc", "2", "--position", "5", "--no-shuffle")[0]
        self.assertEqual(plan["samples"], ROWS)
        self.assertIsNotNone(plan["positions"][0]["offset_bytes"])
        index = self.report("index", "--num-proc", "2", "-o", str(self.folder / "rows.index"))[0]
        self.assertEqual(index["samples"], ROWS)

    def test_an_unknown_format_is_refused_by_its_name(self):
        for verb in ("ls", "check", "bench", "plan", "index", "cat"):
            last = ["0"] if verb == "cat" else []
            done = self.run_verb(verb, str(self.table), *last, "--format", "cvs")
            self.assertNotEqual(done.returncode, 0, verb)
            self.assertIn("cvs", done.stderr, verb)

    def test_wrong_usage_names_what_was_meant_and_exits_with_2(self):
        for arguments, words in (
            (["chek", "x.tar"], "unknown verb chek; the nearest known one is check"),
            (["check", "x.tar", "--imge-root", "y"],
             "unknown option --imge-root; the nearest known one is --image-root"),
            (["pack", "x.tar", "-o", "y", "--max-sie=3"],
             "unknown option --max-sie; the nearest known one is --max-size"),
            (["check"], "sources is required"),
            (["check", "x.tar", "--examples", "-1"], "--examples"),
            (["check", "x.tar", "--num-proc", "100000"],
             "--threads: 100000: must be 0 to 4096"),
            (["ls", "x.tar", "--limit", "many"], "--limit"),
            ([], "subcommand is required"),
        ):
            done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, done.stdout), (2, ""), done)
            self.assertIn(words, done.stderr)
        done = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_the_images_of_a_packed_conversation_are_checked(self):
        tar = self.folder / "packed.tar"
        turns = {"conversations": [{"role": "user", "content": "<image><image>"}],
                 "modalities": [{"type": "image"}, {"type": "image"}]}
        with tarfile.open(tar, "w", format=tarfile.USTAR_FORMAT) as shard:
            for name, data in (("0.modalities.0.png", PNG), ("0.modalities.1.png", PNG),
                               ("0.json", json.dumps(turns).encode())):
                member = tarfile.TarInfo(name)
                member.size = len(data)
                shard.addfile(member, io.BytesIO(data))
        check = self.run_verb("check", str(tar), "--json")
        self.assertEqual(check.returncode, 0, check.stdout)
        self.assertEqual(json.loads(check.stdout)["images"]["decoded"], 2)

    def test_a_check_of_nothing_is_no_check_that_passed(self):
        self.table.write_text("name~photo~title\n")
        check = self.run_verb("check", *self.flags, str(self.table))
        self.assertEqual((check.returncode, check.stdout), (2, ""), check.stderr)
        self.assertIn("no samples in 1 shard(s)", check.stderr)

    def test_a_source_may_follow_an_option_that_can_be_repeated(self):
        check = self.run_verb("check", *self.flags, "--fail-on", "none", str(self.table))
        self.assertEqual(check.returncode, 0, check.stderr)
        pack = self.run_verb("pack", *self.flags, "-o", str(self.folder / "p"), "--fields",
                             "image;title", "--image", "image", str(self.table))
        self.assertEqual(pack.returncode, 0, pack.stderr)


if __name__ == "__main__":
    unittest.main()
