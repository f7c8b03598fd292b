r"""Standard format with the markers of MDF, as Toolbox and Shoebox keep dictionaries.

Source: Coward & Grimes 2000, Making Dictionaries; http://www.sil.org/computing/shoebox/MDF.html
"""

from collections.abc import Iterator
from pathlib import Path

import regex

from corpus.formats.dictionary import EXAMPLES, HEADWORDS, Said, pairs
from corpus.formats.record import Column, Record, lines, names_only
from corpus.table import InputError

FIELD = regex.compile(r"\\(\S+)(?:\s+(.*))?", regex.DOTALL)
SUBENTRY = "se"
EXAMPLE = "xv"
NEXT_GLOSS = regex.compile(r"\s*;\s*")  # MDF: \ge throw ; discard


def read(path: Path, columns: tuple[Column, ...], part: str | None) -> Iterator[Record]:
    r"""The pairs of each entry; target is the headword's marker (`lx`), source the gloss's (`ge`).

    Examples are `xv`, and their translation the marker that ends like the gloss's: \gn and \xn.

    Raises:
        InputError: the file has no entry, no such gloss, or begins with something else.
    """
    source, target, *_ = names_only(path, columns)
    seen: set[str] = set()
    yield from pairs(path, entries(path, source or "", target or "", seen), part)
    if source and source not in seen:
        raise InputError(f"{path} has no field \\{source}; it has {sorted(seen)}")


def entries(path: Path, gloss: str, headword: str, seen: set[str]) -> Iterator[Said]:
    """The pairs of each entry; `seen` gathers the markers."""
    number = 0
    entry: list[tuple[int, str, str]] = []
    for field in fields(path):
        seen.add(field[1])
        if field[1] == headword:
            yield from entry_pairs(number, entry, gloss) if number else ()
            number, entry = number + 1, []
        entry.append(field)
    yield from entry_pairs(number, entry, gloss) if number else ()


def entry_pairs(number: int, entry: list[tuple[int, str, str]], gloss: str) -> Iterator[Said]:
    """The pairs of one entry, whose first field is its headword; a subentry has its own."""
    starts = [place for place, field in enumerate(entry) if not place or field[1] == SUBENTRY]
    for start, end in zip(starts, [*starts[1:], len(entry)], strict=True):
        (line, _, word), rest = entry[start], entry[start + 1 : end]
        if not word:
            yield Said(line, number, HEADWORDS, None, None, "entry without headword")
            continue
        found = [
            (where, text)
            for where, marker, said in rest
            if marker == gloss
            for text in NEXT_GLOSS.split(said)
            if text
        ]
        for where, text in found or [(line, None)]:
            yield Said(where, number, HEADWORDS, text, word)
        yield from examples(number, rest, f"x{gloss[-1:]}")


def examples(number: int, rest: list[tuple[int, str, str]], translation: str) -> Iterator[Said]:
    """The examples of an entry, each with its translation."""
    waiting: tuple[int, str] | None = None
    for line, marker, text in rest:
        if marker == EXAMPLE:
            if waiting:
                yield Said(waiting[0], number, EXAMPLES, None, waiting[1])
            waiting = (line, text) if text else None
        elif marker == translation and text:
            if waiting:
                yield Said(waiting[0], number, EXAMPLES, text, waiting[1])
            else:
                fault = "translation without its example"
                yield Said(line, number, EXAMPLES, text, None, fault)
            waiting = None
    if waiting:
        yield Said(waiting[0], number, EXAMPLES, None, waiting[1])


def columns(path: Path) -> Iterator[dict[str, str]]:
    """The text of each headword, gloss and example by marker, `lx` or `ge`, for a look at it."""
    sides = {
        "lx": "lx",
        EXAMPLE: "lx",
        **{f"{kind}{end}": f"g{end}" for end in "enr" for kind in "gx"},
    }
    for _, marker, text in fields(path):
        if marker in sides and text:
            yield {sides[marker]: text}


def fields(path: Path) -> Iterator[tuple[int, str, str]]:
    """The line, the marker and the text of each field; a program may have broken its lines.

    Raises:
        InputError: the first line that is not blank is no field.
    """
    field: tuple[int, str, str] | None = None
    for number, line in enumerate(lines(path), 1):
        found = FIELD.fullmatch(line.strip())
        if found:
            if field:
                yield field
            field = (number, found[1], found[2] or "")
        elif field and line.strip():
            field = (field[0], field[1], f"{field[2]} {line.strip()}".strip())
        elif line.strip():
            raise InputError(
                f"{path}:{number} is no field of standard format; it begins with a marker, as \\lx"
            )
    if field:
        yield field
