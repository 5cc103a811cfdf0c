"""Writes tokenizers_tables.cpp: the classes and lower case that Hugging Face's tokenizers goes by.

    python transforms/text/make_tokenizers_tables.py

They are of other versions of Unicode than open_clip's, so they are asked of the package itself
(0.23.3): \\p{L}, \\p{N} and \\s of its regular expressions, and its Lowercase.
"""

import sys

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

from table_text import CODE_POINTS, emit_lower_runs, emit_ranges, end_rows, source

VERSION = "0.23.3"
CLASSES = {"Letter": r"\p{L}", "Number": r"\p{N}", "Space": r"\s"}
DOTTED_I = "\u0130"


def matching(pattern):
    removed = pre_tokenizers.Split(Regex(pattern), "removed")
    return {c for c in CODE_POINTS if not removed.pre_tokenize_str(chr(c))}


def main():
    assert tokenizers.__version__ == VERSION, tokenizers.__version__
    lower = normalizers.Lowercase().normalize_str
    assert lower(DOTTED_I) == "i\u0307"
    with source("tokenizers_tables.cpp", __file__, "tokenizers_unicode-inl.h"):
        for name, pattern in CLASSES.items():
            emit_ranges(f"Tokenizers{name}", matching(pattern))
        emit_lower_runs("TokenizersLower", lower, (DOTTED_I,))
        end_rows()
        for name in CLASSES:
            print(f"const std::span<const CodePointRange> kTokenizers{name}Ranges = "
                  f"kTokenizers{name}Rows;")
        print("const std::span<const LowerRun> kTokenizersLowerRuns = kTokenizersLowerRows;")


if __name__ == "__main__":
    sys.exit(main())
