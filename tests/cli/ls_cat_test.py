"""`millrace ls` and `millrace cat` as a shell sees them.

Usage: ls_cat_test.py MILLRACE
"""

import io
import json
import os
import pathlib
import pty
import signal
import subprocess
import sys
import tarfile
import tempfile

PROGRAM = sys.argv[1]


def write_tar(path: pathlib.Path, members) -> None:
    with tarfile.open(path, "w") as archive:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def write_shards(folder: pathlib.Path) -> str:
    for shard in range(3):
        write_tar(
            folder / f"s{shard}.tar",
            [
                member
                for i in range(shard * 4, shard * 4 + 4)
                for member in ((f"k{i:03}.bin", bytes([i, 0, 255])), (f"k{i:03}.txt", b"text %d" % i))
            ],
        )
    return str(folder / "s{0..2}.tar")


def run(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, timeout=120)


def lines(*arguments) -> list:
    done = run("ls", *arguments)
    assert done.returncode == 0 and done.stderr == b"", done
    return done.stdout.decode().splitlines()


def test_ls_lists_samples_with_fields_and_sizes(folder: pathlib.Path) -> None:
    sources = write_shards(folder)
    assert len(lines(sources)) == 12
    assert lines(sources, "--offset", 5, "--limit", 2) == ["5  k005  bin 3  txt 6", "6  k006  bin 3  txt 6"]
    assert lines(sources, "--offset", 12) == []
    (line,) = lines(sources, "--long", "--offset", 11)
    assert f"{folder}/s2.tar:3" in line and '"text 11"' in line, line
    listed = [json.loads(line) for line in lines(sources, "--json")]
    assert [one["key"] for one in listed] == [f"k{i:03}" for i in range(12)]
    assert listed[4] == {
        "number": 4,
        "shard": str(folder / "s1.tar"),
        "index": 0,
        "offset": 0,
        "unit": "byte",
        "key": "k004",
        "fields": {"bin": 3, "txt": 6},
    }
    shards = [json.loads(line) for line in lines(sources, "--shards", "--json")]
    assert [(one["samples"], one["damaged"]) for one in shards] == [(4, 0)] * 3
    assert shards[1]["bytes"] == (folder / "s1.tar").stat().st_size


def test_ls_opens_only_what_it_shows(folder: pathlib.Path) -> None:
    sources = write_shards(folder)
    (folder / "s2.tar").write_bytes(b"no tar" * 1000)
    assert len(lines(folder / "s0.tar", folder / "s1.tar", folder / "s2.tar", "--limit", 8)) == 8
    indexed = run("index", folder / "s{0..1}.tar")
    assert indexed.returncode == 0, indexed
    # What the index knows is not opened: this would be an error, were it read.
    before = (folder / "s0.tar").stat()
    (folder / "s0.tar").write_bytes(b"x" * before.st_size)
    os.utime(folder / "s0.tar", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert lines(folder / "s{0..1}.tar", "--offset", 7) == ["7  k007  bin 3  txt 6"]
    assert len(lines(folder / "millrace.index", "--offset", 4)) == 4


def test_ls_shows_damage_in_its_place_and_fails(folder: pathlib.Path) -> None:
    write_shards(folder)
    (folder / "s1.tar").write_bytes((folder / "s1.tar").read_bytes()[:2500])
    done = run("ls", folder / "s{0..1}.tar")
    assert done.returncode == 1 and b"damaged_shard" in done.stdout, done
    done = run("ls", "--shards", folder / "s{0..1}.tar")
    assert done.returncode == 0 and b"1 damaged" in done.stdout, done
    done = run("ls", folder / "absent.tar")
    assert done.returncode == 1 and done.stdout == b"" and b"absent.tar" in done.stderr, done


def test_ls_ends_quietly_with_the_pipe(folder: pathlib.Path) -> None:
    write_tar(folder / "many.tar", [(f"{'k' * 80}{i:05}.txt", b"t") for i in range(5000)])
    for ignored in (False, True):
        process = subprocess.Popen(
            [PROGRAM, "ls", str(folder / "many.tar")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=(lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN)) if ignored else None,
            restore_signals=not ignored,
        )
        process.stdout.readline()
        process.stdout.close()
        error = process.stderr.read()
        assert process.wait(timeout=60) in (0, -signal.SIGPIPE) and error == b"", (process.returncode, error)


def test_cat_finds_a_sample_by_key_number_and_place(folder: pathlib.Path) -> None:
    sources = write_shards(folder)
    for name in ("k006", "6", "s1.tar:2", "1:2", f"{folder}/s1.tar:2"):
        done = run("cat", sources, name, "--json")
        assert done.returncode == 0, (name, done)
        told = json.loads(done.stdout)
        assert (told["key"], told["number"], told["index"]) == ("k006", 6, 2), told
        assert told["fields"]["txt"] == {"bytes": 6, "text": "text 6"}, told
    shown = run("cat", sources, "k006").stdout.decode()
    assert "key: k006" in shown and "bin: 3 bytes" in shown and "    text 6" in shown, shown
    done = run("cat", sources, "k06")
    assert done.returncode == 1 and done.stdout == b"" and b'"k006"' in done.stderr, done
    for name, said in (("12", b"have 12"), ("s1.tar:4", b"has 4"), ("s7.tar:0", b"no such shard")):
        done = run("cat", sources, name)
        assert done.returncode == 1 and said in done.stderr, (name, done)
    write_tar(folder / "digits.tar", [("7.txt", b"seven")])
    assert run("cat", folder / "digits.tar", "7").returncode == 1
    assert run("cat", folder / "digits.tar", "7", "--key", "--field", "txt").stdout == b"seven"


def test_cat_writes_the_bytes_of_a_field(folder: pathlib.Path) -> None:
    sources = write_shards(folder)
    assert run("cat", sources, 9, "--field", "bin").stdout == bytes([9, 0, 255])
    done = run("cat", sources, 9, "--field", "bin", "-o", folder / "field")
    assert done.returncode == 0 and done.stdout == b"" and (folder / "field").read_bytes() == bytes([9, 0, 255])
    done = run("cat", sources, 9, "--field", "tx")
    assert done.returncode == 1 and b"did you mean txt" in done.stderr and done.stdout == b"", done
    done = run("cat", sources, 9, "-o", folder / "field")
    assert done.returncode == 1 and b"--field" in done.stderr, done


def on_terminal(*arguments) -> tuple:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, *map(str, arguments)], stdout=slave, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    os.close(slave)
    shown = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(master)
    error = process.stderr.read()
    return process.wait(timeout=60), shown, error


def test_nothing_in_the_data_reaches_the_terminal_as_a_control_sequence(folder: pathlib.Path) -> None:
    evil = b"a\x1b]0;title\x07\x1b[2J\xc2\x9b31m b\xe2\x80\xaec\nsecond"
    write_tar(folder / "a.tar", [("k\x1b[31m.txt", evil), ("k\x1b[31m.bin", b"\x00\x1b[2J\xff")])
    for arguments in (("ls", "-l"), ("ls", "--json"), ("cat", "0"), ("cat", "0", "--field", "txt")):
        code, shown, _ = on_terminal(arguments[0], folder / "a.tar", *arguments[1:])
        assert code == 0, (arguments, shown)
        text = shown.decode()
        assert not any(c in text for c in "\x1b\x07\x9b\u202e\x00"), (arguments, shown)
    code, shown, error = on_terminal("cat", folder / "a.tar", "0", "--field", "bin")
    assert code == 1 and shown == b"" and b"terminal" in error, (code, shown, error)


for name, test in list(globals().items()):
    if name.startswith("test_"):
        with tempfile.TemporaryDirectory() as scratch:
            os.environ["MILLRACE_CACHE_DIR"] = scratch + "/cache"
            test(pathlib.Path(scratch))
        print(name, "passed")
