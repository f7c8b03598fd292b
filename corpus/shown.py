"""The rows that differ as people and programs get them: side by side, JSON and CSV."""

import csv
import io
import json
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import regex

from corpus.diff import Diff, causes, diff, lines, step, tree
from corpus.diff_page import write_page
from corpus.listing import SIDES, Row, pieces, rows
from corpus.settings import Languages

MOST_SHOWN = 20  # rows of a stage in the terminal
MOST_ON_PAGE = 2000

UNSEEN = regex.compile(r"[\p{C}\p{Z}]")
MARKS = {"old": ("[-", "-]", "red"), "new": ("{+", "+}", "green")}
FIELDS = ("origin", "document", "position", "language", "split", "licence")
COLUMNS = (
    *("stage", "kind", "aspects", "how", "first", "causes"),
    *(
        f"{side}_{name}"
        for name in ("id", "source", "target", "source_language", *FIELDS, "kept", "reason")
        for side in ("old", "new")
    ),
)


@dataclass(frozen=True)
class Form:
    """How the answer is wanted."""

    kind: str  # text, json or csv
    listed: bool  # rows too
    page: Path | None  # where a page is written
    most: int | None  # rows of a stage; null: the form's own


def answer(
    names: tuple[str, str], stage: str | None, known: Languages, form: Form
) -> Iterator[str]:
    """What differs between two versions of the project in this folder, line by line.

    Raises:
        InputError: a version or the stage is unknown, or its data cannot be had.
    """
    with diff(Path(), names, stage, known) as made:
        if form.page:
            write_page(made, form.page, MOST_ON_PAGE if form.most is None else form.most)
            yield f"{form.page} written"
        elif form.kind == "json":
            yield from as_json(made, form.listed, form.most)
        elif form.kind == "csv":
            yield from as_csv(made, form.most)
        else:
            yield from lines(made)
            if form.listed:
                yield from side_by_side(made, MOST_SHOWN if form.most is None else form.most)


def side_by_side(made: Diff, most: int) -> Iterator[str]:
    """Rows that differ, old above new, with the characters marked that differ."""
    for stage in made.shown:
        counts = made.found.counts[stage]
        total = counts.added + counts.removed + counts.changed
        if total:
            yield f"\nrows of {stage}"
        for row in rows(made.found, stage, most):
            yield from one(row)
        if total > most:
            yield f"  and {total - most:,} more; --most {total} shows all, --csv lists them"


def one(row: Row) -> Iterator[str]:
    """A row that differs in lines."""
    old, new = row["old"] or {}, row["new"] or {}
    ids = step(old.get("id"), new.get("id"))
    how = "" if row["how"] == "id" else f", taken for one row by {row['how']}"
    what = f" in {', '.join(row['aspects'])}" if row["aspects"] else ""
    since = "" if row["first"] == row["stage"] else f", with {row['first']}"
    yield f"  {row['kind']}{what}  {ids}{how}{since}"
    for name in ("origin", "document", "position", "language", "split", "licence", "decision"):
        values = decision(old, new) if name == "decision" else (old.get(name), new.get(name))
        both = [None if value is None else str(value) for value in values]
        if both[0] != both[1] and (all(both) or name in ("origin", "language", "decision")):
            yield f"    {name}: {step(*both)}"
    for side in SIDES:
        yield from marked(side, old.get(side), new.get(side))


def decision(old: Row, new: Row) -> tuple[str | None, ...]:
    """What a stage decided of a row in both versions; null where it decides nothing."""
    return tuple(
        None if side.get("kept") is None else "kept" if side["kept"] else side["reason"]
        for side in (old, new)
    )


def marked(side: str, old: str | None, new: str | None) -> Iterator[str]:
    """A side of a row, once where it is the same, else old above new with what differs marked.

    >>> list(map(click.unstyle, marked("target", "in kalli", "in calli")))
    ['    - in [-k-]alli', '    + in {+c+}alli']
    """
    if old is None or new is None or old == new:
        text = new if old is None else old
        if text is not None:
            sign = " " if old == new else "+" if old is None else "-"
            yield f"    {sign} {visible(text)}"
        return
    cut = pieces(old, new)
    for sign, number, which in (("-", 0, "old"), ("+", 1, "new")):
        left, right, colour = MARKS[which]
        shown = [
            visible(piece[number])
            if piece[0] == piece[1] or not piece[number]
            else click.style(f"{left}{visible(piece[number], alike(*piece))}{right}", fg=colour)
            for piece in cut
        ]
        yield f"    {sign} {''.join(shown)}"


def alike(old: str, new: str) -> bool:
    """Whether a reader sees no difference: code points are shown then."""
    old, new = (unicodedata.normalize("NFKC", text) for text in (old, new))
    return bool(UNSEEN.sub("", old) == UNSEEN.sub("", new))


def visible(text: str, whole: bool = False) -> str:
    r"""A text as one line that a terminal obeys in nothing; `whole`: all as code points.

    >>> visible("in\tcalli"), visible("\u200b", whole=True)
    ('in\\tcalli', 'U+200B')
    """
    if whole:
        return " ".join(f"U+{ord(letter):04X}" for letter in text)
    return "".join(
        letter.encode("unicode_escape").decode("ascii")
        if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")
        else letter
        for letter in text
    )


def as_json(made: Diff, listed: bool, most: int | None) -> Iterator[str]:
    """The diff as one JSON object, a line for each row if they are asked for."""
    whole = json.dumps(tree(made), ensure_ascii=False, indent=1, sort_keys=False)
    if not listed:
        yield whole
        return
    yield whole.rstrip().removesuffix("}").rstrip() + ',\n "rows": ['
    ahead = ""
    for row in every(made, most):
        if ahead:
            yield f"{ahead},"
        ahead = f"  {json.dumps(row, ensure_ascii=False)}"
    yield f"{ahead}\n ]\n}}".lstrip("\n")


def every(made: Diff, most: int | None) -> Iterator[Row]:
    """The rows that differ, of all stages that were asked for; `most` of a stage, or all."""
    for stage in made.shown:
        yield from rows(made.found, stage, most)


def as_csv(made: Diff, most: int | None) -> Iterator[str]:
    """A line for each row that differs, under a head."""
    yield line(COLUMNS)
    known: dict[tuple[str, str, str | None], str] = {}
    for row in every(made, most):
        sides = {"old": row["old"] or {}, "new": row["new"] or {}}
        reason = sides["new"].get("reason") or row["note"]
        key = (row["stage"], row["first"], reason)
        if key not in known:
            found = causes(made, row["stage"], row["first"], reason)
            known[key] = "; ".join(difference.line() for difference in found)
        values: dict[str, object] = {
            **{name: row[name] for name in ("stage", "kind", "how", "first")},
            "aspects": " ".join(row["aspects"]),
            "causes": known[key],
        }
        for side, found_side in sides.items():
            values |= {f"{side}_{name}": value for name, value in found_side.items()}
        yield line([values.get(name) for name in COLUMNS])


def line(values: Iterable[object]) -> str:
    """A line of CSV without its end."""
    file = io.StringIO()
    csv.writer(file, lineterminator="").writerow(["" if v is None else v for v in values])
    return file.getvalue()
