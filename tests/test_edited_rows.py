"""The exact rows that `milpa diff` shows for every kind of edit, by stage, on a tiny project.

tests/test_edits.py says which stages of the real graph rerun for an edit; here four stages are
rerun, committed under git and DVC, and the rows that differ are asked for.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from corpus.diff import diff
from corpus.listing import Row, rows
from corpus.settings import Language
from tests.projects import Segment, begin, commit, grown

pytestmark = pytest.mark.slow
LANGUAGES = {"nah": Language("Nahuatl", ("nci",), "Latn", "spa_Latn", (), "nah")}
BOOK: list[Segment] = [
    ("axolotl", "a", "la casa", "in calli"),
    ("axolotl", "a", "el agua", "in ātl ihuan in tepētl"),
    ("axolotl", "b", "el perro", "in itzcuintli"),
    ("help", "x", "open", "faayilicha bani"),
    ("radio", "1", "hello", "ሰላም ዓለም እንዴት ነህ"),
    ("radio", "1", "ok", "ō"),  # too short: select drops it
]
CALLI, ATL, DOG, OPEN, HELLO, SHORT = (segment[3] for segment in BOOK)
Tables = dict[str, pa.Table]
Edit = Callable[[], Tables]
ROWS = ("gather", "clean", "split")  # stages whose tables hold texts
EVERY = ("gather", "clean", "select", "split")
KEPT = (CALLI, ATL, DOG, OPEN, HELLO)


def book(*changes: tuple[int, Segment | None]) -> list[Segment]:
    """The book with segments in the place of others; null: none."""
    edits = dict(changes)
    return [new for n, s in enumerate(BOOK) if (new := edits.get(n, s)) is not None]


def with_rows(change: Callable[[Row], Row | None], *names: str) -> Tables:
    """The tables with rows changed, or left out, in those of some names."""
    tables = grown(BOOK)
    for name in names:
        some = [change(row) for row in tables[name].to_pylist()]
        tables[name] = pa.Table.from_pylist([r for r in some if r], schema=tables[name].schema)
    return tables


def renamed(column: str, old: str, new: str) -> list[Segment]:
    """The book with an origin or document of another name."""
    place = ("origin", "document").index(column)
    return [
        (s[0] if place else new, new if place else s[1], *s[2:]) if s[place] == old else s
        for s in BOOK
    ]


def repaired(row: Row) -> Row:
    return {**row, "target": row["target"].replace("ሰላም", "ሰላም፣")}


def licensed(row: Row) -> Row:
    return {**row, "licence": "MPL-2.0"} if row["origin"] == "help" else row


def reworded(row: Row) -> Row:
    return row if row["kept"] else {**row, "reason": "too few letters"}


def measured(row: Row) -> Row:
    return {**row, "value": "9"}


def swapped() -> Tables:
    """Train and test exchanged."""
    tables = grown(BOOK)
    both = tables["split/test"].to_pylist(), tables["split/train"].to_pylist()
    for name, some in zip(("train", "test"), both, strict=True):
        lines = [{**row, "split": name} for row in some]
        tables[f"split/{name}"] = pa.Table.from_pylist(lines, schema=tables["split/test"].schema)
    return tables


def without_dog() -> Tables:
    """The tables where clean drops a row."""
    tables = grown(BOOK)
    gone = {r["id"] for r in tables["gather/rows"].to_pylist() if r["target"] == DOG}
    for name in ("clean/rows", "select/ledger", "split/train", "split/test"):
        some = [row for row in tables[name].to_pylist() if row["id"] not in gone]
        tables[name] = pa.Table.from_pylist(some, schema=tables[name].schema)
    book = [
        {**row, "kept": False, "reason": "markup"} if row["id"] in gone else row
        for row in tables["clean/ledger"].to_pylist()
    ]
    tables["clean/ledger"] = pa.Table.from_pylist(book, schema=tables["clean/ledger"].schema)
    return tables


def at(stages: tuple[str, ...], *lines: str) -> dict[str, set[str]]:
    """The same lines at some stages."""
    return {stage: set(lines) for stage in stages}


TEXTS = ("gather/rows", "clean/rows", "split/train", "split/test")
EDITS: dict[str, tuple[Edit, dict[str, set[str]]]] = {
    "nothing": (lambda: grown(BOOK), {}),
    "the order of rows": (lambda: grown(BOOK[::-1]), {}),
    "what was measured": (lambda: with_rows(measured, "select/ledger"), {}),
    "a row added": (
        lambda: grown([*BOOK, ("radio", "2", "night", "ሌሊት ነው")]), at(EVERY, "+ ሌሊት ነው")),
    "a row removed": (lambda: grown(book((2, None))), at(EVERY, f"- {DOG}")),
    "a short row removed": (
        lambda: grown(book((5, None))), at(("gather", "clean", "select"), f"- {SHORT}")),
    "a row twice": (lambda: grown([*BOOK, BOOK[3]]), at(EVERY, f"+ {OPEN}")),
    "a letter of a row": (
        lambda: grown(book((4, ("radio", "1", "hello", "ሰላም ዓለም እንዴት ነሽ")))), {
            **at(ROWS[:2], f"~ {HELLO} → ሰላም ዓለም እንዴት ነሽ: text by place"),
            "split": {f"~ {HELLO} → ሰላም ዓለም እንዴት ነሽ: text split by place"}}),  # by its new id
    "the pivot side of a row": (
        lambda: grown(book((1, ("axolotl", "a", "las aguas", ATL)))),
        at(ROWS, f"~ {ATL} → {ATL}: text by place")),
    "a row rewritten": (
        lambda: grown(book((2, ("axolotl", "b", "azul", "xoxoctic")))),
        at(EVERY, f"- {DOG}", "+ xoxoctic")),
    "a row respelled and moved": (
        lambda: grown(book((0, ("other", "z", "la casa", "in kalli")))), {
            **at(ROWS[:2], f"~ {CALLI} → in kalli: text place by key"),
            "split": {f"~ {CALLI} → in kalli: text split place by key"}}),
    "an origin renamed": (
        lambda: grown(renamed("origin", "axolotl", "books")), {
            **at(ROWS[:2], *(f"~ {t} → {t}: place by text" for t in (CALLI, ATL, DOG))),
            "split": {f"~ {CALLI} → {CALLI}: place by text",
                      *(f"~ {t} → {t}: split place by text" for t in (ATL, DOG))}}),
    "a document renamed": (
        lambda: grown(renamed("document", "b", "c")), at(ROWS, f"~ {DOG} → {DOG}: place by id")),
    "a licence": (
        lambda: with_rows(licensed, *TEXTS), at(ROWS, f"~ {OPEN} → {OPEN}: licence by id")),
    "a variety's code": (
        lambda: grown(BOOK, variety="azz_Latn"), {
            **at(ROWS[:2], *(f"~ {t} → {t}: language by id" for t in (*KEPT, SHORT))),
            **at(ROWS[2:], *(f"~ {t} → {t}: language by id" for t in KEPT))}),
    "a repair": (
        lambda: with_rows(repaired, *TEXTS[1:]),
        at(ROWS[1:], f"~ {HELLO} → ሰላም፣ ዓለም እንዴት ነህ: text by id")),
    "a row that clean drops": (
        without_dog, {
            "clean": {f"~ {DOG} → {DOG}: text language decision place licence values by id"},
            **at(("select", "split"), f"- {DOG}")}),
    "a limit raised": (
        lambda: grown(BOOK, 15), {
            "select": {f"~ {t} → {t}: decision by id" for t in (CALLI, DOG)},
            "split": {f"- {t}" for t in (CALLI, DOG)}}),
    "a limit lowered": (
        lambda: grown(BOOK, 1), {
            "select": {f"~ {SHORT} → {SHORT}: decision by id"}, "split": {f"+ {SHORT}"}}),
    "a rule's name": (
        lambda: with_rows(reworded, "select/ledger"),
        at(("select",), f"~ {SHORT} → {SHORT}: decision by id")),
    "train and test exchanged": (
        swapped, at(("split",), *(f"~ {t} → {t}: split by id" for t in KEPT))),
}  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the version `before`, and one for each edit of it."""
    folder = tmp_path_factory.mktemp("rows") / "project"
    begin(folder)
    commit(folder, "before", grown(BOOK))
    for number, (edit, _) in enumerate(EDITS.values()):
        commit(folder, f"edit{number}", edit())
    return folder


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_shows_these_rows_and_no_more(
    name: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    tag = f"edit{[*EDITS].index(name)}"
    with diff(Path(), ("before", tag), None, LANGUAGES) as made:
        listed = [row for stage in made.shown for row in rows(made.found, stage, None)]
    shown = [(row["stage"], told(row)) for row in listed]
    assert sorted(shown) == sorted(as_pairs(EDITS[name][1]))


def as_pairs(expected: dict[str, set[str]]) -> Iterator[tuple[str, str]]:
    for stage, lines in expected.items():
        yield from ((stage, line) for line in lines)


def told(row: Row) -> str:
    """A row that differs in one line."""
    old, new = ((row[side] or {}).get("target") for side in ("old", "new"))
    if row["kind"] != "changed":
        return f"+ {new}" if row["kind"] == "added" else f"- {old}"
    return f"~ {old} → {new}: {' '.join(row['aspects'])} by {row['how']}"
