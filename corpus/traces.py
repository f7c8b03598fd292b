"""Proof that nothing of what was taken down is left: every table and text of a project is searched.

Tables are searched by row (names, keys, parents), and the text of every file by key: each field as
a whole, and parts of it where the request asked so. In files that are no tables (reports, cards)
parts are looked for of every text that has LONG letters. What a row that nobody asked about says
too is no trace. Raw sources are the team's to edit: they are listed,
and so are old versions in DVC's cache, which `dvc gc` removes.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import regex

from corpus.affected import CACHE, cached, outs_of
from corpus.formats.record import OPENERS, plain
from corpus.project import LOCK, home
from corpus.settings import Languages
from corpus.table import letters_key, read
from corpus.taken import (
    REASON,
    Request,
    Taken,
    Told,
    lengths,
    parts_of,
    requests_of,
    taken,
    words_of,
)

LONG = 20  # letters; a shorter text stands inside others by chance
SHORT = 8  # letters; outside of tables a shorter field is a word or a code, unless it was asked for
PLACES = ("data", "models", "reports", "plots", "verdicts", "ratings")
SCRATCH = "scratch"  # at the repository's root: half-made models
RAW = ("data/raw", "data/fetch")
FIELD = regex.compile(r"[\n\t|<>\"]+")
ASKED = ("origin", "document", "language", "source", "target")


@dataclass(frozen=True)
class Search:
    """What is searched for, and what was found out about texts on the way."""

    known: Taken
    folds: tuple[str | None, ...]
    keys: frozenset[str]  # of whole fields
    parts: frozenset[str]  # of parts of fields
    sizes: tuple[int, ...]  # of those parts
    rows: frozenset[str]  # ids
    met: dict[str, bool] = field(default_factory=dict)  # a text: whether it is a trace


def search_for(requests: Iterable[Request], folds: Iterable[str | None]) -> Search:
    """A search for all that the list names, under these profiles."""
    known = taken(requests)
    keys = frozenset(key for one in known.requests for key in (*one.keys, *one.pivots))
    rows = frozenset(row for one in known.requests for row in one.rows)
    parts = frozenset(known.inside)
    return Search(known, tuple(folds), keys, parts, known.lengths, rows)


def keys_in(text: str, search: Search) -> Iterator[str]:
    """The keys searched for that a text is or holds."""
    for fold in search.folds:
        words = words_of(text, fold)
        if (key := letters_key("".join(words))) in search.keys:
            yield key
        for key in parts_of(words, search.sizes) if search.parts else ():
            if key in search.parts:
                yield key


def is_trace(text: str, search: Search) -> bool:
    """Whether a text is or holds something that was taken down."""
    if text not in search.met:
        search.met[text] = next(keys_in(text, search), None) is not None
    return search.met[text]


def outside_tables(search: Search) -> Search:
    """The search in running text: for parts too, but not for a row's text that is a mere word."""
    asked = {key for one in search.known.requests if one.what == "text" for key in one.keys}
    keys = {key for key in search.keys if key in asked or lengths([key])[0] >= SHORT}
    parts = search.parts | {key for key in keys if lengths([key])[0] >= LONG}
    return of_keys(search, keys, parts)


def without(search: Search, keys: Set[str]) -> Search:
    """The search for all but some keys."""
    return of_keys(search, search.keys - keys, search.parts - keys)


def of_keys(search: Search, keys: Iterable[str], parts: Iterable[str]) -> Search:
    """The search for other keys, with nothing found out yet."""
    wanted = frozenset(parts)
    return Search(search.known, search.folds, frozenset(keys), wanted, lengths(wanted), search.rows)


def fallen(rows: pa.Table, search: Search, languages: Languages, told: Told) -> list[bool]:
    """Which rows of a table fall under a request, or were made from one that does."""
    parents = rows.select([n for n in ("id", "parent", "others") if n in rows.column_names])
    under = []
    for row, made in zip(rows.select(ASKED).to_pylist(), parents.to_pylist(), strict=True):
        named = {made["id"], made.get("parent"), *(made.get("others") or ())} & search.rows
        asked = next(requests_of(row, search.known, languages, told), None)
        under.append(bool(named) or asked is not None)
    return under


def said_by_others(data: Path, search: Search, languages: Languages, told: Told) -> set[str]:
    """The keys that a gathered row says about which nobody asked."""
    folder = data / "gather" / "rows"
    if not any(folder.glob("*.parquet")):
        return set()
    rows = read(folder)
    gone = pa.array(fallen(rows, search, languages, told), pa.bool_())
    left = rows.filter(pc.invert(gone))
    texts = {text for side in ("source", "target") for text in left[side].to_pylist() if text}
    return {key for text in texts for key in keys_in(text, search)}


def texts_in(path: Path) -> Iterator[str]:
    """Every text of a file, field by field; none of one that is not text."""
    if is_table(path):
        for column in pq.read_table(path).columns:
            yield from strings(column)
        return
    with OPENERS.get(path.suffix, plain)(path) as file:
        content = file.read()
    text = content.decode("utf-8-sig", "replace")  # a bad byte hides one text
    if "\0" not in text:
        yield from fields(text, path.name.removesuffix(path.suffix * (path.suffix in OPENERS)))


def strings(column: pa.ChunkedArray) -> Iterator[str]:
    """The different texts of a column; none of one that holds no text."""
    if pa.types.is_list(column.type):
        column = pc.list_flatten(column)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        yield from (text for text in pc.unique(column).to_pylist() if text)


def fields(text: str, name: str) -> Iterator[str]:
    """The fields of a text file: of CSV and JSON as they say, else between lines, bars and tags."""
    try:
        if name.endswith((".csv", ".tsv")):
            mark = "\t" if name.endswith(".tsv") else ","
            for row in csv.reader(io.StringIO(text), delimiter=mark, strict=True):
                yield from row
            return
        if name.endswith(".json"):
            yield from leaves(json.loads(text))
            return
        if name.endswith(".jsonl"):
            for line in filter(str.strip, text.split("\n")):  # a text may hold other ends
                yield from leaves(json.loads(line))
            return
    except (csv.Error, ValueError, RecursionError):
        pass  # no such file after all: search it as plain text
    text = unescape(text)
    yield from FIELD.split(text)
    yield from (line for line in text.splitlines() if len(FIELD.split(line)) > 1)


def leaves(tree: Any) -> Iterator[str]:  # noqa: ANN401
    """The texts of a JSON tree, keys too."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield key
            yield from leaves(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from leaves(value)


def traces_in(paths: Iterable[Path], search: Search) -> dict[Path, int]:
    """How many texts of each file are traces; files without one are left out."""
    short, found = outside_tables(search), {}
    for path in paths:
        one = search if is_table(path) else short
        if count := sum(is_trace(text, one) for text in texts_in(path)):
            found[path] = count
    return found


def is_table(path: Path) -> bool:
    """Whether a file is Parquet, by its first bytes: in DVC's cache it has no ending."""
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def files_of(root: Path, places: Iterable[str]) -> list[Path]:
    """The files of a project's folders, sorted."""
    folders = [root / place for place in places]
    return sorted(
        path
        for folder in folders
        for path in ([folder] if folder.is_file() else folder.rglob("*"))
        if path.is_file()
    )


def fallen_rows(root: Path, search: Search, languages: Languages, told: Told) -> dict[Path, int]:
    """How many rows of each table fall under a request or were made of such a row."""
    found = {}
    for path in files_of(root, ("data",)):
        if path.suffix == ".parquet":
            names = pq.read_schema(path).names
            if {"id", *ASKED} <= set(names):
                table = pq.read_table(
                    path, columns=[n for n in (*ASKED, "id", "parent", "others") if n in names]
                )
                if count := sum(fallen(table, search, languages, told)):
                    found[path] = count
    return found


def old_versions(root: Path) -> list[Path]:
    """The files in DVC's cache that the versions of this run do not use, of any project."""
    top = home(root).root
    lock, cache = top / LOCK, top / CACHE
    used: set[Path] = set()
    for md5 in outs_of(lock.read_text("utf-8"), None).values() if lock.exists() else ():
        listed = cached(root, md5)
        used |= {cache / md5[:2] / md5[2:], *(listed or {}).values()}
    every = (path for path in cache.glob("*/*") if path.suffix != ".dir")
    return sorted(path for path in every if path.is_file() and path not in used)


def raw_places(data: Path) -> list[str]:
    """Where in the raw sources the rows stand that gather left out: file and line."""
    folder = data / "gather" / "ledger"
    if not any(folder.glob("*.parquet")):
        return []
    ledger = read(folder)
    return sorted(ledger.filter(pc.equal(ledger["reason"], REASON))["value"].to_pylist())
