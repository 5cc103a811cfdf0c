"""Shards of photos in which some images are damaged, and what is true about them."""

import io
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from conftest import picture


@dataclass
class Shard:
    path: str
    keys: list[str] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)  # of each sample's first header
    damaged: dict[str, str] = field(default_factory=dict)  # key -> what was done to it


def drawn_samples(count: int, rng: np.random.Generator) -> list[tuple[str, dict[str, bytes]]]:
    return [
        (f"{n:06d}", {"jpg": picture(n, rng), "txt": f"a photo of thing number {n}".encode()})
        for n in range(count)
    ]


def read_samples(path: Path) -> list[tuple[str, dict[str, bytes]]]:
    """The samples of an intact shard, with Python's own reader."""
    samples: dict[str, dict[str, bytes]] = {}
    with tarfile.open(path) as tar:
        for member in tar:
            key, _, extension = member.name.partition(".")
            samples.setdefault(key, {})[extension] = tar.extractfile(member).read()
    return list(samples.items())


def _truncated(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: int(rng.integers(1, len(data) - 1))]


def _flipped(data: bytes, rng: np.random.Generator) -> bytes:
    flipped = bytearray(data)
    for at in rng.integers(0, 600, size=40):  # where the headers and tables are
        flipped[at] ^= 1 << int(rng.integers(8))
    return bytes(flipped)


def _noise(data: bytes, rng: np.random.Generator) -> bytes:
    return rng.bytes(len(data))


def _nothing(data: bytes, rng: np.random.Generator) -> bytes:
    return b""


_DAMAGES = {"truncated": _truncated, "flipped": _flipped, "noise": _noise, "empty": _nothing}


def decodes(data: bytes) -> bool:
    try:
        Image.open(io.BytesIO(data)).convert("RGB")
    except Exception:
        return False
    return True


def _damage(fields: dict[str, bytes], rng: np.random.Generator) -> str:
    kind = str(rng.choice([*_DAMAGES, "missing"]))
    if kind == "missing":
        del fields["jpg"]
        return kind
    data = fields["jpg"]
    fields["jpg"] = _DAMAGES[kind](data, rng)
    if decodes(fields["jpg"]):  # what was flipped did not matter
        fields["jpg"], kind = _truncated(data, rng), "truncated"
    return kind


def write_damaged_shard(
    path: Path,
    samples: list[tuple[str, dict[str, bytes]]],
    prefix: str,
    share: float,
    rng: np.random.Generator,
) -> Shard:
    """Writes the samples with keys that begin with `prefix`, of which `share` are damaged."""
    shard = Shard(str(path))
    bad = set(rng.choice(len(samples), size=max(1, round(share * len(samples))), replace=False))
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for n, (key, intact) in enumerate(samples):
            fields = dict(intact)
            if n in bad:
                shard.damaged[prefix + key] = _damage(fields, rng)
            shard.keys.append(prefix + key)
            shard.offsets.append(tar.offset)
            for extension, data in fields.items():
                info = tarfile.TarInfo(f"{prefix}{key}.{extension}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return shard


def write_damaged_copies(
    folder: Path, photos: list[Path], copies: int, share: float, seed: int
) -> list[Shard]:
    """`copies` damaged copies of each shard, every sample under a key of its own. Without `photos`
    the images are drawn: 3 shards a copy, of unequal sizes."""
    rng = np.random.default_rng(seed)
    originals = [read_samples(path) for path in photos]
    if not originals:
        originals = [drawn_samples(count, rng) for count in (97, 30, 73)]
    return [
        write_damaged_shard(
            folder / f"shard-{copy:03d}-{i}.tar", samples, f"c{copy:03d}s{i}-", share, rng
        )
        for copy in range(copies)
        for i, samples in enumerate(originals)
    ]
