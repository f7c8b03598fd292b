"""Expressions that no method may translate, reword or respell: idioms, names, sacred words.

A team keeps them in augment/protected/<language>.tsv, in git: one expression a line, after a tab a
note for people. An expression is found as whole words, whatever their case and spacing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import regex

from corpus.table import InputError

Span = tuple[int, int]  # of characters
Row = dict[str, Any]
HEADER = "expression\tnote"
BEFORE, AFTER = r"(?<![\p{L}\p{M}\p{N}])", r"(?![\p{L}\p{M}\p{N}])"


class Protected(NamedTuple):
    """The expressions of one language."""

    expressions: tuple[str, ...]  # longest first
    pattern: regex.Pattern[str] | None  # null: none is kept

    def spans(self, text: str) -> list[Span]:
        """Where protected expressions stand in the text, in order."""
        return [found.span() for found in self.pattern.finditer(text)] if self.pattern else []

    def found(self, text: str) -> list[str]:
        """The protected expressions of the text, as it writes them."""
        return [text[start:end] for start, end in self.spans(text)]

    def listed(self, text: str) -> list[str]:
        """The protected expressions of the text, in order, as the list has them."""
        if self.pattern is None:
            return []
        found = (match.lastindex or 1 for match in self.pattern.finditer(text))
        return [self.expressions[number - 1] for number in found]


def load(folder: Path, language: str) -> Protected:
    """The expressions that a team keeps for a language; none where it has no file.

    Raises:
        InputError: the file lacks its header, or a line its expression.
    """
    path = folder / f"{language}.tsv"
    if not path.exists():
        return protected(())
    header, *lines = path.read_text("utf-8").splitlines() or [""]
    if header.split("\t")[0] != "expression":
        raise InputError(f"{path}: the first line must be {HEADER!r}, got {header!r}")
    expressions = [line.split("\t")[0].strip() for line in lines]
    if "" in expressions:
        raise InputError(f"{path}: line {expressions.index('') + 2} has no expression")
    return protected(expressions)


def protected(expressions: Sequence[str]) -> Protected:
    """The expressions, ready to be looked for; the longest of those that overlap is found."""
    longest = tuple(sorted(set(expressions), key=lambda text: (-len(text), text)))
    if not longest:
        return Protected((), None)
    either = "|".join("(" + r"\s+".join(map(regex.escape, text.split())) + ")" for text in longest)
    return Protected(longest, regex.compile(f"{BEFORE}(?:{either}){AFTER}", regex.IGNORECASE))


def lost(parent: str, made: str, known: Protected) -> list[str]:
    """The protected expressions of the parent that a made text has not, or not as often."""
    return list((Counter(known.listed(parent)) - Counter(known.listed(made))).elements())


def intact(
    parents: Iterable[Row], made: Iterable[Row], sides: tuple[str, str], known: Protected
) -> tuple[list[Row], dict[str, dict[str, int]]]:
    """The made rows that hold each protected expression of their parent, and what became of each.

    Args:
        sides: the side of the parent that was read, and the side of the row that was made of it.

    Returns:
        Beside the rows, by expression as the list has it: rows in which it was `kept` as it was,
        and those `left_out` for the loss of it or of another one.
    """
    texts = {row["id"]: row[sides[0]] or "" for row in parents}
    safe: list[Row] = []
    kept, left_out = Counter[str](), Counter[str]()
    for row in made:
        parent = texts[row["parent"]]
        gone = lost(parent, row[sides[1]] or "", known)
        (left_out if gone else kept).update({*known.listed(parent)})
        safe += [] if gone else [row]
    names = sorted({*kept, *left_out})
    return safe, {name: {"kept": kept[name], "left_out": left_out[name]} for name in names}


def outside(text: str, known: Protected, change: Callable[[str], str]) -> str:
    """The text changed where no protected expression stands; each part between is changed alone."""
    parts, end = [], 0
    for start, stop in known.spans(text):
        parts += [change(text[end:start]), text[start:stop]]
        end = stop
    return "".join([*parts, change(text[end:])])
