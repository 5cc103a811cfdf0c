"""Writes unicode_tables.cpp: what CLIP's tokenizer asks of Unicode, as sorted code point ranges.

    python transforms/make_unicode_tables.py > transforms/unicode_tables.cpp

Two versions of Unicode meet in open_clip: `str.lower` and `str.split` are Python's (14.0 for
Python 3.11, which must run this script), the classes of the splitting pattern those of the `regex`
package (2026.11.15). The classes are asked of that package itself, with the flags open_clip uses.
"""

import sys
import unicodedata

import regex

PYTHON_UNICODE = "14.0.0"
REGEX_VERSION = "2026.11.15"
SURROGATES = range(0xD800, 0xE000)
SIGMA = "\u03a3"
DOTTED_I = "\u0130"


def code_points():
    return (c for c in range(0x110000) if c not in SURROGATES)


def ranges(members):
    """Sorted inclusive runs; a run may go across the surrogates, which no text contains."""
    result = []
    for c in sorted(members):
        if result and (c == result[-1][1] + 1 or (c == 0xE000 and result[-1][1] == 0xD7FF)):
            result[-1][1] = c
        else:
            result.append([c, c])
    return result


def matching(pattern):
    compiled = regex.compile(pattern, regex.IGNORECASE)
    return {c for c in code_points() if compiled.fullmatch(chr(c))}


def is_cased(char):
    """As CPython's handle_capital_sigma sees it: does a sigma after this letter end the word?"""
    return (char + SIGMA).lower()[-1] == "\u03c2"


def is_case_ignorable(char):
    """Whether lower() looks past this character for the letter before a sigma. Characters that are
    cased and ignorable are looked past too, so a cased letter before them must show through and an
    uncased one must not."""
    return ("a" + char + SIGMA).lower()[-1] == "\u03c2" and (
        ("1" + char + SIGMA).lower()[-1] != "\u03c2"
    )


def lower_runs():
    """[first, last, step, difference]: every step-th code point from first to last moves by
    difference."""
    runs = []
    for c in code_points():
        lower = chr(c).lower()
        if chr(c) in (DOTTED_I, SIGMA) or lower == chr(c):
            continue
        assert len(lower) == 1, hex(c)
        delta = ord(lower) - c
        if runs:
            first, last, step, difference = runs[-1]
            if difference == delta and c - last in (1, 2) and step in (0, c - last):
                runs[-1] = [first, c, c - last, difference]
                continue
        runs.append([c, c, 0, delta])
    return [[a, b, max(step, 1), d] for a, b, step, d in runs]


def emit(name, element, rows):
    print(f"constexpr {element} k{name}Rows[] = {{")
    line = "   "
    for row in rows:
        item = " {" + ", ".join(row) + "},"
        if len(line) + len(item) > 100:
            print(line)
            line = "   "
        line += item
    print(line)
    print("};")
    print()


def emit_ranges(name, members):
    emit(name, "CodePointRange", [(f"{a:#x}", f"{b:#x}") for a, b in ranges(members)])


def main():
    assert unicodedata.unidata_version == PYTHON_UNICODE, unicodedata.unidata_version
    assert regex.__version__ == REGEX_VERSION, regex.__version__

    letters = matching(r"[\p{L}]+")
    numbers = matching(r"[\p{N}]")
    others = matching(r"[^\s\p{L}\p{N}]+")
    spaces = {c for c in code_points() if chr(c).isspace()}
    assert spaces == {c for c in code_points() if not chr(c).split()}
    # Ignoring case, U+0345 is in none of the classes: its upper case is a letter, itself it is none.
    unmatched = set(code_points()) - letters - numbers - others - spaces
    assert not spaces & (letters | numbers)

    print("// Written by make_unicode_tables.py; change that and run it again.")
    print()
    print('#include "millrace/transforms/unicode-inl.h"')
    print()
    print("namespace millrace {")
    print()
    print("namespace {")
    print()
    emit_ranges("Letter", letters)
    emit_ranges("Number", numbers)
    emit_ranges("Space", spaces)
    emit_ranges("Unmatched", unmatched)
    emit_ranges("Cased", {c for c in code_points() if is_cased(chr(c))})
    emit_ranges("CaseIgnorable", {c for c in code_points() if is_case_ignorable(chr(c))})
    emit("Lower", "LowerRun",
         [(f"{a:#x}", f"{b:#x}", str(step), str(d)) for a, b, step, d in lower_runs()])
    print("}  // namespace")
    print()
    for name in ("Letter", "Number", "Space", "Unmatched", "Cased", "CaseIgnorable"):
        print(f"const std::span<const CodePointRange> k{name}Ranges = k{name}Rows;")
    print("const std::span<const LowerRun> kLowerRuns = kLowerRows;")
    print()
    print("}  // namespace millrace")


if __name__ == "__main__":
    sys.exit(main())
