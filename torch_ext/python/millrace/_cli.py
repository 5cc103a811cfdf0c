"""The `millrace` command: runs the program that lies in the package."""

import os
import sys
from pathlib import Path


def main() -> None:
    program = Path(__file__).parent / "bin" / "millrace"
    os.execv(program, [str(program), *sys.argv[1:]])
