"""Writes normalization_tables.cpp: what Unicode's canonical composition (NFC) needs.

    python transforms/make_normalization_tables.py > transforms/normalization_tables.cpp

Of the Unicode version of Python 3.11's unicodedata (14.0), which ftfy normalises with: a library of
another version would treat characters differently that 14.0 does not know. Hangul is arithmetic and
not listed.
"""

import sys
import unicodedata

PYTHON_UNICODE = "14.0.0"
HANGUL = range(0xAC00, 0xD7A4)


def emit(name, element, items):
    print(f"constexpr {element} k{name}Rows[] = {{")
    line = "   "
    for item in items:
        if len(line) + len(item) + 2 > 100:
            print(line)
            line = "   "
        line += " " + item + ","
    print(line)
    print("};")
    print()


def decompositions():
    """(composable [c, first, second], others [c, first] or [c, first, second]), one step each."""
    composable, others = [], []
    for c in range(0x110000):
        mapping = unicodedata.decomposition(chr(c))
        if not mapping or mapping.startswith("<") or c in HANGUL:
            continue
        parts = [int(part, 16) for part in mapping.split()]
        assert len(parts) <= 2
        row = (c, *parts)
        text = "".join(map(chr, parts))
        is_composed = len(parts) == 2 and unicodedata.normalize("NFC", chr(c)) == chr(c)
        assert not is_composed or unicodedata.normalize("NFC", text) == chr(c)
        (composable if is_composed else others).append(row)
    return composable, others


def combining_classes():
    runs = []
    for c in range(0x110000):
        value = unicodedata.combining(chr(c))
        if not value:
            continue
        if runs and runs[-1][1] == c - 1 and runs[-1][2] == value:
            runs[-1][1] = c
        else:
            runs.append([c, c, value])
    return runs


def row(values):
    return "{" + ",".join(f"{v:#x}" for v in values) + "}"


def main():
    assert unicodedata.unidata_version == PYTHON_UNICODE, unicodedata.unidata_version
    composable, others = decompositions()
    print("// Written by make_normalization_tables.py; change that and run it again.")
    print("// clang-format off")
    print()
    print('#include "millrace/transforms/normalization-inl.h"')
    print()
    print("namespace millrace {")
    print()
    print("namespace {")
    print()
    emit("Composition", "Decomposition", map(row, composable))
    emit("Decomposition", "Decomposition", map(row, others))
    emit("CombiningClass", "CombiningClassRun",
         (f"{{{a:#x},{b:#x},{value}}}" for a, b, value in combining_classes()))
    print("}  // namespace")
    print()
    print("const std::span<const Decomposition> kCompositions = kCompositionRows;")
    print("const std::span<const Decomposition> kOtherDecompositions = kDecompositionRows;")
    print("const std::span<const CombiningClassRun> kCombiningClasses = kCombiningClassRows;")
    print()
    print("}  // namespace millrace")


if __name__ == "__main__":
    sys.exit(main())
