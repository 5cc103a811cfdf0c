"""`millrace index` as a shell sees it: exit codes, streams, JSON, and going on after a kill.

Usage: index_test.py MILLRACE
"""

import io
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

PROGRAM = sys.argv[1]


def write_shard(path: pathlib.Path, samples: int) -> None:
    with tarfile.open(path, "w") as archive:
        for i in range(samples):
            for extension, data in (("jpg", b"j" * (300 * i % 1700)), ("json", b'{"width": %d}' % i)):
                member = tarfile.TarInfo(f"{i:06}.{extension}")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))


def index(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        [PROGRAM, "index", *map(str, arguments)], capture_output=True, text=True, timeout=120
    )


def summary(*arguments) -> dict:
    done = index(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_indexes_a_folder_once(folder: pathlib.Path) -> None:
    for i in range(5):
        write_shard(folder / f"s{i}.tar", 3 + i)
    first = summary(folder / "s{0..4}.tar", "--threads", 3)
    assert (first["shards"], first["samples"], first["walked"]) == (5, 25, 5), first
    assert first["files"] == [str(folder / "millrace.index")], first
    again = summary(folder / "*.tar")
    assert (again["walked"], again["reused"], again["samples"]) == (0, 5, 25), again
    assert summary(folder / "*.tar", "--force")["walked"] == 5
    assert summary(folder / "*.tar", "--metadata", "json:width")["walked"] == 5
    done = index(folder / "*.tar")
    assert done.returncode == 0 and done.stderr == "" and "25 samples" in done.stdout, done


def test_lists_damaged_shards_and_succeeds(folder: pathlib.Path) -> None:
    write_shard(folder / "a.tar", 4)
    whole = (folder / "a.tar").read_bytes()
    (folder / "cut.tar").write_bytes(whole[:3000])
    done = index(folder / "*.tar", "--json")
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["damaged_shards"] == 1
    assert str(folder / "cut.tar") in done.stderr and "damaged_shard" in done.stderr, done.stderr


def test_fails_with_the_shard_named(folder: pathlib.Path) -> None:
    done = index(folder / "absent.tar")
    assert done.returncode != 0 and done.stdout == "" and "absent.tar" in done.stderr, done
    write_shard(folder / "a.tar", 1)
    done = index(folder / "a.tar", "--metadata", ";")
    assert done.returncode != 0 and done.stderr != "", done


def test_takes_up_what_a_killed_run_left(folder: pathlib.Path) -> None:
    for i in range(4):
        write_shard(folder / f"s{i}.tar", 5)
    # Blocks are written as they are done: with one thread in the shards' order.
    summary(folder / "*.tar", "--threads", 1)
    made = (folder / "millrace.index").read_bytes()
    second = made.index(b"SHRD", made.index(b"SHRD") + 4)
    third = made.index(b"SHRD", second + 4)
    os.remove(folder / "millrace.index")
    (folder / "millrace.index.partial").write_bytes(made[: third + 50])
    done = summary(folder / "*.tar", "--threads", 1)
    assert (done["reused"], done["walked"], done["samples"]) == (2, 2, 20), done
    assert (folder / "millrace.index").read_bytes() == made
    assert not (folder / "millrace.index.partial").exists()


for name, test in list(globals().items()):
    if name.startswith("test_"):
        with tempfile.TemporaryDirectory() as scratch:
            test(pathlib.Path(scratch))
        print(name, "passed")
