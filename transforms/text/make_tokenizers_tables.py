"""Writes tokenizers_tables.cpp: the classes and lower case that Hugging Face's tokenizers goes by.

    python transforms/text/make_tokenizers_tables.py

They are of other versions of Unicode than open_clip's, so they are asked of the package itself
(0.23.3): \\p{L}, \\p{N} and \\s of its regular expressions, its Lowercase, and what its NFC does not know
of the Unicode of Python 3.11.
"""

import sys
import unicodedata

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

from table_text import CODE_POINTS, emit_lower_runs, emit_ranges, end_rows, source

VERSION = "0.23.3"
CLASSES = {"Letter": r"\p{L}", "Number": r"\p{N}", "Space": r"\s"}
DOTTED_I = "\u0130"


def matching(pattern):
    removed = pre_tokenizers.Split(Regex(pattern), "removed")
    return {c for c in CODE_POINTS if not removed.pre_tokenize_str(chr(c))}


def unknown_to_nfc():
    """What its NFC leaves where it is, and does not compose, though Python's does."""
    nfc = normalizers.NFC().normalize_str
    found = set()
    for c in CODE_POINTS:
        mark = chr(c)
        if unicodedata.combining(mark) and "a" + mark + "\u0301" == nfc("a" + mark + "\u0301"):
            if unicodedata.normalize("NFC", "a" + mark + "\u0301") != "a" + mark + "\u0301":
                found.add(c)
            elif any(unicodedata.normalize("NFC", text) != nfc(text)
                     for text in ("a\u0305" + mark, "a" + mark + "\u0327")):
                found.add(c)
        parts = unicodedata.normalize("NFD", mark)
        if parts != mark and unicodedata.normalize("NFC", parts) == mark != nfc(parts):
            found.add(c)
    return found


def main():
    assert tokenizers.__version__ == VERSION, tokenizers.__version__
    lower = normalizers.Lowercase().normalize_str
    assert lower(DOTTED_I) == "i\u0307"
    assert unicodedata.unidata_version == "14.0.0", unicodedata.unidata_version
    with source("tokenizers_tables.cpp", __file__, "tokenizers_unicode-inl.h"):
        for name, pattern in CLASSES.items():
            emit_ranges(f"Tokenizers{name}", matching(pattern))
        emit_ranges("TokenizersUnknown", unknown_to_nfc())
        emit_lower_runs("TokenizersLower", lower, (DOTTED_I,))
        end_rows()
        for name in [*CLASSES, "Unknown"]:
            print(f"const std::span<const CodePointRange> kTokenizers{name}Ranges = "
                  f"kTokenizers{name}Rows;")
        print("const std::span<const LowerRun> kTokenizersLowerRuns = kTokenizersLowerRows;")


if __name__ == "__main__":
    sys.exit(main())
