"""`millrace pack` as a shell sees it: what is in the tars, the same bytes however it ran, and what a
killed run leaves.

Usage: pack_test.py MILLRACE
"""

import io
import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from reference_folder import reference_folder  # noqa: E402 - from the folder above

PROGRAM = sys.argv[1]
DATA = reference_folder()
# webdataset's rules for the names of members.
WEBDATASET_NAME = re.compile(r"^((?:.*/|)[^.]+)[.]([^/]*)$")
WEBDATASET_SKIPPED = re.compile(r"__[^/]*__($|/)")


def png(width: int, height: int, seed: int = 0) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        whole = kind + data
        return len(data).to_bytes(4, "big") + whole + zlib.crc32(whole).to_bytes(4, "big")

    rows = b"".join(
        b"\0" + bytes((x * 7 + y * 3 + seed * 11 + c * 40) % 256 for x in range(width) for c in range(3))
        for y in range(height)
    )
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def jpeg_size(data: bytes) -> tuple:
    at = 2
    while True:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xC2:
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        at += 2 + length


def write_tar(path: pathlib.Path, members) -> None:
    with tarfile.open(path, "w") as archive:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def some_members(first: int, count: int):
    numbers = random.Random(first)
    for i in range(first, first + count):
        yield f"{i:06}.jpg", numbers.randbytes(numbers.randrange(200, 40000))
        yield f"{i:06}.json", b'{"width": %d}' % i
        yield f"{i:06}.txt", b"picture %d" % i


def pack(*arguments, **more) -> subprocess.CompletedProcess:
    return subprocess.run(
        [PROGRAM, "pack", *map(str, arguments)], capture_output=True, text=True, timeout=300, **more
    )


def packed(*arguments) -> dict:
    done = pack(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", done.stderr
    return json.loads(done.stdout)


def shards(folder: pathlib.Path) -> dict:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.tar"))}


def files(folder: pathlib.Path) -> dict:
    """All that a pack is, but the index, which holds the shards' modification times."""
    return {**shards(folder), "manifest.jsonl": (folder / "manifest.jsonl").read_bytes()}


def samples(folder: pathlib.Path) -> list:
    """What webdataset finds: (key, {extension: bytes}), in order."""
    found = []
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(path) as archive:
            for member in archive:
                assert member.isreg() and (member.mtime, member.uid, member.gid) == (0, 0, 0), member
                assert not WEBDATASET_SKIPPED.match(member.name), member.name
                match = WEBDATASET_NAME.match(member.name)
                assert match, member.name
                key, extension = match.groups()
                assert not key.startswith("/") and ".." not in key.split("/"), key
                if not found or found[-1][0] != key:
                    found.append((key, {}))
                assert extension not in found[-1][1], member.name
                found[-1][1][extension] = archive.extractfile(member).read()
    return found


def manifest(folder: pathlib.Path) -> list:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def manifest_line(folder: pathlib.Path) -> str:
    return (folder / "manifest.jsonl").read_text().splitlines(keepends=True)[0]


def test_copies_tars_byte_for_byte_within_bounds(folder: pathlib.Path) -> None:
    write_tar(folder / "a.tar", some_members(0, 30))
    write_tar(folder / "b.tar", some_members(30, 17))
    told = packed(folder / "{a,b}.tar", "-o", folder / "out", "--max-count", 20)
    assert (told["shards"], told["samples"], told["skipped"]) == (3, 47, 0), told
    expected = [*some_members(0, 30), *some_members(30, 17)]
    flat = [(f"{key}.{extension}", data) for key, fields in samples(folder / "out") for extension, data in fields.items()]
    assert flat == expected
    assert sorted(shards(folder / "out")) == ["train-000000.tar", "train-000001.tar", "train-000002.tar"]
    lines = manifest(folder / "out")
    assert [line["samples"] for line in lines if "shard" in line] == [20, 20, 7]
    for line in lines:
        if "shard" in line:
            content = (folder / "out" / line["shard"]).read_bytes()
            assert (line["bytes"], int(line["crc32"], 16)) == (len(content), zlib.crc32(content))
    assert lines[-1]["totals"]["samples"] == 47
    assert (folder / "out" / "millrace.index").exists()
    left = {path.name for path in (folder / "out").iterdir()}
    assert left == {*shards(folder / "out"), "manifest.jsonl", "millrace.index"}, left

    packed(folder / "{a,b}.tar", "-o", folder / "sized" / "%03d.tar", "--max-size", "100KiB")
    sizes = [len(content) for content in shards(folder / "sized").values()]
    assert len(sizes) > 3 and max(sizes) <= 100 * 1024, sizes
    assert samples(folder / "sized") == samples(folder / "out")


def test_gives_the_same_bytes_at_any_thread_count_and_of_a_pack(folder: pathlib.Path) -> None:
    write_tar(folder / "a.tar", some_members(0, 60))
    for threads in (1, 4):
        packed(folder / "a.tar", "-o", folder / f"t{threads}", "--max-size", "200KiB", "--threads", threads)
    assert files(folder / "t1") == files(folder / "t4")
    packed(folder / "t1" / "train-*.tar", "-o", folder / "again", "--max-size", "200KiB")
    assert shards(folder / "again") == shards(folder / "t1")


def test_goes_on_after_a_kill_and_ends_with_the_same_bytes(folder: pathlib.Path) -> None:
    for i in range(4):
        write_tar(folder / f"s{i}.tar", [*some_members(i * 100, 100)])
    write_tar(folder / "cut.tar", some_members(900, 5))
    (folder / "cut.tar").write_bytes((folder / "cut.tar").read_bytes()[:30000])
    sources = [folder / "s{0..1}.tar", folder / "cut.tar", folder / "s{2..3}.tar"]
    options = ["--max-size", "300KiB", "--on-bad", "skip", "--threads", 2]
    begin = time.monotonic()
    packed(*sources, "-o", folder / "whole", *options)
    duration = time.monotonic() - begin
    whole = files(folder / "whole")
    assert len(whole) > 20 and any("skipped" in line for line in manifest(folder / "whole"))

    numbers = random.Random(5)
    out = folder / "killed"
    kills = 0
    for _ in range(12):
        process = subprocess.Popen(
            [PROGRAM, "pack", *map(str, [*sources, "-o", out, *options])],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        time.sleep(numbers.random() * duration / 3)
        process.send_signal(signal.SIGKILL)
        error = process.communicate(timeout=60)[1]
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, error
        kills += 1
        for name, content in shards(out).items() if out.exists() else ():
            assert content == whole[name], f"{name} is not whole after a kill"
    told = packed(*sources, "-o", out, *options)
    assert files(out) == whole
    assert kills == 0 or told["shards"] == len(whole) - 1
    assert not list(out.glob(".*")) and not list(out.glob("*.partial"))
    again = packed(*sources, "-o", out, *options)
    assert again["kept_shards"] == again["shards"] == told["shards"] and again["skipped"] == told["skipped"], again


def test_packs_again_what_is_damaged_after_an_interruption(folder: pathlib.Path) -> None:
    options = ["--max-count", 10, "--max-side", 4000]
    out = folder / "out"
    good = [(name, png(20, 20, i) if name.endswith("jpg") else data) for i, (name, data) in enumerate(some_members(0, 40))]
    write_tar(folder / "a.tar", [*good, ("zz.jpg", b"no image")])
    # The last sample ends the run; the shards before it stay.
    done = pack(folder / "a.tar", "-o", out, *options)
    assert done.returncode == 1 and "zz" in done.stderr and "bad_image" in done.stderr, done
    assert done.stdout == "" and len(shards(out)) == 3, sorted(shards(out))
    assert not (out / "manifest.jsonl").exists() and (out / "manifest.jsonl.partial").exists()
    first = (out / "train-000000.tar").read_bytes()
    (out / "train-000000.tar").write_bytes(first[:-600] + b"x" + first[-599:])
    told = packed(folder / "a.tar", "-o", out, *options, "--on-bad", "skip")
    assert (told["kept_shards"], told["samples"], told["skipped"]) == (0, 40, 1), told
    assert (out / "train-000000.tar").read_bytes() == first
    packed(folder / "a.tar", "-o", folder / "unbroken", *options, "--on-bad", "skip")
    assert files(out) == files(folder / "unbroken")
    skipped = [line for line in manifest(out) if "skipped" in line]
    assert len(skipped) == 1 and skipped[0]["key"] == "zz" and skipped[0]["reason"] == "bad_image", skipped


def test_refuses_what_would_destroy_something(folder: pathlib.Path) -> None:
    write_tar(folder / "a.tar", some_members(0, 12))
    write_tar(folder / "b.tar", some_members(50, 3))
    packed(folder / "a.tar", "-o", folder / "out", "--max-count", 5)
    before = files(folder / "out")
    done = pack(folder / "b.tar", "-o", folder / "out", "--max-count", 5)
    assert done.returncode == 1 and "another pack" in done.stderr and "--force" in done.stderr, done
    done = pack(folder / "out" / "train-*.tar", "-o", folder / "out", "--max-count", 3, "--force")
    assert done.returncode == 1 and "train-000000.tar" in done.stderr, done
    assert files(folder / "out") == before
    done = pack(folder / "out" / "train-*.tar", "-o", folder / "out", "--prefix", "small", "--force")
    assert done.returncode == 1 and "train-000000.tar" in done.stderr, done
    assert files(folder / "out") == before
    (folder / "others").mkdir()
    (folder / "others" / "manifest.jsonl").write_text('{"shard": "theirs.tar"}\n')
    (folder / "others" / "theirs.tar").write_bytes(b"theirs")
    done = pack(folder / "b.tar", "-o", folder / "others", "--force")
    assert done.returncode == 1 and "no manifest of millrace pack" in done.stderr, done
    assert {path.name for path in (folder / "others").iterdir()} == {"manifest.jsonl", "theirs.tar"}
    assert (folder / "others" / "theirs.tar").read_bytes() == b"theirs"
    (folder / "foreign").mkdir()
    (folder / "foreign" / "train-000000.tar").write_bytes(b"mine")
    done = pack(folder / "b.tar", "-o", folder / "foreign")
    assert done.returncode == 1 and "exists" in done.stderr, done
    assert (folder / "foreign" / "train-000000.tar").read_bytes() == b"mine"
    told = packed(folder / "b.tar", "-o", folder / "out", "--max-count", 5, "--force")
    assert told["shards"] == 1 and list(shards(folder / "out")) == ["train-000000.tar"]
    for bad in (["--max-size", "12 apples"], ["--max-side", 70000], ["--quality", 0], ["--prefix", "a/b"]):
        done = pack(folder / "b.tar", "-o", folder / "x", *bad)
        assert done.returncode != 0 and str(bad[1]) in done.stderr, (bad, done)
    # What a user got wrong is no failure of the program's.
    (folder / "a file").write_text("")
    (folder / "damaged").mkdir()
    packed(folder / "b.tar", "-o", folder / "damaged")
    (folder / "damaged" / "manifest.jsonl").write_text(manifest_line(folder / "damaged"))
    for output, words in (
        ("foreign", "exists"),
        ("others", "no manifest of millrace pack"),
        ("a file", "cannot be made"),
        ("damaged", "cut short"),
        ("out.tar", "must be a folder, or a path with a number"),
    ):
        done = pack(folder / "b.tar", "-o", folder / output)
        assert done.returncode == 1 and words in done.stderr and "internal" not in done.stderr, done
    assert not (folder / "out.tar").exists()
    done = pack(folder / "b.tar", "-o", folder / "x{0..3}.tar")
    assert done.returncode != 0 and "%06d" in done.stderr, done


def touch_again(path: pathlib.Path) -> None:
    """Another time of modification, the same size."""
    later = time.time_ns() + 5_000_000_000
    os.utime(path, ns=(later, later))


def refused_as_changed(arguments: list, named: str) -> None:
    done = pack(*arguments)
    assert done.returncode == 1 and done.stdout == "", done
    assert "changed since" in done.stderr and named in done.stderr and "--force" in done.stderr, done
    assert packed(*arguments, "--force")["kept_shards"] == 0
    again = packed(*arguments)
    assert again["kept_shards"] == again["shards"], again


def test_a_finished_pack_notices_that_its_sources_changed(folder: pathlib.Path) -> None:
    images = folder / "images"
    images.mkdir()
    for i in range(6):
        (images / f"{i}.png").write_bytes(png(8, 8, i))
    rows = [json.dumps({"image_path": f"images/{i}.png", "caption": f"row {i}"}) for i in range(6)]
    rows += [json.dumps({"image_path": "images/absent.png", "caption": "none"})]
    (folder / "rows.jsonl").write_text("\n".join(rows) + "\n")
    write_tar(folder / "images.tar", [(f"images/{i}.png", png(8, 8, i)) for i in range(6)])

    options = ["--on-bad", "skip", "--max-count", 2]
    rows_packed = [folder / "rows.jsonl", "-o", folder / "rows", *options]
    assert packed(*rows_packed)["skipped"] == 1
    assert packed(*rows_packed)["kept_shards"] == 3
    (folder / "rows.jsonl").write_text("\n".join(rows).replace("row 3", "ROW 3") + "\n")
    touch_again(folder / "rows.jsonl")
    refused_as_changed(rows_packed, "rows.jsonl")
    (images / "4.png").write_bytes(png(8, 8, 4)[:-1] + b"x")
    touch_again(images / "4.png")
    refused_as_changed(rows_packed, "images")
    (images / "absent.png").write_bytes(png(8, 8))
    refused_as_changed(rows_packed, "images")

    images_packed = [images, "-o", folder / "folder", *options]
    packed(*images_packed)
    (images / "0.png").write_bytes(png(9, 9))
    refused_as_changed(images_packed, "images")
    (images / "new.png").write_bytes(png(9, 9))
    refused_as_changed(images_packed, "images")
    (images / "absent.png").unlink()
    refused_as_changed(images_packed, "images")

    tars_packed = [folder / "rows.jsonl", "-o", folder / "of_tars", "--image-tars", folder / "images.tar", *options]
    os.utime(folder / "rows.jsonl")
    packed(*tars_packed)
    touch_again(folder / "images.tar")
    refused_as_changed(tars_packed, "images.tar")


def test_an_interrupted_pack_does_not_go_on_with_other_images(folder: pathlib.Path) -> None:
    for i in range(9):
        (folder / f"{i}.png").write_bytes(png(8, 8, i))
    (folder / "8.png").write_bytes(b"no image")
    (folder / "rows.jsonl").write_text("".join(json.dumps({"image_path": f"{i}.png"}) + "\n" for i in range(9)))
    for source in (folder / "rows.jsonl", folder):
        out = folder / "out" / source.name
        arguments = [source, "-o", out, "--max-count", 3, "--max-side", 100]
        assert pack(*arguments).returncode == 1 and len(shards(out)) == 2
        (folder / "1.png").write_bytes(png(8, 8, 77))
        touch_again(folder / "1.png")
        done = pack(*arguments, "--on-bad", "skip")
        assert done.returncode == 1 and "images" in done.stderr and "--force" in done.stderr, done
        assert packed(*arguments, "--on-bad", "skip", "--force")["skipped"] == 1
        # What changes behind the finished shards is packed as it is. Of the last one the journal may not know yet.
        shutil.rmtree(out)
        assert pack(*arguments).returncode == 1
        touch_again(folder / "7.png")
        assert packed(*arguments, "--on-bad", "skip")["kept_shards"] in (1, 2)


def test_a_full_disk_is_one_error_and_no_shard(folder: pathlib.Path) -> None:
    write_tar(folder / "a.tar", some_members(0, 50))

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200000, 200000))

    done = pack(folder / "a.tar", "-o", folder / "out", preexec_fn=limit)
    assert done.returncode == 1 and done.stdout == "", done
    assert "io_error" in done.stderr and "train-000000.tar" in done.stderr and done.stderr.count("\n") == 1, done
    assert not shards(folder / "out") and not list((folder / "out").glob(".*"))
    assert packed(folder / "a.tar", "-o", folder / "out")["samples"] == 50


def test_names_are_safe_for_webdataset_and_unique(folder: pathlib.Path) -> None:
    (folder / "images").mkdir()
    paths = ["a.v2.jpg", "sub/../a.v2.jpg", "b.png", "__x__/c.jpg", ".hidden.jpg", "grüße.jpg", "d" * 150 + ".jpg"]
    rows = []
    for i, path in enumerate(paths):
        file = folder / "images" / path
        (folder / "images" / "sub").mkdir(exist_ok=True)
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(png(8, 8, i))
        rows.append(json.dumps({"image_path": f"images/{path}", "caption": f"row {i}"}, ensure_ascii=False))
    rows.append(json.dumps({"key": "a\nb\u001b[2J\\c", "image_path": "images/b.png", "caption": ""}))
    rows.append(json.dumps({"key": "../../etc/passwd", "texts": ["", "x"]}))
    rows.append(json.dumps({"key": "", "title": "t"}))
    (folder / "rows.jsonl").write_text("\n".join(rows) + "\n")
    told = packed(folder / "rows.jsonl", "-o", folder / "out")
    found = samples(folder / "out")
    assert told["samples"] == len(rows) == len(found), (told, found)
    keys = [key for key, _ in found]
    assert len(set(keys)) == len(keys), keys
    assert keys[0] == "images/a_v2" and keys[2] == "images/b" and keys[5] == "images/grüße", keys
    assert keys[8] == "etc/passwd", keys
    for (_, fields), row in zip(found, rows):
        assert fields["json"].decode() == row
    assert found[0][1]["txt"] == b"row 0" and found[0][1]["png"] == png(8, 8, 1)
    again = packed(folder / "out" / "*.tar", "-o", folder / "again")
    assert again["changed_keys"] == 0 and shards(folder / "again") == shards(folder / "out")


def test_rows_of_a_table_become_image_txt_and_json(folder: pathlib.Path) -> None:
    (folder / "one.png").write_bytes(png(9, 5))
    (folder / "rows.csv").write_text(
        'filepath,title,width,zip,note\none.png,"a cat, sitting",9,00123,"say ""hi"""\none.png,second,1.5,,[1]\n'
    )
    packed(folder / "rows.csv", "-o", folder / "out")
    (first, fields), (second, more) = samples(folder / "out")
    assert (first, second) == ("one", "one_1")
    assert fields["png"] == png(9, 5) and fields["txt"] == b"a cat, sitting"
    row = json.loads(fields["json"])
    assert row["width"] == 9 and row["zip"] == "00123" and row["note"] == 'say "hi"', row
    assert row["filepath"] == "one.png" and "title" not in row and "image" not in row, row
    assert json.loads(more["json"])["note"] == [1] and more["txt"] == b"second"
    packed(folder / "rows.csv", "-o", folder / "chosen", "--caption", "note", "--fields", "image;note")
    (_, fields), (_, more) = samples(folder / "chosen")
    assert sorted(fields) == ["png", "txt"] and fields["txt"] == b'say "hi"', fields
    # Of a list the first is the caption; the others are not lost.
    assert more["txt"] == b"1" and json.loads(more["json"]) == {"note": [1]}, more


def test_reencodes_only_what_is_too_large(folder: pathlib.Path) -> None:
    small, wide = png(64, 64), png(300, 101)
    write_tar(folder / "a.tar", [("a.png", small), ("a.txt", b"s"), ("b.png", wide), ("b.seg.png", wide), ("c.png", wide[:-30])])
    done = pack(folder / "a.tar", "-o", folder / "raised", "--max-side", 64)
    assert done.returncode == 1 and 'key "c"' in done.stderr, done
    told = packed(folder / "a.tar", "-o", folder / "out", "--max-side", 64, "--on-bad", "skip", "--threads", 3)
    assert (told["samples"], told["skipped"], told["reencoded_images"]) == (2, 1, 1), told
    (_, first), (_, second) = samples(folder / "out")
    assert first == {"png": small, "txt": b"s"}
    assert sorted(second) == ["jpg", "seg.png"] and second["seg.png"] == wide
    # Pillow's thumbnail((64, 64)) of 300 x 101.
    assert jpeg_size(second["jpg"]) == (64, 22), jpeg_size(second["jpg"])
    again = packed(folder / "out" / "*.tar", "-o", folder / "again", "--max-side", 64)
    assert again["reencoded_images"] == 0 and shards(folder / "again") == shards(folder / "out")


def test_gnu_tar_reads_the_shards(folder: pathlib.Path) -> None:
    gnu_tar = shutil.which("tar")
    if gnu_tar is None:
        print("SKIPPED: no tar")
        return
    write_tar(folder / "a.tar", [("p/" * 70 + "k.jpg", b"1"), ("x" * 120 + ".jpg", b"22"), ("grüße.jpg", b"333")])
    packed(folder / "a.tar", "-o", folder / "out")
    (folder / "unpacked").mkdir()
    subprocess.run([gnu_tar, "xf", folder / "out" / "train-000000.tar", "-C", folder / "unpacked"], check=True)
    found = {path.relative_to(folder / "unpacked").as_posix(): path.read_bytes() for path in (folder / "unpacked").rglob("*") if path.is_file()}
    assert found == {"p/" * 70 + "k.jpg": b"1", "x" * 120 + ".jpg": b"22", "grüße.jpg": b"333"}, found


def test_the_photos_pack_and_unpack(folder: pathlib.Path) -> None:
    if not DATA:
        print("SKIPPED for want of reference data: packing photos")
        return
    source = DATA / "photos"
    packed(source / "*.tar", "-o", folder / "out", "--max-size", "16MiB")
    for (key, fields), line in zip(samples(folder / "out"), (source / "manifest.jsonl").read_text().splitlines()):
        assert json.loads(line)["key"] == key and {"jpg", "json", "txt"} == set(fields)


def test_names_of_every_tar_there_is_are_made_safe(folder: pathlib.Path) -> None:
    if not DATA:
        print("SKIPPED for want of reference data: packing odd names")
        return
    source = DATA / "tar_zoo"
    told = packed(source / "*.tar", "-o", folder / "out", "--on-bad", "skip")
    keys = [key for key, _ in samples(folder / "out")]
    assert len(keys) == len(set(keys)) == told["samples"], told
    again = packed(folder / "out" / "*.tar", "-o", folder / "again")
    assert again["changed_keys"] == 0 and shards(folder / "again") == shards(folder / "out")


for name, test in list(globals().items()):
    if name.startswith("test_"):
        with tempfile.TemporaryDirectory() as scratch:
            os.environ["MILLRACE_CACHE_DIR"] = scratch + "/cache"
            test(pathlib.Path(scratch))
        print(name, "passed")
