"""Where the reference data is (real images, shards, golden answers), for tests in Python."""

import os
import pathlib


def reference_folder() -> pathlib.Path | None:
    """MILLRACE_TEST_DATA, or shared/data beside a folder that this file is in; None: nowhere."""
    named = os.environ.get("MILLRACE_TEST_DATA")
    if named:
        return pathlib.Path(named)
    folders = (parent / "shared" / "data" for parent in pathlib.Path(__file__).resolve().parents)
    return next((folder for folder in folders if folder.is_dir()), None)
