"""What a method that changes words hands back: its rows, and what became of each that was tried.

Every such method is one function, (rows, tool, params) -> Made: plain rows in, whose source is null
where it is held back; a tool that was learned or loaded before (a lexicon, names, an engine's
answers), with the expressions that it must not touch; the settings of the method.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from augment.making import Row
from augment.protected import Protected, load, lost
from corpus.settings import Language

LOST = "a protected expression would be lost"


class Guard(NamedTuple):
    """The protected expressions of both sides."""

    source: Protected
    target: Protected

    def found(self, row: Row) -> list[str]:
        """Those of a row, as it writes them."""
        return self.source.found(row["source"] or "") + self.target.found(row["target"] or "")

    def lost(self, parent: Row, row: Row) -> list[str]:
        """Those of the parent that the row has no more."""
        return [
            text
            for known, side in zip(self, ("source", "target"), strict=True)
            for text in lost(parent[side] or "", row[side] or "", known)
        ]


class Patch(NamedTuple):
    """A stretch of a text, as characters, and what is put there."""

    start: int
    end: int
    text: str


class Made(NamedTuple):
    """The rows that a method made, and its figures."""

    rows: list[Row]
    outcome: Counter[str]  # of the rows tried: kept, or why no row came of them
    protected: Counter[str]  # expressions kept; rows with one that were left alone

    def report(self) -> dict[str, Any]:
        """The figures as a stage reports them."""
        return {
            "tried": self.outcome.total(),
            "outcome": self.outcome,
            "protected": {name: self.protected[name] for name in ("kept", "rows_left_alone")},
        }


def guard(folder: Path, key: str, language: Language) -> Guard:
    """What a team protects in a language and in its pivot."""
    return Guard(load(folder, language.pivot), load(folder, key))


def gathered(parents: Sequence[Row], outcomes: Iterable[Row | str], guard: Guard) -> Made:
    """The rows that came of the parents, the others counted by the reason that stands for them.

    A row that lost a protected expression on the way does not count as made.
    """
    made = Made([], Counter(), Counter(kept=0, rows_left_alone=0))
    for parent, new in zip(parents, outcomes, strict=True):
        expressions = len(guard.found(parent))
        if isinstance(new, dict) and guard.lost(parent, new):
            new = LOST
        if isinstance(new, dict):
            made.rows.append(new)
            made.outcome["kept"] += 1
            made.protected["kept"] += expressions
        else:
            made.outcome[new] += 1
            made.protected["rows_left_alone"] += bool(expressions)
    return made


def patched(text: str, patches: Iterable[Patch]) -> str:
    """The text with each patch in place; none overlaps another.

    >>> patched("in calli huey", [Patch(3, 8, "chantli")])
    'in chantli huey'
    """
    for start, end, new in sorted(patches, reverse=True):
        text = text[:start] + new + text[end:]
    return text
