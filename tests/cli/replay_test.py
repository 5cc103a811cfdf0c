"""`millrace replay` as a shell sees it: over damaged, mended and vanished shards, and torn ledgers.

Usage: replay_test.py MILLRACE
"""

import io
import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile

PROGRAM = sys.argv[1]
COLUMNS = {
    "n": {"fields": "num", "transform": {"type": "number", "dtype": "int64"}},
    "text": {"fields": "txt", "transform": {"type": "tokens",
                                              "tokenizer": {"type": "clip", "context_length": 77}}},
}


def write_shard(path: pathlib.Path, numbers: list) -> None:
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for i, number in enumerate(numbers):
            for extension, data in (("num", number), ("txt", "a caption")):
                member = tarfile.TarInfo(f"{i:06}.{extension}")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data.encode()))


def epoch_line(columns=COLUMNS, **more) -> str:
    fingerprint = {"sources": [{"shards": 1}], "columns": columns}
    return json.dumps({"event": "epoch", "version": 1, "epoch": 0, "fingerprint": fingerprint, **more})


def bad_line(shard, index, offset, key, position=0) -> str:
    return json.dumps(
        {"event": "bad_sample", "epoch": 0, "position": position, "source": "s", "shard": str(shard), "index": index,
         "offset": offset, "key": key, "reason": "bad_number", "message": "n: none", "outcome": "skipped"}
    )


def replay(ledger: pathlib.Path, *options) -> subprocess.CompletedProcess:
    return subprocess.run([PROGRAM, "replay", str(ledger), *options], capture_output=True, text=True, timeout=120)


def replayed(ledger: pathlib.Path, lines: list, code: int) -> dict:
    ledger.write_text("\n".join(lines) + "\n")
    done = replay(ledger, "--json")
    assert done.returncode == code, done
    return json.loads(done.stdout)


def test_says_which_still_fail_and_which_are_mended(folder: pathlib.Path) -> None:
    shard = folder / "a.tar"
    write_shard(shard, ["0", "none", "2", "3"])
    lines = [epoch_line(), bad_line(shard, 1, 2048, "000001"), bad_line(shard, 2, 4096, "000002")]
    lines.append(bad_line(shard, 1, 2048, "000001", position=7))  # a later epoch found it, too
    result = replayed(folder / "l", lines, 1)
    assert (result["failing"], result["well"]) == (1, 1), result
    fails = result["samples"][0]
    assert (fails["key"], fails["reason"], fails["fails"]) == ("000001", "bad_number", True), result
    text = replay(folder / "l")
    assert "still fails" in text.stdout and "well now" in text.stdout and text.stderr == "", text
    write_shard(shard, ["0", "1", "2", "3"])
    assert replayed(folder / "l", lines, 0)["well"] == 2


def test_makes_the_columns_of_the_sample_s_bucket(folder: pathlib.Path) -> None:
    shard = folder / "a.tar"
    write_shard(shard, ["0", "none", "2", "3"])
    text, number = {"text": COLUMNS["text"]}, {"n": COLUMNS["n"]}
    epoch = json.loads(epoch_line(columns=text))
    epoch["fingerprint"]["buckets"] = {"s": number, "other": text}
    assert replayed(folder / "l", [json.dumps(epoch), bad_line(shard, 1, 2048, "000001")], 1)["failing"] == 1
    epoch["fingerprint"]["buckets"] = {"s": text, "other": number}
    assert replayed(folder / "l", [json.dumps(epoch), bad_line(shard, 1, 2048, "000001")], 0)["well"] == 1


def test_finds_a_sample_that_was_repacked(folder: pathlib.Path) -> None:
    shard = folder / "a.tar"
    write_shard(shard, ["0" * 600, "1", "2"])  # the first one now takes a block more
    lines = [epoch_line(), bad_line(shard, 1, 2048, "000001"), bad_line(shard, 9, 2048 * 9, "000009")]
    result = replayed(folder / "l", lines, 1)
    by_key = {sample["key"]: sample for sample in result["samples"]}
    assert not by_key["000001"]["fails"], result
    assert by_key["000009"]["reason"] == "stale_index" and "changed" in by_key["000009"]["message"], result


def test_damaged_and_vanished_shards(folder: pathlib.Path) -> None:
    shard = folder / "a.tar"
    write_shard(shard, ["0", "1", "2", "3"])
    whole = shard.read_bytes()
    shard.write_bytes(whole[:4096] + b"\xff" * 512 + whole[4608:])
    lines = [epoch_line(), bad_line(shard, 2, 4096, ""), bad_line(folder / "gone.tar", 0, None, "")]
    result = replayed(folder / "l", lines, 1)
    reasons = {pathlib.Path(sample["shard"]).name: sample["reason"] for sample in result["samples"]}
    assert reasons == {"a.tar": "damaged_shard", "gone.tar": "io_error"}, result
    shard.write_bytes(whole)
    write_shard(folder / "gone.tar", ["5"])
    assert replayed(folder / "l", lines, 0)["well"] == 2
    shard.write_bytes(whole[:2048])
    assert replayed(folder / "l", lines, 1)["failing"] == 1


def test_torn_and_foreign_lines_are_counted_and_passed_over(folder: pathlib.Path) -> None:
    shard = folder / "a.tar"
    write_shard(shard, ["none"])
    lines = [epoch_line(), "garbage", "[]", "", '{"event":"bad_sample"}', bad_line(shard, 0, 0, "000000")]
    lines += ['{"event":"end","epoch":0,"rank":0,"ledger":{}}', bad_line(shard, 1, 0, "x")[:-40]]
    ledger = folder / "l"
    ledger.write_bytes("\n".join(lines).encode() + b"\xff\x00")
    done = replay(ledger, "--json")
    result = json.loads(done.stdout)
    assert done.returncode == 1 and result["failing"] == 1 and result["unreadable_lines"] == 4, done
    assert "torn" in done.stderr, done


def test_what_is_no_ledger_is_refused(folder: pathlib.Path) -> None:
    ledger = folder / "l"
    for content in ("", "\n", "text\n", bad_line("a.tar", 0, 0, "") + "\n", epoch_line().replace('"version": 1', '"version": 9')):
        ledger.write_text(content)
        done = replay(ledger, "--json")
        assert done.returncode == 2 and done.stdout == "" and str(ledger) in done.stderr, (content, done)
    unknown = {"n": {"fields": "num", "transform": {"type": "of_another_version"}}}
    ledger.write_text(epoch_line(unknown) + "\n")
    done = replay(ledger)
    assert done.returncode == 2 and "of_another_version" in done.stderr, done
    assert replay(folder / "absent").returncode == 2
    assert replay(folder).returncode == 2


for name, test in list(globals().items()):
    if name.startswith("test_"):
        with tempfile.TemporaryDirectory() as scratch:
            test(pathlib.Path(scratch))
        print(name, "passed")
