"""Checks that the README of a folder names every header and folder that is in it, and no others. What
is inside a folder alone (`*-inl.h`) need not be named.

    python tests/readme_files_test.py
"""

import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("formats", "arrow_ext", "loader", "transforms")


def tracked_headers(folder):
    """From the folder on. Where there is no git, as in an archive of the sources, all that lie there."""
    listing = subprocess.run(["git", "ls-files", "--", folder], cwd=ROOT, capture_output=True,
                             text=True, check=False)
    paths = listing.stdout.splitlines() or [
        path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*.h")]
    return [path[len(folder) + 1:] for path in paths if path.endswith(".h")]


class Readmes(unittest.TestCase):
    def test_each_header_and_folder_is_named_and_none_that_is_gone(self):
        for folder in FOLDERS:
            readme = (ROOT / folder / "README.md").read_text(encoding="utf-8")
            named = set(re.findall(r"`([\w./-]+)`", readme))
            headers = tracked_headers(folder)
            self.assertTrue(headers, folder)
            present = {path.split("/")[-1] for path in headers}
            wanted = {name for name in present if not name.endswith("-inl.h")}
            wanted |= {path.split("/")[0] + "/" for path in headers if "/" in path}
            self.assertEqual(sorted(wanted - named), [], f"not named in {folder}/README.md")
            gone = {name for name in named if name.endswith(".h") and "/" not in name} - present
            self.assertEqual(sorted(gone), [], f"named in {folder}/README.md, and not there")


if __name__ == "__main__":
    unittest.main()
