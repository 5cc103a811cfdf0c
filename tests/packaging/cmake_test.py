"""`cmake --install` gives a package with which another project builds and loads samples."""

import os
import sys
import tempfile
from pathlib import Path

from install import draw_two_samples, expect, run


def main(source: Path, build: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prefix = folder / "prefix"
        run("cmake", "--install", build, "--prefix", prefix)
        expect((prefix / "bin" / "millrace").exists(), "the program is installed")
        headers = [path.name for path in prefix.rglob("*.h")]
        expect("loader.h" in headers, "headers are installed")
        expect(not [name for name in headers if "-inl" in name], "no private header is installed")

        consumer = folder / "build"
        run("cmake", "-S", source / "tests" / "packaging" / "consumer", "-B", consumer,
            "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}")  # fmt: skip
        run("cmake", "--build", consumer)
        shard = draw_two_samples(build, folder / "shards")
        clean = {key: value for key, value in os.environ.items() if key != "LD_LIBRARY_PATH"}
        for program in ("loads_samples", "loads_tensors"):
            printed = run(consumer / program, shard, env=clean, cwd=folder)
            expect("2 samples of 3 x 32 x 32" in printed, f"{program} loads them; it says {printed}")
    print("installed, found, built against and run")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
