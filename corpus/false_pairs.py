"""Pairs whose sides do not translate each other, made of pairs that do: what a classifier needs.

What is planted, and of which other row, follows from ids and a seed alone: the same corpus is
planted alike on every machine. No near-duplicate of a row lends it a false partner.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import NamedTuple

from corpus.pairs import Pair
from corpus.table import place

SHORTEST = 4  # words of a text that is cut; characters, where nothing parts words
LEAST, MOST = 0.3, 0.7  # share of a cut text that stays
KINDS = (
    "neighbour",  # the target of the document's next pair that is planted with it: some rows on
    "random",  # the target of any other pair
    "cut source",  # its beginning or its end is missing
    "cut target",
    "swapped",
    "untranslated",  # the source stands in the target's place
    "foreign",  # the target is in another language, or the source of another pair
)


class Row(NamedTuple):
    """A pair with what planting looks at."""

    id: str
    source: str
    target: str
    document: str
    position: int
    group: str  # of near-duplicates


class Planted(NamedTuple):
    """A false pair."""

    kind: str
    row: int  # that it was made of
    pair: Pair


class Field(NamedTuple):
    """The rows that false pairs are made of, and who lends whom a side."""

    rows: Sequence[Row]
    next_of: dict[int, int]  # within the document
    other_of: dict[int, int]
    foreign: Sequence[str]
    seed: str


def planted(rows: Sequence[Row], foreign: Sequence[str], copies: int, seed: str) -> list[Planted]:
    """For each row `copies` false pairs, each of a kind drawn by hash.

    A text too short to be cut, or without a neighbour, gets a random target instead; a row whose
    like are all there is gets none.

    Args:
        foreign: texts of other languages; may be empty.
    """
    by_place = sorted(range(len(rows)), key=lambda n: (place(seed, rows[n].id), rows[n].id))
    by_document = sorted(
        range(len(rows)), key=lambda n: (rows[n].document, rows[n].position, rows[n].id)
    )
    near: dict[int, int] = {}
    for _, members in groupby(by_document, key=lambda n: rows[n].document):
        near |= following(rows, list(members))
    field = Field(rows, near, following(rows, by_place), foreign, seed)
    tries = ((n, copy) for n in range(len(rows)) for copy in range(copies))
    return [false for n, copy in tries if (false := plant(field, n, copy))]


def following(rows: Sequence[Row], order: list[int]) -> dict[int, int]:
    """The next row in a circle that is no near-duplicate, of each row that has one."""
    found: dict[int, int] = {}
    last = None
    for n in reversed(order + order):
        if last is not None and rows[last].group != rows[n].group:
            found[n] = last
        elif last is not None and last in found:
            found[n] = found[last]
        last = n
    return found


def plant(field: Field, n: int, copy: int) -> Planted | None:
    """One false pair of a row."""
    row = field.rows[n]
    draw = place(field.seed, row.id, str(copy))
    kind = KINDS[int(draw * len(KINDS))]
    pair = MAKERS[kind](field, n, draw * len(KINDS) % 1)
    if pair is None and kind != "random":
        kind, pair = "random", misaligned(field, n, draw)
    return None if pair is None else Planted(kind, n, pair)


def neighbour(field: Field, n: int, draw: float) -> Pair | None:
    """The source with the target of the next pair."""
    other = field.next_of.get(n)
    return None if other is None else (field.rows[n].source, field.rows[other].target)


def misaligned(field: Field, n: int, draw: float) -> Pair | None:
    """The source with the target of another pair."""
    other = field.other_of.get(n)
    return None if other is None else (field.rows[n].source, field.rows[other].target)


def cut_source(field: Field, n: int, draw: float) -> Pair | None:
    """A part of the source with the whole target."""
    part = cut(field.rows[n].source, draw)
    return None if part is None else (part, field.rows[n].target)


def cut_target(field: Field, n: int, draw: float) -> Pair | None:
    """The whole source with a part of the target."""
    part = cut(field.rows[n].target, draw)
    return None if part is None else (field.rows[n].source, part)


def cut(text: str, draw: float) -> str | None:
    """The beginning or the end of a text; null where it is too short.

    >>> cut("in tlahtolli in cuicatl", 0.0), cut("in tlahtolli in cuicatl", 0.999)
    ('in', 'tlahtolli in cuicatl')
    """
    words: Sequence[str] = text.split()
    glue = " "
    if len(words) < SHORTEST:
        words, glue = text, ""
    if len(words) < (SHORTEST if glue else 2 * SHORTEST):
        return None
    size = round(len(words) * (LEAST + (MOST - LEAST) * (draw * 2 % 1)))
    return glue.join(words[:size] if draw < 0.5 else words[-size:])


def swapped(field: Field, n: int, draw: float) -> Pair:
    """The sides changed about."""
    return field.rows[n].target, field.rows[n].source


def untranslated(field: Field, n: int, draw: float) -> Pair:
    """The source on both sides."""
    return field.rows[n].source, field.rows[n].source


def foreign(field: Field, n: int, draw: float) -> Pair | None:
    """The source with text of another language, or with another source."""
    if field.foreign and draw < 0.5:
        return field.rows[n].source, field.foreign[int(draw * 2 * len(field.foreign))]
    other = field.other_of.get(n)
    return None if other is None else (field.rows[n].source, field.rows[other].source)


MAKERS: dict[str, Callable[[Field, int, float], Pair | None]] = dict(
    zip(
        KINDS,
        (neighbour, misaligned, cut_source, cut_target, swapped, untranslated, foreign),
        strict=True,
    )
)
