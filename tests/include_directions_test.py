"""Checks which folder includes what: data moves one way, and so do includes.

    python tests/include_directions_test.py

Without a build and without packages: it reads the #include lines. Besides the tree itself it checks
the checker, on small trees with one wrong include each.
"""

import pathlib
import re
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent

LIBRARIES = ("result", "formats", "arrow_ext", "transforms", "loader", "torch_ext")
MAY_INCLUDE = {
    "result": set(),
    "formats": {"result"},
    "arrow_ext": {"result", "formats"},
    "transforms": {"result"},
    "loader": {"result", "formats", "transforms"},
    "torch_ext": {"result", "formats", "transforms", "loader"},
    "cli": {"result", "formats", "transforms", "loader"},
    "bench": set(LIBRARIES) - {"arrow_ext"},
    "examples": set(LIBRARIES) - {"arrow_ext"},
    "tests": set(LIBRARIES),
}
TORCH = re.compile(r"(torch|ATen|c10|cuda\w*|pybind11)/|cuda\w*\.h$|cu\w+_v2\.h$|Python\.h$")
MAY_NAME_TORCH = ("torch_ext/", "examples/", "tests/torch_ext/")
ARROW = re.compile(r"(arrow|parquet)/")
MAY_NAME_ARROW = ("arrow_ext/", "tests/arrow_ext/")
# Types of these stay behind our headers, so that who includes one needs none of them.
HIDDEN = re.compile(r"(jpeglib|jerror|png|zlib|archive|archive_entry|simdjson)\.h$"
                    r"|(webp|hwy|boost|CLI)/")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
SUFFIXES = {".h", ".cpp", ".cc", ".cu", ".cuh", ".hpp"}


def read_tree(root):
    """Path from the root -> [(quote, what is included)]."""
    tree = {}
    for folder in MAY_INCLUDE:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in SUFFIXES and path.is_file():
                text = path.read_text(encoding="utf-8")
                tree[path.relative_to(root).as_posix()] = INCLUDE.findall(text)
    return tree


def ours(included):
    """The path in the tree of an include of ours, or None."""
    return included[len("millrace/"):] if included.startswith("millrace/") else None


def headers_for_others(tree):
    """Headers of a library folder that another folder reaches; tests, which may look behind the
    door, do not count."""
    reached = set()
    waiting = [ours(included) for path, includes in tree.items() for _, included in includes
               if ours(included) and not path.startswith("tests/")
               and path.split("/")[0] != ours(included).split("/")[0]]
    while waiting:
        header = waiting.pop()
        if header in reached or header not in tree:
            continue
        reached.add(header)
        waiting += [ours(included) for _, included in tree[header] if ours(included)]
    return reached


def wrong_includes(root):
    tree = read_tree(root)
    door = headers_for_others(tree)
    wrong = []
    for path, includes in tree.items():
        folder = path.split("/")[0]
        for quote, included in includes:
            target = ours(included)
            if target is not None:
                other = target.split("/")[0]
                if other != folder and other not in MAY_INCLUDE[folder]:
                    wrong.append(f"{path}: {folder} must not include {included}")
            elif quote == '"' and (folder in LIBRARIES or ".." in included.split("/")):
                wrong.append(f'{path}: write "millrace/FOLDER/NAME.h" for "{included}"')
            if TORCH.match(included) and not path.startswith(MAY_NAME_TORCH):
                wrong.append(f"{path}: only torch_ext names torch, CUDA and Python: {included}")
            if ARROW.match(included) and not path.startswith(MAY_NAME_ARROW):
                wrong.append(f"{path}: only arrow_ext names Arrow: {included}")
            if path in door and HIDDEN.match(included):
                wrong.append(f"{path}: others include this header, so it must not need {included}")
    return wrong


class Tree(unittest.TestCase):
    def test_includes_go_one_way(self):
        self.assertEqual(wrong_includes(ROOT), [])

    def test_every_library_folder_has_been_read(self):
        read = {path.split("/")[0] for path in read_tree(ROOT)}
        self.assertLessEqual(set(LIBRARIES), read)


class PlantedIncludes(unittest.TestCase):
    def found(self, files):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for path, text in files.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text, encoding="utf-8")
            return wrong_includes(root)

    def assert_wrong(self, path, line):
        self.assertEqual(len(self.found({path: f"#pragma once\n{line}\n"})), 1, (path, line))

    def assert_right(self, path, line):
        self.assertEqual(self.found({path: f"#pragma once\n{line}\n"}), [], (path, line))

    def test_a_folder_that_must_not_be_known(self):
        self.assert_wrong("result/a.h", '#include "millrace/formats/b.h"')
        self.assert_wrong("formats/a.cpp", '#include "millrace/transforms/b.h"')
        self.assert_wrong("transforms/a.cpp", '  #  include "millrace/formats/b.h"')
        self.assert_wrong("transforms/deep/a.cpp", "#include <millrace/loader/b.h>")
        self.assert_wrong("loader/a.h", '#include "millrace/torch_ext/b.h"')
        self.assert_wrong("cli/a.cpp", '#include "millrace/torch_ext/b.h"')
        self.assert_wrong("loader/a.cpp", '#include "millrace/arrow_ext/b.h"')
        self.assert_wrong("arrow_ext/a.cpp", '#include "millrace/loader/b.h"')
        self.assert_wrong("torch_ext/a.cpp", '#include "millrace/cli/b.h"')

    def test_folders_that_may_be_known(self):
        self.assert_right("formats/a.cpp", '#include "millrace/result/b.h"')
        self.assert_right("formats/a.cpp", '#include "millrace/formats/b.h"')
        self.assert_right("loader/a.cpp", '#include "millrace/transforms/b.h"')
        self.assert_right("torch_ext/a.cpp", '#include "millrace/loader/b.h"')
        self.assert_right("formats/a.cpp", '// see "millrace/loader/b.h"')

    def test_a_way_round_the_folders(self):
        self.assert_wrong("formats/a.cpp", '#include "../loader/b.h"')
        self.assert_wrong("formats/a.cpp", '#include "b.h"')
        self.assert_wrong("cli/a.cpp", '#include "../loader/b.h"')
        self.assert_right("cli/a.cpp", '#include "b.h"')

    def test_torch_outside_its_folder(self):
        for header in ("torch/torch.h", "ATen/ATen.h", "c10/util/Optional.h", "cuda_runtime.h",
                       "cuda.h", "Python.h", "pybind11/pybind11.h"):
            self.assert_wrong("loader/a.cpp", f"#include <{header}>")
            self.assert_wrong("tests/loader/a.cpp", f"#include <{header}>")
            self.assert_right("torch_ext/a.cpp", f"#include <{header}>")
            self.assert_right("tests/torch_ext/a.cpp", f"#include <{header}>")
            self.assert_right("examples/a.cpp", f"#include <{header}>")

    def test_arrow_outside_its_folder(self):
        for header in ("arrow/api.h", "parquet/file_reader.h"):
            self.assert_wrong("formats/a.cpp", f"#include <{header}>")
            self.assert_wrong("tests/formats/a.cpp", f"#include <{header}>")
            self.assert_right("arrow_ext/a.cpp", f"#include <{header}>")
            self.assert_right("tests/arrow_ext/a.cpp", f"#include <{header}>")

    def test_a_third_party_header_behind_one_of_ours(self):
        def tree(header, line):
            return {"transforms/a.h": '#include "millrace/transforms/b.h"\n',
                    "transforms/b.h": line + "\n",
                    "loader/a.cpp": f'#include "millrace/transforms/{header}"\n'}

        for line in ("#include <jpeglib.h>", "#include <boost/asio.hpp>", "#include <hwy/base.h>",
                     "#include <simdjson.h>", "#include <webp/decode.h>", "#include <archive.h>"):
            self.assertEqual(len(self.found(tree("b.h", line))), 1, line)
            self.assertEqual(len(self.found(tree("a.h", line))), 1, line)
            self.assert_right("transforms/b.h", line)
            self.assert_right("transforms/b.cpp", line)
        self.assertEqual(self.found(tree("a.h", "#include <tl/expected.hpp>")), [])


if __name__ == "__main__":
    unittest.main()
