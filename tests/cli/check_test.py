"""`millrace check` as a shell sees it: a dataset with every kind of defect, each counted; exit codes,
JSON, and a page that no caption can break out of.

Usage: check_test.py MILLRACE
"""

import base64
import html.parser
import io
import json
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from reference_folder import reference_folder  # noqa: E402 - from the folder above

PROGRAM = sys.argv[1]
DATA = reference_folder()
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)> \'&amp; \x1b[31mred \u202egnp.exe'


def chunk(kind: bytes, data: bytes) -> bytes:
    whole = kind + data
    return len(data).to_bytes(4, "big") + whole + zlib.crc32(whole).to_bytes(4, "big")


def png(width: int, height: int, sample, colour_type: int = 2, bits: int = 8, extra: bytes = b"") -> bytes:
    """`sample(x, y)` gives the bytes of a pixel."""
    rows = b"".join(b"\0" + b"".join(sample(x, y) for x in range(width)) for y in range(height))
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([bits, colour_type, 0, 0, 0])
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def blocks(seed: int, width: int = 96, height: int = 80, brighter: int = 0):
    """Pixels of an 8 x 8 pattern that no other seed resembles."""
    random_number = random.Random(seed)
    grid = [[[random_number.randrange(236) for _ in range(3)] for _ in range(8)] for _ in range(8)]

    def sample(x: int, y: int) -> list:
        return [level + brighter for level in grid[y * 8 // height][x * 8 // width]]

    return sample


def photo(seed: int, width: int = 96, height: int = 80, brighter: int = 0) -> bytes:
    sample = blocks(seed, width, height, brighter)
    return png(width, height, lambda x, y: bytes(sample(x, y)))


def write_tar(path: pathlib.Path, members) -> None:
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def conversation(*contents: str, modalities: int) -> bytes:
    return json.dumps({
        "conversations": [{"role": "user", "content": content} for content in contents],
        "modalities": [{"type": "image", "value": "x"}] * modalities,
    }).encode()


def defects() -> list:
    """(extension, data) pairs, a list for each sample."""
    gray, palette, clear, deep, turned, moving = (blocks(seed) for seed in (7, 8, 9, 10, 20, 21))
    exif = b"MM\0*\0\0\0\x08" + b"\0\x01" + b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0" + b"\0\0\0\0"
    samples = [
        [("png", photo(1)), ("txt", b"a red house by the sea")],
        [("png", photo(1)), ("txt", b"the same picture once more")],
        [("png", photo(2)), ("txt", b"a red house by the sea")],
        [("png", photo(3)[:-60]), ("txt", b"a picture cut short")],
        [("png", photo(4))],
        [("png", photo(5)), ("txt", b" \n")],
        [("txt", b"nothing to be seen")],
        [("png", png(96, 80, lambda x, y: bytes(gray(x, y)[:1]), 0)), ("txt", b"gray")],
        [("png", png(96, 80, lambda x, y: bytes([palette(x, y)[0] % 4]), 3,
                     extra=chunk(b"PLTE", bytes([0, 0, 0, 90, 0, 9, 0, 200, 0, 250, 250, 0])))),
         ("txt", b"palette")],
        [("png", png(96, 80, lambda x, y: bytes(clear(x, y)) + b"\x80", 6)), ("txt", b"alpha")],
        [("png", png(96, 80, lambda x, y: bytes(deep(x, y)[:2]), 0, 16)), ("txt", b"deep gray")],
        [("png", photo(11, 16, 16)), ("txt", b"tiny")],
        [("png", photo(12, 420, 70)), ("txt", b"a panorama")],
        [("png", png(80, 80, lambda x, y: b"\xff\xff\xff")), ("txt", b"not available")],
        [("png", photo(14)), ("txt", b"dog " * 100)],
        [("png", photo(15)), ("txt", b"caf\xe9 in Paris")],
        [("png", photo(16)), ("txt", "Caf\u00c3\u00a9 in Paris".encode())],
        [("png", photo(17)), ("txt", b"a bell\x07 rings")],
        [("png", photo(18)), ("txt", "caf\ufffd closed".encode())],
        [("png", photo(19)), ("txt", HOSTILE.encode())],
        [("png", png(96, 80, lambda x, y: bytes(turned(x, y)), extra=chunk(b"eXIf", exif))),
         ("txt", b"turned")],
        [("png", png(96, 80, lambda x, y: bytes(moving(x, y)),
                     extra=chunk(b"acTL", b"\0\0\0\x02\0\0\0\0")
                     + chunk(b"fcTL", b"\0\0\0\0\0\0\0\x60\0\0\0\x50" + bytes(8) + b"\0\1\0\1\0\0"))),
         ("txt", b"it moves")],
        [("png", photo(1, 192, 160, 4)), ("txt", b"larger and brighter")],
        [("jpg", b"no image at all"), ("txt", b"not a picture")],
        [("png", photo(24)), ("json", conversation("<image>\n<image> which?", "This.", modalities=1))],
        [("png", photo(25)), ("json", conversation("<image> what?", "A house.", modalities=1))],
        [("png", photo(26)), ("json", b'{"conversations": 3}')],
        [("png", photo(27)), ("json", b'{"caption": ')],
        [("png", photo(28)), ("json", b'{"caption": "two of three", "texts": ["a", "b", "c"]}')],
    ]
    return samples


EXPECTED = {
    "unreadable_shard": 1, "damaged_shard": 1, "unreadable_record": 1, "unreadable_image": 2,
    "missing_image": 1, "missing_caption": 1, "empty_caption": 1, "invalid_utf8": 1,
    "placeholder_mismatch": 1, "bad_conversation": 1, "duplicate_key": 1, "incomplete_shard": 1,
    "duplicate_image": 1, "near_duplicate_image": 1, "duplicate_caption": 1, "long_caption": 1,
    "mojibake": 1, "replacement_character": 1, "control_character": 2, "markup": 1,
    "small_image": 1, "extreme_aspect": 1, "not_rgb": 4, "rotated_image": 1, "animated_image": 1,
    "flat_image": 2,  # one of them 16-bit gray, which is clipped to white
}


def write_dataset(folder: pathlib.Path) -> list:
    members = [(f"{i:03}.{extension}", data)
               for i, fields in enumerate(defects()) for extension, data in fields]
    write_tar(folder / "a.tar", members)
    # 000 is a key of a.tar, too.
    write_tar(folder / "b.tar", [(f"{i:03}.{extension}", data) for i in (0, 900, 901) for extension, data in
                                 (("png", photo(1000 + i)), ("txt", b"picture %d of another shard" % i))])
    (folder / "b_stats.json").write_text(json.dumps(
        {"count": 9, "successes": 5, "failed_to_download": 3, "failed_to_resize": 1,
         "status_dict": {"success": 5, "HTTP Error 404": 3, "image decoding error": 1}}))
    write_tar(folder / "c.tar", [(f"80{i}.{extension}", data) for i in range(3) for extension, data in
                                 (("png", photo(2000 + i)), ("txt", b"caption %d in a cut shard" % i))])
    (folder / "c.tar").write_bytes((folder / "c.tar").read_bytes()[:3000])
    return [folder / "a.tar", folder / "b.tar", folder / "c.tar", folder / "absent.tar"]


def check(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run([PROGRAM, "check", *map(str, arguments)], capture_output=True, text=True,
                          timeout=300)


def report(*arguments, code: int = 1) -> dict:
    done = check(*arguments, "--json")
    assert done.returncode == code, (done.returncode, done.stdout[-600:], done.stderr)
    return json.loads(done.stdout)


def without_times(found: dict) -> dict:
    volatile = ("seconds", "images_per_second", "cpu_seconds", "peak_rss_bytes", "threads")
    return {name: value for name, value in found.items() if name not in volatile}


def test_counts_every_defect(folder: pathlib.Path) -> None:
    sources = write_dataset(folder)
    found = report(*sources, "-m", "image", "--num-proc", 3, "--examples", 10)
    counts = {name: finding["count"] for name, finding in found["findings"].items()}
    assert counts == EXPECTED, {name: (counts.get(name), EXPECTED.get(name))
                                for name in {*counts, *EXPECTED} if counts.get(name) != EXPECTED.get(name)}
    assert found["samples"] == found["good"] + found["bad"], found
    images = found["images"]
    assert images["count"] == images["decoded"] + images["undecodable"] and images["undecodable"] == 2
    assert sum(images["modes"].values()) == images["decoded"], images
    assert [images["modes"][mode] for mode in ("L", "P", "RGBA", "I;16")] == [1, 1, 1, 1], images
    assert (images["width"]["min"], images["width"]["max"]) == (16, 420), images
    assert sum(bar["count"] for bar in images["shorter_side"]["histogram"]) == images["decoded"]
    assert sum(bar["count"] for bar in images["aspect"]["histogram"]) == images["decoded"]
    assert found["texts"]["tokens_lost"] == 100 + 2 - 77 and found["texts"]["over_context"] == 1
    assert found["conversations"] == {"count": 2, "turns": 4, "placeholders": 3}, found["conversations"]
    assert found["downloads"]["failed_to_download"] == 3
    assert found["downloads"]["status"]["HTTP Error 404"] == 3, found["downloads"]

    examples = {name: finding["examples"] for name, finding in found["findings"].items()}
    cut = examples["unreadable_image"][0]
    assert cut["key"] == "003" and cut["shard"] == str(sources[0]) and cut["offset"] % 512 == 0, cut
    assert examples["long_caption"][0]["message"] == "102 tokens, 25 lost", examples["long_caption"]
    damage = examples["damaged_shard"][0]
    assert damage["shard"] == str(sources[2]) and 0 < damage["offset"] < 3000, damage
    assert examples["unreadable_shard"][0]["shard"] == str(sources[3])
    assert "5 were downloaded" in examples["incomplete_shard"][0]["message"]
    for kind, keys in (("duplicate_key", [("a.tar", "000"), ("b.tar", "000")]),
                       ("duplicate_image", [("a.tar", "000"), ("a.tar", "001")]),
                       ("near_duplicate_image", [("a.tar", "000"), ("a.tar", "022")]),
                       ("duplicate_caption", [("a.tar", "000"), ("a.tar", "002")])):
        members = examples[kind][0]["members"]
        assert [(pathlib.Path(one["shard"]).name, one["key"]) for one in members] == keys, (kind, members)


def test_finds_the_same_with_any_number_of_threads(folder: pathlib.Path) -> None:
    sources = write_dataset(folder)
    one = report(*sources, "--threads", 1, "--sample", "50%", "--seed", 3)
    four = report(*sources, "--threads", 4, "--sample", "50%", "--seed", 3)
    assert without_times(one) == without_times(four)
    assert 0 < len(one["spot_check"]["samples"]) == one["spot_check"]["drawn"] < one["samples"]
    other = report(*sources, "--sample", "50%", "--seed", 4)
    assert other["spot_check"]["samples"] != one["spot_check"]["samples"]
    assert len(report(*sources, "--sample", 5)["spot_check"]["samples"]) == 5


def test_says_by_its_exit_code_what_it_found(folder: pathlib.Path) -> None:
    write_tar(folder / "good.tar", [(f"{i}.{extension}", data) for i in range(4) for extension, data in
                                    (("png", photo(i)), ("txt", b"picture number %d" % i))])
    done = check(folder / "good.tar")
    assert done.returncode == 0 and "PASSED" in done.stdout and done.stderr == "", done
    write_tar(folder / "small.tar", [("0.png", photo(50, 16, 16)), ("0.txt", b"small")])
    assert check(folder / "small.tar").returncode == 0  # a warning
    assert check(folder / "small.tar", "--fail-on", "warning").returncode == 1
    assert check(folder / "small.tar", "--fail-on", "small_image,flat_image").returncode == 1
    assert check(folder / "small.tar", "--fail-on", "flat_image").returncode == 0
    assert check(folder / "small.tar", "--min-side", 16, "--fail-on", "any").returncode == 0
    write_tar(folder / "bad.tar", [("b.png", b""), ("b.txt", b"nothing")])
    assert check(folder / "{good,bad}.tar").returncode == 1
    assert check(folder / "{good,bad}.tar", "--max-bad", "20%").returncode == 0
    assert check(folder / "{good,bad}.tar", "--max-bad", "19%").returncode == 1
    assert check(folder / "bad.tar", "--fail-on", "none").returncode == 0
    for arguments, word in ((["absent.tar"], "absent.tar"), ([folder / "good.tar", "-m", "audio"], "audio"),
                            ([folder / "good.tar", "--fail-on", "smal_image"], "smal_image"),
                            ([folder / "good.tar", "--sample", "x"], "--sample x"),
                            ([folder / "good.tar", "--image", ";"], ";"),
                            ([folder / "good.tar", "--html", folder / "no" / "page.html"], "page.html")):
        done = check(*arguments)
        assert done.returncode == 2 and word in done.stderr and done.stdout == "", (arguments, done)


def test_writes_nothing_that_steers_a_terminal(folder: pathlib.Path) -> None:
    done = check(*write_dataset(folder))
    assert done.returncode == 1 and done.stderr == "", done.stderr
    assert "\x1b" not in done.stdout and "\x07" not in done.stdout and "\u202e" not in done.stdout
    for kind in EXPECTED:
        assert f"[{kind}]" in done.stdout, kind
    assert "25 tokens are cut off" in done.stdout and "FAILED" in done.stdout


class Page(html.parser.HTMLParser):
    """The tags of a page, its pictures and its text; refuses what loads or runs something."""

    VOID = {"meta", "img", "br"}
    ALLOWED = {"html", "head", "meta", "title", "style", "body", "main", "header", "h1", "h2", "h3", "p",
               "div", "b", "span", "nav", "table", "thead", "tbody", "tr", "th", "td", "a", "section",
               "article", "img", "bdi", "br", "figure", "figcaption", "i", "ul", "li", "footer"}

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open, self.pictures, self.articles, self.text, self.ids = [], [], 0, "", set()
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attributes: list) -> None:
        assert tag in self.ALLOWED, tag
        self.articles += tag == "article"
        for name, value in attributes:
            assert not name.startswith("on"), (tag, name)
            if name == "id":
                self.ids.add(value)
            if name == "src":
                assert value.startswith("data:image/jpeg;base64,"), value[:80]
                self.pictures.append(base64.b64decode(value.split(",")[1], validate=True))
            if name == "href":
                assert re.fullmatch(r"#[a-z0-9_]+", value), value
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_writes_a_page_that_stands_alone(folder: pathlib.Path) -> None:
    sources = write_dataset(folder)
    done = check(*sources, "--html", folder / "page.html", "--sample", "30%")
    assert done.returncode == 1, done.stderr
    text = (folder / "page.html").read_text(encoding="utf-8", errors="strict")
    page = Page(text)
    assert set(EXPECTED) <= page.ids and "spot_check" in page.ids, page.ids
    assert "<script" not in text and "http://" not in text and "https://" not in text
    assert HOSTILE[:27] in page.text and "\x1b" not in text and "\u202e" not in text
    assert "\\x1b[31mred" in page.text
    assert len(page.pictures) > 25 and all(one[:3] == b"\xff\xd8\xff" for one in page.pictures)
    assert all(len(one) < 20_000 for one in page.pictures)

    for maximum in (1, 0):
        check(*sources, "--html", folder / "small.html", "--sample", "100%", "--html-max-mb", maximum)
        size = (folder / "small.html").stat().st_size
        assert size < max(maximum, 0.1) * 1_000_000, size
    small = Page((folder / "small.html").read_text(encoding="utf-8"))
    assert not small.pictures and "were left out of this page" in small.text


def test_reads_other_sources_and_fields(folder: pathlib.Path) -> None:
    (folder / "images").mkdir()
    lines = []
    for i in range(5):
        (folder / "images" / f"{i}.png").write_bytes(photo(i))
        lines.append(json.dumps({"image_id": f"id{i % 4}", "image_path": f"images/{i}.png",
                                 "texts": [f"picture number {i}", "one for all"]}))
    lines += ["{broken", json.dumps({"image_id": "x", "image_path": "images/none.png", "texts": ["a"]})]
    (folder / "data.jsonl").write_text("\n".join(lines) + "\n")
    found = report(folder / "data.jsonl", "--threads", 2)
    counts = {name: finding["count"] for name, finding in found["findings"].items() if finding["count"]}
    assert counts == {"unreadable_record": 2, "duplicate_key": 1, "duplicate_caption": 4}, counts
    assert found["samples"] == 7 and found["bad"] == 2, found
    assert sorted(found["records"]["problems"].values()) == [1, 1], found["records"]
    done = check(folder / "data.jsonl", "--text", "json:title")
    assert "[missing_caption]" in done.stdout, done.stdout

    write_tar(folder / "c.tar", [("0.png", photo(1)), ("0.json", conversation("[IMG] [IMG]", modalities=2))])
    assert check(folder / "c.tar").returncode == 1
    assert check(folder / "c.tar", "--placeholder", "[IMG]").returncode == 0
    assert check(folder / "c.tar", "--placeholder", "[IMG]", "--no-duplicates").returncode == 0


def test_keys_are_compared_only_where_the_data_has_keys(folder: pathlib.Path) -> None:
    for name in ("a", "b"):
        (folder / "images" / name).mkdir(parents=True)
    for i, path in enumerate(("a/1.png", "b/1.png", "a/2.png")):
        (folder / "images" / path).write_bytes(photo(i))
        (folder / "images" / path).with_suffix(".txt").write_text(f"picture {i}")
    # One caption a row, several of an image: its path is no key.
    rows = [("a/1.png", "one"), ("a/1.png", "another"), ("b/1.png", "third")]
    (folder / "rows.jsonl").write_text("".join(
        json.dumps({"image_path": f"images/{path}", "caption": text}) + "\n" for path, text in rows))
    (folder / "rows.csv").write_text("filepath,title\n" + "".join(f"images/{p},{t}\n" for p, t in rows))
    for source, text in ((folder / "rows.jsonl", "json:caption"), (folder / "rows.csv", "title"), (folder / "images", "txt")):
        found = report(source, "--text", text, code=0)
        assert found["passed"] and found["findings"]["duplicate_key"]["count"] == 0, found
    (folder / "own.csv").write_text("uid,filepath,title\n" + "".join(f"7,images/{p},{t}\n" for p, t in rows))
    (folder / "own.jsonl").write_text("".join(
        json.dumps({"meta": {"n": 7}, "image_path": f"images/{p}", "caption": t}) + "\n" for p, t in rows))
    for source, more in ((folder / "own.csv", []), (folder / "own.jsonl", ["--keys", "meta.n"])):
        found = report(source, *more)
        assert not found["passed"] and found["findings"]["duplicate_key"]["count"] == 2, found


def modality_row(text: str, *images: str, turns: bool) -> dict:
    said = {"conversations": [{"role": "user", "content": text}]} if turns else {"text": text}
    return {**said, "modalities": [{"type": "image", "value": image} for image in images]}


def test_compares_placeholders_with_modalities_of_rows(folder: pathlib.Path) -> None:
    (folder / "images").mkdir()
    for i in range(3):
        (folder / "images" / f"{i}.png").write_bytes(photo(i))
    for turns in (True, False):
        rows = [modality_row("see <image>", "images/0.png", turns=turns),
                modality_row("compare <image> and <image>!", "images/1.png", "images/2.png", turns=turns),
                modality_row("nothing to see", turns=turns),
                modality_row("<image> of two", "images/1.png", "images/2.png", turns=turns),
                modality_row("<image> of none", turns=turns),
                modality_row("see it at <image>", "https://example.org/a.png", turns=turns)]
        source = folder / f"{turns}.jsonl"
        source.write_text("".join(json.dumps(row) + "\n" for row in rows))
        members = []
        for i, row in enumerate(rows):
            for place, modality in enumerate(row["modalities"]):
                if i < 5:
                    members.append((f"{i}.modalities.{place}.png", (folder / modality["value"]).read_bytes()))
            # As `millrace pack` writes them: the text is the member `txt`.
            if not turns:
                members.append((f"{i}.txt", row.pop("text").encode()))
            members.append((f"{i}.json", json.dumps(row).encode()))
        write_tar(folder / f"{turns}.tar", members)
        for spec in (source, folder / f"{turns}.tar"):
            found = report(spec)
            counts = {name: finding["count"] for name, finding in found["findings"].items()
                      if finding["severity"] == "error" and finding["count"]}
            assert counts == {"placeholder_mismatch": 2, "missing_image": 1}, (spec, counts)
            messages = [example["message"] for example in found["findings"]["placeholder_mismatch"]["examples"]]
            assert messages == ["1 placeholder(s), 2 image(s)", "1 placeholder(s), 0 image(s)"], messages
            assert found["images"]["count"] == 5, (spec, found["images"])
            assert found["conversations"]["count"] == (6 if turns else 0), found["conversations"]
            assert found["texts"]["count"] == 6, (spec, found["texts"])


def test_compares_hashes_of_mds(folder: pathlib.Path) -> None:
    columns = {"column_names": ["image", "text"], "column_encodings": ["png", "str"], "column_sizes": [None, None]}
    config = json.dumps(columns).encode()
    image, text = photo(1), b"a house"
    sample = struct.pack("<2I", len(image), len(text)) + image + text
    begin = 12 + len(config)
    shard = struct.pack("<3I", 1, begin, begin + len(sample)) + config + sample
    (folder / "a.mds").write_bytes(shard)

    def found_with(hashes: dict, code: int = 0) -> list:
        entry = {**columns, "format": "mds", "version": 2, "samples": 1, "zip_data": None,
                 "raw_data": {"basename": "a.mds", "bytes": len(shard), "hashes": hashes}}
        (folder / "index.json").write_text(json.dumps({"version": 2, "shards": [entry]}))
        found = report(folder, code=code)
        assert found["good"] == 1, found
        return [example["message"] for example in found["findings"]["damaged_shard"]["examples"]]

    assert found_with({}) == []
    assert found_with({"sha1": "0" * 40}) == []
    for name, digits in (("xxh32", 8), ("xxh64", 16), ("xxh3_64", 16), ("xxh128", 32), ("xxh3_128", 32)):
        said = "0" * digits
        messages = found_with({"sha1": "0" * 40, name: said}, code=1)
        assert len(messages) == 1 and messages[0].endswith(f", index.json says {said}"), messages
        right = messages[0].split()[3].rstrip(",")
        assert len(right) == digits, messages
        assert found_with({name: right}) == []


def test_finds_the_hashes_of_mosaicml_right(folder: pathlib.Path) -> None:
    if not DATA:
        print("SKIPPED for want of reference data: MDS datasets")
        return
    source = DATA / "tabular" / "mds" / "zstd_sha1"
    assert report(source)["findings"]["damaged_shard"]["count"] == 0
    shutil.copytree(source, folder / "mds")
    index = json.loads((folder / "mds" / "index.json").read_text())
    index["shards"][2]["raw_data"]["hashes"]["xxh64"] = "0" * 16
    (folder / "mds" / "index.json").write_text(json.dumps(index))
    damaged = report(folder / "mds")["findings"]["damaged_shard"]
    assert damaged["count"] == 1 and damaged["examples"][0]["shard"].endswith("shard.00002.mds.zstd"), damaged


def test_counts_captions_without_an_image(folder: pathlib.Path) -> None:
    (folder / "a.png").write_bytes(photo(1))
    (folder / "captions.json").write_text(json.dumps({
        "images": [{"id": 1, "file_name": "a.png"}],
        "annotations": [{"image_id": image, "caption": f"caption {image}"} for image in (1, 2, 3)]}))
    found = report(folder / "captions.json", code=0)
    assert found["good"] == 1 and found["records"]["skipped"]["captions_without_image"] == 2, found
    assert "2 captions of images that are not listed" in check(folder / "captions.json").stdout


def test_finds_the_photos_good(folder: pathlib.Path) -> None:
    if not DATA:
        print("SKIPPED for want of reference data: checking photos")
        return
    done = check(DATA / "photos" / "*.tar", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 0 and found["good"] == 600, {
        name: finding for name, finding in found["findings"].items() if finding["count"]}
    assert found["images"]["modes"] == {"RGB": 589, "L": 11}, found["images"]["modes"]


def main() -> None:
    for name, test in sorted(globals().items()):
        if not name.startswith("test_"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            os.environ["MILLRACE_CACHE_DIR"] = str(pathlib.Path(folder) / "cache")
            test(pathlib.Path(folder))
        print(f"{name}: ok")


main()
