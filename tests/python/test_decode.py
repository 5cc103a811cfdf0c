"""Decoding against the live Pillow: the same verdict and the same pixels, for every option, on images
that the test makes and damages."""

import io
import json
import os
import re
import struct
import zlib
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile, ImageOps

import millrace
from millrace._arguments import DECODE_OPTIONS
from millrace._library import ops

ROOT = Path(__file__).resolve().parents[2]
# MILLRACE_DECODE_CASES=20000 looks longer.
CASES = int(os.environ.get("MILLRACE_DECODE_CASES", "300"))
BACKGROUND = (10, 200, 90)


def noise(rng, height, width, bands):
    """Structure that survives a codec, and noise."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [np.sin(x * rng.uniform(0.05, 0.9) + y * rng.uniform(0.05, 0.9)) * 90 for _ in range(bands)]
    pixels = np.stack(planes, axis=-1) + 128 + rng.normal(0, 20, (height, width, bands))
    return np.clip(pixels, 0, 255).astype(np.uint8)


def exif(rng) -> bytes:
    """EXIF data with an orientation among other tags, of any type and byte order."""
    order = "<>"[rng.integers(2)]
    types = {1: "B", 3: "H", 4: "L", 6: "b", 8: "h", 9: "l", 11: "f", 12: "d", 16: "Q"}
    kind = int(rng.choice([3, 3, 3, 3, *types]))
    value = int(rng.integers(0, 10))
    packed = struct.pack(order + types[kind], value)
    entries = [(0x010F, 2, 4, b"abc\0"), (0x0112, kind, 1, packed), (0x011A, 5, 1, struct.pack(order + "LL", 72, 1))]
    start = 8 + 2 + 12 * len(entries) + 4
    body, far = b"", b""
    for tag, entry_kind, count, data in entries:
        if len(data) > 4:
            place = struct.pack(order + "L", start + len(far))
            far += data
        else:
            place = data.ljust(4, b"\0")
        body += struct.pack(order + "HHL", tag, entry_kind, count) + place
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "L", 8)
    return b"Exif\0\0" + head + struct.pack(order + "H", len(entries)) + body + b"\0\0\0\0" + far


def xmp(rng) -> bytes:
    value = int(rng.integers(0, 10))
    texts = (f'<x tiff:Orientation="{value}"/>', f"<tiff:Orientation>{value}</tiff:Orientation>")
    return texts[rng.integers(2)].encode()


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">L", len(body)) + name + body + struct.pack(">L", zlib.crc32(name + body))


def jpeg(rng) -> bytes:
    mode = ("RGB", "L", "CMYK")[rng.choice(3, p=[0.7, 0.15, 0.15])]
    height, width = (int(side) for side in rng.integers(1, 70, size=2))
    pixels = noise(rng, height, width, {"RGB": 3, "L": 1, "CMYK": 4}[mode])
    image = Image.fromarray(pixels[..., 0] if mode == "L" else pixels, mode)
    options = {"quality": int(rng.integers(20, 96)), "progressive": bool(rng.integers(2))}
    if mode != "L":
        options["subsampling"] = int(rng.integers(3))
    if rng.random() < 0.5:
        options["exif"] = exif(rng)
    if rng.random() < 0.3:
        options["xmp"] = xmp(rng)
    if rng.random() < 0.5:
        options["dpi"] = (72, 72)
    if rng.random() < 0.2:
        options["restart_marker_rows"] = 1
    data = io.BytesIO()
    image.save(data, "JPEG", **options)
    return data.getvalue()


def png(rng) -> bytes:
    """Every kind of pixels, with and without a chunk that says what is transparent."""
    color_type, bits = ((0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8),
                        (4, 8), (4, 16), (6, 8), (6, 16))[rng.integers(15)]  # fmt: skip
    height, width = (int(side) for side in rng.integers(1, 40, size=2))
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color_type]
    row_bytes = (width * samples * bits + 7) // 8
    rows = rng.integers(0, 256, (height, row_bytes), dtype=np.uint8)
    if rng.random() < 0.5:
        rows = rows % 3  # few values, so that some are the transparent one
    raw = b"".join(bytes([int(rng.integers(5))]) + row.tobytes() for row in rows)
    chunks = [chunk(b"IHDR", struct.pack(">LLBBBBB", width, height, bits, color_type, 0, 0, 0))]
    if color_type == 3:
        chunks.append(chunk(b"PLTE", rng.bytes(3 * int(rng.integers(1, 2**bits + 1)))))
    if color_type in (0, 2, 3) and rng.random() < 0.6:
        if color_type == 3:
            body = rng.choice([0, 255, 255, 90], size=int(rng.integers(1, 2**bits + 1))).astype(np.uint8).tobytes()
        else:
            body = struct.pack(f">{samples}H", *(int(v) for v in rng.integers(0, 3, size=samples)))
        chunks.append(chunk(b"tRNS", body))
    data = [chunk(b"IDAT", part) for part in np.array_split(np.frombuffer(zlib.compress(raw), np.uint8), 2) for part in [part.tobytes()]]
    told = []
    if rng.random() < 0.3:
        told.append(chunk(b"eXIf", exif(rng)[6 * int(rng.random() < 0.8) :]))
    if rng.random() < 0.2:
        told.append(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(rng)))
    if rng.random() < 0.1:
        block = exif(rng)
        text = f"\nexif\n{len(block):8}\n{block.hex()}\n".encode()
        told.append(chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text)))
    parts = chunks + told + data if rng.random() < 0.7 else chunks + data + told
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


def webp(rng) -> bytes:
    mode = ("RGB", "RGBA")[rng.integers(2)]
    height, width = (int(side) for side in rng.integers(1, 50, size=2))
    options = {"lossless": bool(rng.integers(2)), "quality": int(rng.integers(10, 95)), "method": 0}
    if rng.random() < 0.4:
        options["exif"] = exif(rng)
    if rng.random() < 0.3:
        options["xmp"] = xmp(rng)
    data = io.BytesIO()
    Image.fromarray(noise(rng, height, width, len(mode)), mode).save(data, "WEBP", **options)
    return data.getvalue()


def damaged(rng, data: bytes) -> bytes:
    kind = rng.choice(["whole", "cut", "flip", "ended", "gone"], p=[0.3, 0.25, 0.25, 0.1, 0.1])
    at = int(rng.integers(len(data)))
    if kind == "cut":
        return data[:at]
    if kind == "ended":
        return data[:at] + b"\xff\xd9"
    if kind == "gone":
        return data[:at] + data[at + int(rng.integers(1, 20)) :]
    if kind == "flip":
        changed = bytearray(data)
        for _ in range(int(rng.integers(1, 4))):
            changed[int(rng.integers(len(data)))] = int(rng.integers(256))
        return bytes(changed)
    return data


MAKERS = {"jpeg": jpeg, "png": png, "webp": webp}


def case(format: str, number: int) -> bytes:
    rng = np.random.default_rng([len(format), ord(format[0]), number])
    return damaged(rng, MAKERS[format](rng))


def upright(image: Image.Image) -> Image.Image:
    """ImageOps.exif_transpose, without writing the rest of EXIF again, which can fail by itself."""
    image.load()
    method = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }.get(image.getexif().get(0x0112, 1))
    return image if method is None else image.transpose(method)


def over_background(image: Image.Image) -> Image.Image:
    behind = Image.new("RGBA", image.size, (*BACKGROUND, 255))
    return Image.alpha_composite(behind, image.convert("RGBA")).convert("RGB")


OPTIONS = {
    "default": {},
    "apply": {"exif_orientation": "apply"},
    "composite": {"alpha": "composite", "background": list(BACKGROUND)},
    "keep": {"truncated": "keep"},
    "all": {
        "exif_orientation": "apply",
        "alpha": "composite",
        "background": list(BACKGROUND),
        "truncated": "keep",
    },
}


def pillow(data: bytes, options: dict) -> np.ndarray | None:
    """What Pillow makes of it; None where it refuses, or takes it for another format."""
    ImageFile.LOAD_TRUNCATED_IMAGES = options.get("truncated") == "keep"
    try:
        image = Image.open(io.BytesIO(data), formats=["JPEG", "PNG", "WEBP"])
        if "exif_orientation" in options:
            image = upright(image)
        return np.asarray(over_background(image) if "alpha" in options else image.convert("RGB"))
    except Exception:
        return None
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False


def compare(decode, format: str, options: dict, numbers) -> None:
    for number in numbers:
        data = case(format, number)
        expected = pillow(data, options)
        found = decode(data, options)
        where = f"{format} {number} {options}"
        assert (found is None) == (expected is None), where
        if expected is None:
            continue
        assert found.shape == expected.shape, where
        assert np.array_equal(found, expected), where


def decode(data: bytes, options: dict) -> np.ndarray | None:
    try:
        return millrace.decode_image(data, **options).numpy()
    except millrace.LoaderError:
        return None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("format", MAKERS)
def test_verdict_and_pixels_are_pillows(format, options):
    compare(decode, format, OPTIONS[options], range(CASES))


@pytest.mark.filterwarnings("ignore")
def test_the_comparison_turns_images_as_exif_transpose_does():
    for number in range(60):
        for format in MAKERS:
            rng = np.random.default_rng(number)
            image = Image.open(io.BytesIO(MAKERS[format](rng)))
            try:
                expected = ImageOps.exif_transpose(image)
            except Exception:
                continue
            assert np.array_equal(np.asarray(upright(image)), np.asarray(expected))


def test_either_jpeg_decoder_gives_the_same_pixels_and_verdicts():
    decoded = 0
    for number in range(CASES):
        data = MAKERS["jpeg"](np.random.default_rng(number)) if number % 2 else case("jpeg", number)
        own = decode(data, {"jpeg_decoder": "auto"})
        turbo = decode(data, {"jpeg_decoder": "turbo"})
        assert (own is None) == (turbo is None), number
        if own is not None:
            assert np.array_equal(own, turbo), number
            decoded += 1
    assert decoded > CASES / 2
    with pytest.raises(ValueError, match='"auto" or "turbo"'):
        millrace.decode_image(b"", jpeg_decoder="fast")


def test_an_unknown_option_is_refused_by_name():
    with pytest.raises(TypeError, match="'exif_orientatoin'; did you mean 'exif_orientation'"):
        millrace.decode_image(b"", exif_orientatoin="apply")
    with pytest.raises(ValueError, match='"drop" or "composite"'):
        millrace.decode_image(b"", alpha="over")


@pytest.mark.parametrize("name", DECODE_OPTIONS)
def test_an_option_that_python_lists_is_one_of_the_librarys(name):
    with pytest.raises(ValueError, match=f"^decode options.{name} = null: must be"):
        ops.decode_image(torch.empty(0, dtype=torch.uint8), json.dumps({name: None}))


def test_python_lists_every_option_of_the_library():
    header = (ROOT / "loader" / "decode_options_json-inl.h").read_text()
    keys = re.search(r"kDecodeOptionKeys = {(.*?)}", header, re.DOTALL)[1]
    assert sorted(re.findall(r'"(\w+)"', keys)) == sorted(DECODE_OPTIONS)


def pins() -> list[tuple[str, str]]:
    """Packages and versions that requirements/ names exactly."""
    files = [ROOT / "requirements" / name for name in ("dev.txt", "reference.txt")]
    return [pin for file in files for pin in re.findall(r"^([\w-]+)==(\S+)$", file.read_text(), re.MULTILINE)]


@pytest.mark.parametrize("package, version", pins())
def test_the_reference_is_the_pinned_one(package, version):
    try:
        found = metadata.version(package)
    except metadata.PackageNotFoundError:
        pytest.skip(f"SKIPPED: {package} is not installed")
    assert found.split("+")[0] == version  # behind it: which build
