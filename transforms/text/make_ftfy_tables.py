"""Writes badness_tables.cpp, mojibake_tables.cpp, html_entity_tables.cpp and
capital_entity_tables.cpp beside itself: the facts of ftfy 6.3.1 and of Python's html module that
text_repair goes by.

    python transforms/text/make_ftfy_tables.py

Needs ftfy (Apache-2.0) of that version and Python 3.11, whose Unicode version (14.0) the tables are
of. What is taken are sets of characters and tables between bytes and characters. The expression for
text that looks garbled (ftfy.badness) only ever answers yes or no here, so it becomes a finite
automaton: one look-up a character.
"""

import html.entities
import re
import sys
import unicodedata

import ftfy
from ftfy import badness, chardata
from re import _constants, _parser

from table_text import emit, emit_lines, emit_ranges, end_rows, source

FTFY_VERSION = "6.3.1"
PYTHON_UNICODE = "14.0.0"
CODE_POINTS = range(0x110000)


def parsed_alternatives():
    """[(anchored, [(set of code points, optional)])]: what the expression consists of."""
    universe = frozenset(CODE_POINTS)
    categories = {
        _constants.CATEGORY_SPACE: frozenset(c for c in CODE_POINTS if re.match(r"\s", chr(c))),
        _constants.CATEGORY_WORD: frozenset(c for c in CODE_POINTS if re.match(r"\w", chr(c))),
    }

    def members(items):
        found, negated = set(), False
        for op, value in items:
            if op is _constants.NEGATE:
                negated = True
            elif op is _constants.LITERAL:
                found.add(value)
            elif op is _constants.RANGE:
                found.update(range(value[0], value[1] + 1))
            elif op is _constants.CATEGORY:
                found |= categories[value]
            else:
                raise NotImplementedError(op)
        return universe - found if negated else frozenset(found)

    def sequence(items):
        anchored, steps = False, []
        for op, value in items:
            if op is _constants.AT and value is _constants.AT_BEGINNING and not steps:
                anchored = True
            elif op is _constants.LITERAL:
                steps.append((frozenset([value]), False))
            elif op is _constants.ANY:
                steps.append((universe - {ord("\n")}, False))
            elif op is _constants.IN:
                steps.append((members(value), False))
            elif op is _constants.MAX_REPEAT and value[:2] == (0, 1) and len(value[2]) == 1:
                ((inner, argument),) = list(value[2])
                assert inner is _constants.IN, inner
                steps.append((members(argument), True))
            else:
                raise NotImplementedError(op)
        return anchored, steps

    tree = _parser.parse(badness.BADNESS_RE.pattern, re.VERBOSE)
    ((op, (_, branches)),) = list(tree)
    assert op is _constants.BRANCH
    return [sequence(branch) for branch in branches]


def badness_automaton():
    """(atoms of all code points as runs [first, last, atom], rows of next states, start, accept)."""
    alternatives = parsed_alternatives()
    sets = sorted({step for _, steps in alternatives for step, _ in steps}, key=sorted)
    number = {members: i for i, members in enumerate(sets)}
    signature = [0] * len(CODE_POINTS)
    for i, members in enumerate(sets):
        for c in members:
            signature[c] |= 1 << i
    atom_of = {}
    runs = []
    for c in CODE_POINTS:
        atom = atom_of.setdefault(signature[c], len(atom_of))
        if runs and runs[-1][2] == atom:
            runs[-1][1] = c
        else:
            runs.append([c, c, atom])
    atoms = list(atom_of)

    def closure(positions):
        closed, work = set(), list(positions)
        while work:
            position = work.pop()
            if position in closed:
                continue
            closed.add(position)
            alternative, at = position
            steps = alternatives[alternative][1]
            if at < len(steps) and steps[at][1]:
                work.append((alternative, at + 1))
        return frozenset(closed)

    def is_final(state):
        return any(at == len(alternatives[alternative][1]) for alternative, at in state)

    anywhere = closure((i, 0) for i, (anchored, _) in enumerate(alternatives) if not anchored)
    start = closure((i, 0) for i in range(len(alternatives)))
    states, rows, work = {start: 0}, [], [start]
    while work:
        state = work.pop(0)
        row = []
        for atom in atoms:
            moved = {
                (alternative, at + 1)
                for alternative, at in state
                if at < len(alternatives[alternative][1])
                and atom >> number[alternatives[alternative][1][at][0]] & 1
            }
            following = closure(moved) | anywhere
            if is_final(following):
                following = "accept"
            if following not in states:
                states[following] = len(states)
                if following != "accept":
                    work.append(following)
            row.append(following)
        rows.append((state, row))
    numbered = [None] * len(states)
    for state, row in rows:
        numbered[states[state]] = [states[next_state] for next_state in row]
    accept = states["accept"]
    numbered[accept] = [accept] * len(atoms)
    return runs, minimised(numbered, 0, accept)


def minimised(rows, start, accept):
    """Moore's algorithm: (rows, start, accept) with states that behave alike merged."""
    block = [int(state == accept) for state in range(len(rows))]
    while True:
        keys = {}
        refined = []
        for state, row in enumerate(rows):
            key = (block[state], tuple(block[n] for n in row))
            refined.append(keys.setdefault(key, len(keys)))
        if len(keys) == len(set(block)):
            break
        block = refined
    merged = {}
    for state, row in enumerate(rows):
        merged.setdefault(block[state], [block[n] for n in row])
    return [merged[b] for b in range(len(merged))], block[start], block[accept]


def characters_of(text):
    """The members of a character class as ftfy writes it."""
    pattern = re.compile(f"[{text}]")
    return {c for c in range(0x10000) if pattern.match(chr(c))}


def charmap_rows():
    """For every encoding but Latin-1 what the bytes 0x80 to 0xFF decode to."""
    rows = []
    for encoding in chardata.CHARMAP_ENCODINGS[1:]:
        upper = bytes(range(0x80, 0x100)).decode(encoding)
        assert len(set(upper)) == 128, encoding
        assert upper.encode(encoding) == bytes(range(0x80, 0x100)), encoding
        assert bytes(range(0x1A)).decode(encoding) == "".join(map(chr, range(0x1A)))
        assert bytes(range(0x1B, 0x80)).decode(encoding) == "".join(map(chr, range(0x1B, 0x80)))
        assert (b"\x1a".decode(encoding) == "\ufffd") == encoding.startswith("sloppy")
        rows.append([ord(c) for c in upper])
    return rows


def replacement_rows(mapping):
    rows = []
    for c, text in sorted(mapping.items()):
        assert 1 <= len(text) <= 3, hex(c)
        rows.append("{" + ",".join(f"{v:#x}" for v in (c, *map(ord, text))) + "}")
    return rows


def entity_rows(entities):
    for name, text in sorted(entities.items()):
        assert 1 <= len(text) <= 3
        yield f'{{"{name}"' + "".join(f",{ord(c):#x}" for c in text) + "}"


def emit_entities(name, entities):
    emit(name, "HtmlEntity", entity_rows(entities))
    end_rows()
    print(f"const std::span<const HtmlEntity> k{name}Entities = k{name}Rows;")


def main():
    assert ftfy.__version__ == FTFY_VERSION, ftfy.__version__
    assert unicodedata.unidata_version == PYTHON_UNICODE, unicodedata.unidata_version

    runs, (rows, start, accept) = badness_automaton()
    assert len(rows) < 256
    # Most code points are alike; only the others are listed.
    usual = max(range(len(rows[0])), key=lambda n: sum(b - a for a, b, atom in runs if atom == n))
    with source("badness_tables.cpp", __file__, "mojibake_tables-inl.h"):
        emit("BadnessAtom", "BadnessAtom",
             [f"{{{a:#x},{b:#x},{atom}}}" for a, b, atom in runs if atom != usual])
        emit("BadnessNext", "std::uint8_t", [str(n) for row in rows for n in row])
        end_rows()
        print(f"const std::size_t kBadnessAtomCount = {len(rows[0])};")
        print(f"const std::uint8_t kUsualBadnessAtom = {usual};")
        print(f"const std::uint8_t kBadnessStart = {start};")
        print(f"const std::uint8_t kBadnessFound = {accept};")
        print("const std::span<const BadnessAtom> kBadnessAtoms = kBadnessAtomRows;")
        print("const std::span<const std::uint8_t> kBadnessNext = kBadnessNextRows;")

    with source("mojibake_tables.cpp", __file__, "mojibake_tables-inl.h"):
        clues = (("First2", "utf8_first_of_2"), ("First3", "utf8_first_of_3"),
                 ("First4", "utf8_first_of_4"), ("Continuation", "utf8_continuation"),
                 ("StrictContinuation", "utf8_continuation_strict"))
        for name, clue in clues:
            emit_ranges(name, characters_of(chardata.UTF8_CLUES[clue]))
        maps = charmap_rows()
        print(f"constexpr std::array<Charmap, {len(maps)}> kCharmapRows{{{{")
        for row in maps:
            print("  {{")
            emit_lines(f"{value:#x}" for value in row)
            print("  }},")
        print("}};")
        print()
        emit("Replacement", "Replacement",
             replacement_rows({**chardata.LIGATURES, **chardata.WIDTH_MAP}))
        emit_ranges("Removed", chardata.CONTROL_CHARS)
        emit_ranges("Digit", (c for c in CODE_POINTS if re.match(r"\d", chr(c))))
        end_rows()
        for name in [name for name, _ in clues] + ["Removed", "Digit"]:
            print(f"const std::span<const CodePointRange> k{name}Ranges = k{name}Rows;")
        print("const std::span<const Charmap> kCharmaps = kCharmapRows;")
        print("const std::span<const Replacement> kReplacements = kReplacementRows;")

    html5 = html.entities.html5
    capitals = {name[1:]: text for name, text in chardata.HTML_ENTITIES.items()
                if name[1:] not in html5}
    assert all(name.isupper() and name.endswith(";") for name in capitals)
    with source("html_entity_tables.cpp", __file__, "html_entities-inl.h"):
        emit_entities("Html5", html5)
    with source("capital_entity_tables.cpp", __file__, "html_entities-inl.h"):
        emit_entities("Capital", capitals)


if __name__ == "__main__":
    sys.exit(main())
