"""`milpa diff --html`: one page that opens offline, its rows sortable and searchable."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from corpus.causes import Difference
from corpus.diff import BY, KINDS, Diff, causes, sources, tally
from corpus.listing import SIDES, Row, pieces, rows
from corpus.table import InputError

TEMPLATES = Path(__file__).parent / "templates"
EDGES = (0, 10, 20, 40, 80, 160, 320, 640)  # of lengths in characters
BIN = " + ".join(f"(length(target) >= {edge})::int" for edge in EDGES[1:])
PICTURES = {  # a distribution: the kind of table, and what rows are counted by
    "variety": ("rows", "language"),
    "origin": ("rows", "origin"),
    "split": ("rows", "split"),
    "verdict": ("ledger", "case when kept then 'kept' else reason end"),
    "length of the target, characters": ("rows", BIN),
}
MOST_BARS = 25
Picture = dict[str, Any]


def write_page(made: Diff, path: Path, most: int) -> None:
    """Write the page; it appears whole or not.

    Args:
        most: rows of a stage on it.
    """
    facts = {
        "diff": made,
        "kinds": KINDS,
        "stages": [stage_facts(made, stage) for stage in made.shown],
        "missing": made.found.missing,
        "listed": escaped([brief(made, row) for s in made.shown for row in listed(made, s, most)]),
        "most": most,
    }
    text = environment().get_template("diff.html.j2").render(facts)
    if not path.resolve().parent.is_dir():
        raise InputError(f"{path.parent} does not exist; make the folder first")
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, "utf-8")
    partial.replace(path)


def environment() -> Environment:
    """Where the template is found; what it lacks is an error."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def stage_facts(made: Diff, stage: str) -> Row:
    """What the page says of a stage."""
    counts = made.found.counts[stage]
    facts: Row = {"name": stage, "counts": counts, "pictures": [], "kinds": {}, "why": []}
    if counts.same:
        return facts
    some = made.groups[stage]
    facts["kinds"] = {
        kind: {
            name: tally(
                [g for g in some if g["kind"] == kind], name, kind == "changed"
            ).most_common()
            for name in BY
        }
        for kind in KINDS
    }
    facts["why"] = [*reasons(made, stage)]
    facts["pictures"] = pictures(made, stage)
    return facts


def reasons(made: Diff, stage: str) -> list[tuple[str, list[Difference]]]:
    """How many rows changed with what, and what may have caused it."""
    found = []
    for first, decisions in sources(made.groups[stage]).items():
        top = decisions.most_common(1)[0][0]
        where = f"with {first}, where they differ first" if first else "here first"
        found.append((f"{sum(decisions.values()):,} rows {where}", causes(made, stage, first, top)))
    values = made.found.counts[stage].values
    if values:
        found.append((f"{values:,} rows in values alone", causes(made, stage, None, None)))
    return found


def pictures(made: Diff, stage: str) -> list[Picture]:
    """The distributions of a stage before and after, those that it has."""
    tables = [version.tables(stage) for version in (made.found.old, made.found.new)]
    found = []
    for title, (kind, column) in PICTURES.items():
        sides = [counted(made.found.db, paths.get(kind, []), column) for paths in tables]
        if all(side is not None for side in sides):
            found.append(picture(title, *(side or Counter() for side in sides)))
    return [shape for shape in found if len(shape["bars"]) > 1]


def counted(db: duckdb.DuckDBPyConnection, paths: list[str], column: str) -> Counter[str] | None:
    """Rows by the values of a column; null where the table has no such column."""
    if not paths:
        return None
    query = f"select {column} as value, count(*) from read_parquet($1) group by value"
    try:
        lines = db.execute(query, [paths]).fetchall()
    except duckdb.BinderException:
        return None
    return Counter({"none" if value is None else str(value): count for value, count in lines})


def picture(title: str, old: Counter[str], new: Counter[str]) -> Picture:
    """Bars of a distribution, before and after, longest first; lengths in their order."""
    if title.startswith("length"):
        names = sorted(old | new, key=lambda name: (name == "none", name))
        label = {str(n): span(n) for n in range(len(EDGES))} | {"none": "no target"}
    else:
        names = sorted(old | new, key=lambda name: (-max(old[name], new[name]), name))
        label = {name: name for name in names}
    most = max([1, *old.values(), *new.values()])
    bars = [
        {
            "label": label[name],
            "old": old[name],
            "new": new[name],
            "old_width": round(100 * old[name] / most, 2),
            "new_width": round(100 * new[name] / most, 2),
        }
        for name in names
    ]
    return {"title": title, "bars": bars[:MOST_BARS], "more": len(bars[MOST_BARS:])}


def span(place: int) -> str:
    """The name of a bin of lengths.

    >>> span(0), span(7)
    ('0–9', '640 and more')
    """
    if place == len(EDGES) - 1:
        return f"{EDGES[-1]} and more"
    return f"{EDGES[place]}–{EDGES[place + 1] - 1}"


def listed(made: Diff, stage: str, most: int) -> list[Row]:
    """The rows of a stage that the page lists."""
    counts = made.found.counts[stage]
    return [] if counts.same else list(rows(made.found, stage, most))


def brief(made: Diff, row: Row) -> list[Any]:
    """A row as the page's script reads it."""
    old, new = row["old"] or {}, row["new"] or {}
    either = new or old
    reason = new.get("reason") or row["note"]
    why = causes(made, row["stage"], row["first"], reason)
    return [
        row["stage"],
        row["kind"],
        ", ".join(row["aspects"]),
        "\n".join(dict.fromkeys(side["id"] for side in (old, new) if side)),
        row["how"],
        either.get("origin") or "",
        either.get("language") or "",
        words(old),
        words(new),
        [cut(old.get(side), new.get(side)) for side in SIDES],
        row["first"] if row["first"] != row["stage"] else "",
        why[0].line() if why else "",
    ]


def words(side: Row) -> str:
    """Where a row is, or why it is not kept."""
    kept = side.get("kept")
    said = None if kept is None else "kept" if kept else side["reason"]
    return ", ".join(word for word in (side.get("split"), said) if word)


def cut(old: str | None, new: str | None) -> list[list[str]]:
    """A side of a row in pieces: one text where it is the same, two where it differs."""
    if old is None or new is None:
        return [[old or "", new or ""]] if old or new else []
    return [[a] if a == b else [a, b] for a, b in pieces(old, new)]


def escaped(value: object) -> str:
    """JSON that can stand in a script: no text in it ends the script or opens a comment."""
    return (
        json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        .replace("<", "\\u003c")
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029")
    )
