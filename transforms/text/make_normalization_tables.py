"""Writes normalization_tables.cpp: what Unicode's canonical composition (NFC) needs.

    python transforms/text/make_normalization_tables.py

Of the Unicode version of Python 3.11's unicodedata (14.0), which ftfy normalises with: a library of
another version would treat characters differently that 14.0 does not know. Hangul is arithmetic and
not listed.
"""

import sys
import unicodedata

from table_text import emit, end_rows, source

PYTHON_UNICODE = "14.0.0"
HANGUL = range(0xAC00, 0xD7A4)


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
    with source("normalization_tables.cpp", __file__, "normalization-inl.h"):
        emit("Composition", "Decomposition", map(row, composable))
        emit("Decomposition", "Decomposition", map(row, others))
        emit("CombiningClass", "CombiningClassRun",
             (f"{{{a:#x},{b:#x},{value}}}" for a, b, value in combining_classes()))
        end_rows()
        print("const std::span<const Decomposition> kCompositions = kCompositionRows;")
        print("const std::span<const Decomposition> kOtherDecompositions = kDecompositionRows;")
        print("const std::span<const CombiningClassRun> kCombiningClasses = kCombiningClassRows;")


if __name__ == "__main__":
    sys.exit(main())
