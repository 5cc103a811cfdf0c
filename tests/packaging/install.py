"""What both packaging tests do: run commands and draw two samples."""

import subprocess
import sys
from pathlib import Path


def run(*command, **options) -> str:
    """Runs a command and returns what it prints; shows it and exits if it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **options
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}\n{done.stdout}\nexit status {done.returncode}")
    return done.stdout


def draw_two_samples(build: Path, folder: Path) -> Path:
    """A shard of two captioned pictures."""
    run(build / "bin" / "draw_shapes", "--out", folder, "--count", 2, "--shards", 1, "--held-out", 0)
    return folder / "train-000000.tar"


def expect(condition: bool, text: str) -> None:
    if not condition:
        sys.exit(f"expected: {text}")
