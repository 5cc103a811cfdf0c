"""Writes tokenizers_tables.cpp: the classes and lower case that Hugging Face's tokenizers goes by.

    python transforms/make_tokenizers_tables.py > transforms/tokenizers_tables.cpp

They are of other versions of Unicode than open_clip's, so they are asked of the package itself
(0.23.3): \\p{L}, \\p{N} and \\s of its regular expressions, and its Lowercase.
"""

import sys

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

VERSION = "0.23.3"
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def matching(pattern):
    removed = pre_tokenizers.Split(Regex(pattern), "removed")
    return {c for c in CODE_POINTS if not removed.pre_tokenize_str(chr(c))}


def ranges(members):
    result = []
    for c in sorted(members):
        if result and (c == result[-1][1] + 1 or (c == 0xE000 and result[-1][1] == 0xD7FF)):
            result[-1][1] = c
        else:
            result.append([c, c])
    return result


def lower_runs():
    runs = []
    lowercase = normalizers.Lowercase()
    for c in CODE_POINTS:
        lower = lowercase.normalize_str(chr(c))
        if c == 0x130:
            assert lower == "i\u0307"
            continue
        if lower == chr(c):
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


def emit(name, element, items):
    print(f"constexpr {element} k{name}Rows[] = {{")
    line = "   "
    for item in items:
        if len(line) + len(item) + 2 > 100:
            print(line)
            line = "   "
        line += item + ","
    print(line)
    print("};")
    print()


def main():
    assert tokenizers.__version__ == VERSION, tokenizers.__version__
    print("// Written by make_tokenizers_tables.py; change that and run it again.")
    print("// clang-format off")
    print()
    print('#include "millrace/transforms/tokenizers_unicode-inl.h"')
    print()
    print("namespace millrace {")
    print()
    print("namespace {")
    print()
    for name, pattern in (("TokenizersLetter", r"\p{L}"), ("TokenizersNumber", r"\p{N}"),
                          ("TokenizersSpace", r"\s")):
        emit(name, "CodePointRange", (f"{{{a:#x},{b:#x}}}" for a, b in ranges(matching(pattern))))
    emit("TokenizersLower", "LowerRun",
         (f"{{{a:#x},{b:#x},{step},{d}}}" for a, b, step, d in lower_runs()))
    print("}  // namespace")
    print()
    for name in ("Letter", "Number", "Space"):
        print(f"const std::span<const CodePointRange> kTokenizers{name}Ranges = "
              f"kTokenizers{name}Rows;")
    print("const std::span<const LowerRun> kTokenizersLowerRuns = kTokenizersLowerRows;")
    print()
    print("}  // namespace millrace")


if __name__ == "__main__":
    sys.exit(main())
