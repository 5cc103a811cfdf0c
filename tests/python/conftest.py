"""Fixtures: shards the tests make themselves, and the reference data where it is present."""

import io
import os
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from reference_folder import reference_folder  # noqa: E402 - from the folder above

# Sample indexes that loaders keep go into a folder of this run's own, not into the user's.
_CACHE = tempfile.TemporaryDirectory(prefix="millrace-test-cache-")
os.environ["MILLRACE_CACHE_DIR"] = _CACHE.name


def picture(index: int, rng: np.random.Generator) -> bytes:
    """A JPEG with some structure, of a size of its own."""
    height, width = rng.integers(40, 300, size=2)
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x * rng.uniform(0.02, 0.5) + y * rng.uniform(0.02, 0.5)) for _ in range(3)]
    pixels = np.stack(waves, axis=-1) * 100 + 128 + rng.normal(0, 8, (height, width, 3))
    data = io.BytesIO()
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    image.save(data, "JPEG", quality=int(rng.integers(40, 97)), subsampling=int(index % 3))
    return data.getvalue()


def write_tar(path: Path, members: list[tuple[str, bytes]]) -> None:
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


@pytest.fixture(scope="session")
def shards(tmp_path_factory) -> Path:
    """A folder with three shards of 40 pictures: jpg, txt and json members."""
    folder = tmp_path_factory.mktemp("shards")
    rng = np.random.default_rng(1)
    for shard in range(3):
        members = []
        for i in range(40):
            n = shard * 40 + i
            members.append((f"{n:06d}.jpg", picture(n, rng)))
            members.append((f"{n:06d}.txt", f"a photo of thing number {n}".encode()))
            members.append((f"{n:06d}.json", f'{{"n": {n}, "caption": "thing {n}"}}'.encode()))
        write_tar(folder / f"s-{shard}.tar", members)
    return folder


@pytest.fixture(scope="session")
def spec(shards) -> str:
    return str(shards / "s-{0..2}.tar")


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of reference data; the test is skipped, loudly, where there is none."""
    folder = reference_folder()
    if folder is None:
        pytest.skip("SKIPPED for want of reference data (set MILLRACE_TEST_DATA)")
    return folder
