"""Names and numbers swapped on both sides of a pair together, so that it stays a translation.

A number that both sides have equally often, in whatever digits, gives way to another of its shape
and range (augment/numerals.py); a name that both sides have to another that the training split
writes on both sides and that stands in like company there (augment/names.py). What is repeated is
replaced by the same each time.

    swapped(rows, Tool(names, guard), params) -> Made

Source: after Fadaee et al. 2017, https://aclanthology.org/P17-2090, for names and numbers only.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Literal, NamedTuple

import pyarrow as pa

from augment.made import Guard, Made, Patch, gathered, guard, patched
from augment.making import Row, chance, child, lowest, pairs_of, share_of
from augment.names import Found, Names, Naming, find, learned
from augment.numerals import NUMBER, RUN, drawn, plain_digits, rewritten
from augment.protected import Span
from corpus.settings import Languages, rows_of, settings
from corpus.stage import Output, run
from corpus.table import SYNTHETIC, canonical, digest

METHOD = "swap"
SIDES: tuple[Literal["source"], Literal["target"]] = ("source", "target")
Places = tuple[list[Span], list[Span]]  # in the source, in the target
Patches = tuple[list[Patch], list[Patch]]


@settings
class Swap:
    """What is swapped, in how many rows."""

    most_rows: int  # tried per language, chosen by hash of the id; 0: none
    what: tuple[Literal["numbers", "names"], ...]
    names: Naming

    def __post_init__(self) -> None:
        if self.most_rows < 0:
            raise ValueError(f"most_rows must be at least 0, got {self.most_rows}")
        if not self.what:
            raise ValueError("what must name 'numbers', 'names' or both")


class Tool(NamedTuple):
    """What the method knows of a language."""

    names: Names
    guard: Guard


def swap(  # noqa: PLR0913
    train: pa.Table,
    protected: Path,
    monolingual_share: str,
    params: Swap,
    active: tuple[str, ...],
    languages: Languages,
) -> Output:
    """Rows with other names and numbers, for training pairs whose source is not held back."""
    share = share_of(monolingual_share)
    rows, report = [], {}
    for key, human in rows_of(train, active, languages).items():
        pairs = pairs_of(human, share)
        chosen = lowest(pairs, params.most_rows, METHOD)
        if chosen:
            tool = Tool(learned(pairs, params.names), guard(protected, key, languages[key]))
            made = swapped(chosen, tool, params)
            rows += made.rows
            report[key] = {**made.report(), "names": len(tool.names.peers)}
    table = canonical(pa.Table.from_pylist(rows, schema=SYNTHETIC))
    return Output({"rows": table}, {"languages": report})


def swapped(rows: Sequence[Row], tool: Tool, params: Swap) -> Made:
    """The rows with other names and numbers on both sides."""
    return gathered(rows, (changed(row, tool, params) for row in rows), tool.guard)


def changed(row: Row, tool: Tool, params: Swap) -> Row | str:
    """The row with other names and numbers, or why it has none."""
    if not (row["source"] and row["target"]):
        return "one side only"
    random = chance(METHOD, row["id"])
    kept = tool.guard.source.spans(row["source"]), tool.guard.target.spans(row["target"])
    found = find(row, tool.names) if "names" in params.what else []
    open_names = [name for name in found if outside(name, kept)]
    shared = numbers(row, kept) if "numbers" in params.what else ([], [])
    if not (open_names or shared[0]):
        return "no name or number on both sides"
    new = renamed(row, open_names, tool.names, random), renumbered(row, shared, random)
    patches = [one + other for one, other in zip(*new, strict=True)]
    if not any(patches):
        return "nothing to put in their place"
    sides = {side: patched(row[side], more) for side, more in zip(SIDES, patches, strict=True)}
    engine = f"{METHOD}@{digest(tool.names.name, *params.what)}"
    return child(row, METHOD, engine, **sides)


def outside(name: Found, kept: Places) -> bool:
    """Whether a name touches no protected expression."""
    return not any(
        start < stop and begin < end
        for mine, spans in zip(name[1:], kept, strict=True)
        for start, end in mine
        for begin, stop in spans
    )


def renamed(row: Row, found: Iterable[Found], names: Names, random: Random) -> Patches:
    """Each name of the row as another, which the row has not yet."""
    patches: Patches = ([], [])
    present = f"{row['source']} {row['target']}".casefold()
    for name, *places in found:
        able = [
            other
            for other in names.peers.get(name.source, ())
            if not any(text.casefold() in present for text in other)
        ]
        if able:
            new = random.choice(able)
            present += f" {new.source} {new.target}".casefold()
            for side, text, stretches in zip(patches, new, places, strict=True):
                side += [Patch(start, end, text) for start, end in stretches]
    return patches


def numbers(row: Row, kept: Places) -> Places:
    """The numbers that both sides have equally often, none of them in a protected expression."""
    found = [list(NUMBER.finditer(row[side])) for side in SIDES]
    counts = [Counter(plain_digits(match[0]) for match in matches) for matches in found]
    held = {
        plain_digits(match[0])
        for matches, spans in zip(found, kept, strict=True)
        for match in matches
        if any(match.start() < stop and begin < match.end() for begin, stop in spans)
    }
    shared = {text for text, n in counts[0].items() if n == counts[1][text]} - held
    source, target = (
        [match.span() for match in matches if plain_digits(match[0]) in shared] for matches in found
    )
    return source, target


def renumbered(row: Row, shared: Places, random: Random) -> Patches:
    """Each shared number as another; equal runs of digits become equal ones."""
    texts = [
        [row[side][slice(*place)] for place in places]
        for side, places in zip(SIDES, shared, strict=True)
    ]
    digits = dict.fromkeys(part for text in texts[0] for part in RUN.findall(plain_digits(text)))
    new: dict[str, str] = {}
    for part in digits:
        new[part] = drawn(part, random, {*digits, *new.values()})
    patches = [
        [
            Patch(*place, rewritten(text, new))
            for place, text in zip(places, sides, strict=True)
            if rewritten(text, new) != text
        ]
        for places, sides in zip(shared, texts, strict=True)
    ]
    return patches[0], patches[1]


if __name__ == "__main__":
    run(swap, Swap)
