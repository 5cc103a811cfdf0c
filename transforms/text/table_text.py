"""What the scripts share that write tables of facts about characters as C++."""

import contextlib
from pathlib import Path

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
WIDTH = 100


@contextlib.contextmanager
def source(name, script, header):
    """The file beside these scripts that is printed to inside the block, which begins inside an
    anonymous namespace and calls end_rows() to leave it."""
    with open(Path(__file__).parent / name, "w") as file, contextlib.redirect_stdout(file):
        print(f"// Written by {Path(script).name}; change that and run it again.")
        print("// clang-format off")
        print()
        print(f'#include "millrace/transforms/text/{header}"')
        print()
        print("namespace millrace {")
        print()
        print("namespace {")
        print()
        yield
        print()
        print("}  // namespace millrace")


def end_rows():
    print("}  // namespace")
    print()


def emit_lines(items):
    line = "   "
    for item in items:
        if len(line) + len(item) + 1 > WIDTH:
            print(line)
            line = "   "
        line += item + ","
    print(line)


def emit(name, element, items):
    """A constant array k{name}Rows of texts that are C++ initialisers."""
    print(f"constexpr {element} k{name}Rows[] = {{")
    emit_lines(items)
    print("};")
    print()


def emit_ranges(name, members):
    emit(name, "CodePointRange", (f"{{{a:#x},{b:#x}}}" for a, b in ranges(members)))


def ranges(members):
    """Sorted inclusive runs; a run may go across the surrogates, which no text contains."""
    result = []
    for c in sorted(members):
        if result and (c == result[-1][1] + 1 or (c == 0xE000 and result[-1][1] == 0xD7FF)):
            result[-1][1] = c
        else:
            result.append([c, c])
    return result


def emit_lower_runs(name, lower, exceptions):
    """[first, last, step, difference]: every step-th code point from first to last moves by
    difference in lower case. `lower` maps a character; exceptions are left out."""
    runs = []
    for c in CODE_POINTS:
        lowered = lower(chr(c))
        if chr(c) in exceptions or lowered == chr(c):
            continue
        assert len(lowered) == 1, hex(c)
        delta = ord(lowered) - c
        if runs:
            first, last, step, difference = runs[-1]
            if difference == delta and c - last in (1, 2) and step in (0, c - last):
                runs[-1] = [first, c, c - last, difference]
                continue
        runs.append([c, c, 0, delta])
    emit(name, "LowerRun", (f"{{{a:#x},{b:#x},{max(step, 1)},{d}}}" for a, b, step, d in runs))
