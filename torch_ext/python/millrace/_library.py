"""Loads libmillrace_torch, which registers torch.classes.millrace.* and torch.ops.millrace.*."""

import os
from pathlib import Path

import torch


def _find() -> Path:
    named = os.environ.get("MILLRACE_LIBRARY")
    if named:
        return Path(named)
    installed = Path(__file__).parent / "lib" / "libmillrace_torch.so"
    if installed.exists():
        return installed
    raise ImportError(
        "libmillrace_torch.so is not beside the package: install it with `pip install .`, or point "
        "MILLRACE_LIBRARY at the one of a build"
    )


def _load() -> None:
    path = _find()
    try:
        torch.classes.load_library(str(path))
    except OSError as error:
        raise ImportError(
            f"{path} does not load with torch {torch.__version__}: it was probably built for "
            f"another version of torch; build it again with this one ({error.__cause__ or error})"
        ) from error


_load()
classes = torch.classes.millrace
ops = torch.ops.millrace
