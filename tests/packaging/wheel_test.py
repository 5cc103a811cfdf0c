"""`pip install .` gives a package that works away from the source tree."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
import venv
from pathlib import Path

from install import draw_two_samples, expect, run

USE = """
import sys, millrace
loader = millrace.DataLoader(sys.argv[1], batch_size=2, columns=millrace.clip_columns(32), threads=1)
batch = next(iter(loader))
print(millrace.__file__, tuple(batch["image"].shape), tuple(batch["text"].shape))
"""


def check_requirements(source: Path) -> None:
    """./dev installs from requirements/ what the wheel asks for."""
    project = tomllib.loads((source / "pyproject.toml").read_text())["project"]
    for name, asked in (("run", project["dependencies"]),
                        ("arrow", project["optional-dependencies"]["arrow"])):  # fmt: skip
        lines = (source / "requirements" / f"{name}.txt").read_text().splitlines()
        listed = [line for line in lines if line and not line.startswith("#")]
        expect(listed == asked, f"requirements/{name}.txt lists what pyproject.toml asks: {asked}")


def make_venv(folder: Path) -> Path:
    """A fresh environment that sees this one's packages, so that torch is not fetched again."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (site / "outer.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def pip_install(python: Path, source: Path) -> None:
    """Warnings are errors here, too: some show in an optimised build only. Many sources in one
    compilation take a third of the time, and warn no less."""
    done = subprocess.run(
        [python, "-m", "pip", "install", "--disable-pip-version-check", "."],
        env={**os.environ, "CMAKE_ARGS": "-DMILLRACE_WERROR=ON -DCMAKE_UNITY_BUILD=ON"},
        cwd=source, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    if done.returncode == 0:
        return
    if re.search(r"No matching distribution found for (scikit-build-core|ninja|cmake)", done.stdout):
        print("SKIPPED for want of a package index: pip install")
        sys.exit(0)
    sys.exit(done.stdout)


def main(source: Path, build: Path) -> None:
    check_requirements(source)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        python = make_venv(folder / "venv")
        pip_install(python, source)
        shard = draw_two_samples(build, folder / "shards")
        neutral = {"cwd": folder, "env": {"PATH": "/usr/bin:/bin"}}

        printed = run(python, "-c", USE, shard, **neutral)
        expect(str(folder) in printed, f"the installed package is the one imported: {printed}")
        expect("(2, 3, 32, 32) (2, 77)" in printed, f"a batch of two: {printed}")

        millrace = python.parent / "millrace"
        printed = run(millrace, "bench", shard, "--batch-size", 2, "--threads", 1, "--seconds", 1,
                      "--json", **neutral)  # fmt: skip
        report = json.loads(printed)
        expect(report["images_per_second"] > 0, f"millrace bench measures: {printed}")
    print("built, installed, imported and run")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
