"""Writes unicode_tables.cpp: what CLIP's tokenizer asks of Unicode, as sorted code point ranges.

    python transforms/text/make_unicode_tables.py

Two versions of Unicode meet in open_clip: `str.lower` and `str.split` are Python's (14.0 for
Python 3.11, which must run this script), the classes of the splitting pattern those of the `regex`
package (2026.11.15). The classes are asked of that package itself, with the flags open_clip uses.
"""

import sys
import unicodedata

import regex

from table_text import CODE_POINTS, emit_lower_runs, emit_ranges, end_rows, source

PYTHON_UNICODE = "14.0.0"
REGEX_VERSION = "2026.11.15"
SIGMA = "\u03a3"
DOTTED_I = "\u0130"


def matching(pattern):
    compiled = regex.compile(pattern, regex.IGNORECASE)
    return {c for c in CODE_POINTS if compiled.fullmatch(chr(c))}


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


def main():
    assert unicodedata.unidata_version == PYTHON_UNICODE, unicodedata.unidata_version
    assert regex.__version__ == REGEX_VERSION, regex.__version__

    letters = matching(r"[\p{L}]+")
    numbers = matching(r"[\p{N}]")
    others = matching(r"[^\s\p{L}\p{N}]+")
    spaces = {c for c in CODE_POINTS if chr(c).isspace()}
    assert spaces == {c for c in CODE_POINTS if not chr(c).split()}
    # Ignoring case, U+0345 is in none of the classes: its upper case is a letter, itself it is none.
    unmatched = set(CODE_POINTS) - letters - numbers - others - spaces
    assert not spaces & (letters | numbers)

    names = ("Letter", "Number", "Space", "Unmatched", "Cased", "CaseIgnorable")
    cased = {c for c in CODE_POINTS if is_cased(chr(c))}
    ignorable = {c for c in CODE_POINTS if is_case_ignorable(chr(c))}
    with source("unicode_tables.cpp", __file__, "unicode-inl.h"):
        for name, members in zip(names, (letters, numbers, spaces, unmatched, cased, ignorable)):
            emit_ranges(name, members)
        emit_lower_runs("Lower", str.lower, (DOTTED_I, SIGMA))
        end_rows()
        for name in names:
            print(f"const std::span<const CodePointRange> k{name}Ranges = k{name}Rows;")
        print("const std::span<const LowerRun> kLowerRuns = kLowerRows;")


if __name__ == "__main__":
    sys.exit(main())
