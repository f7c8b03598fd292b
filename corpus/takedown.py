"""Takes down what somebody asked for: checks the request, finds its rows, and adds it to the list.

Nothing is removed here: gather leaves out what the list names, and the graph makes all that comes
after it anew. docs/take-down.md is written for the people who ask and for those who are asked.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

import pyarrow.compute as pc
from pydantic import TypeAdapter

from corpus import settings as config
from corpus.affected import children
from corpus.gather import Gather, chosen, read_all
from corpus.nearby import near, place
from corpus.requests import Asked, asked_in
from corpus.settings import Languages, owner_of
from corpus.table import InputError
from corpus.taken import (
    Elsewhere,
    Request,
    Taken,
    Told,
    contributors,
    first_name,
    keys_of,
    name_of,
    naming,
    profiles,
    read_list,
    requests_of,
    taken,
)
from corpus.why import METHODS

LIST = Path("takedown/list.jsonl")
SHOWN = 5  # rows
Row = dict[str, str | None]


@dataclass(frozen=True)
class Corpus:
    """All that is gathered from the sources, taken down or not."""

    rows: list[Row]  # id, document, language, origin, source, target; value: where it stands
    languages: Languages
    sources: tuple[str, ...]
    told: Told
    named: dict[str, list[Row]]  # by each name that a request could have for them


@dataclass(frozen=True)
class Found:
    """A request with the rows that fall under it."""

    asked: Asked
    request: Request
    rows: list[Row]


def corpus_of(root: Path) -> Corpus:
    """What gather would read now in a project, were nothing taken down.

    Raises:
        InputError: a source cannot be read, or params.yaml is at fault.
    """
    tree = config.load(root / config.PARAMS)
    active, languages = config.languages(tree)
    params = config.section(Gather, "gather", tree)
    raw = root / "data/raw"
    roots = {"fetched": root / "data/fetch/corpora", "raw": raw, "hub": Path()}
    read = read_all(params, chosen(params, active, languages), languages, roots)
    columns = ["id", "document", "language", "origin", "source", "target", "value"]
    kept = read.filter(pc.is_null(read["reason"])).select(columns)
    rows, told = kept.to_pylist(), contributors(raw)
    named: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        for name in {*naming(row, told), first_name(row)}:
            named[name].append(row)
    languages = {key: languages[key] for key in config.at_work(active, languages)}
    return Corpus(rows, languages, tuple(params.sources), told, dict(named))


def resolved(asked: Asked, corpus: Corpus, listed: set[str], data: Path) -> Request:
    """The request as the list has it, but for the keys of its rows.

    Raises:
        InputError: there is nothing of that name, nor was it ever taken down.
    """
    said = (asked.reason.strip(), asked.date)
    if asked.what == "text":
        keys = keys_of(asked.name, profiles(corpus.languages))
        if not keys:
            raise InputError(f"the text {asked.name!r} has no letter or digit")
        name = name_of("text", *sorted(keys_of(asked.name, [None])))
        return Request(
            "text", name, asked.elsewhere or "inside", *said, tuple(sorted(keys)), (), ()
        )
    name = row_name(asked.name, corpus, data) if asked.what == "row" else thing_name(asked)
    known = known_names(asked, corpus)
    if asked.what != "row" and asked.name not in known and name not in listed:
        near = get_close_matches(asked.name, known, 3, 0.5)
        raise InputError(
            f"no {asked.what} has the name {asked.name!r}; "
            + (f"near it are {near}" if near else f"there are {known[:5]}")
        )
    if asked.what == "row" and name not in listed and name not in corpus.named:
        raise InputError(f"no row has the id {asked.name!r}; ids stand in data/gather/ledger")
    return Request(asked.what, name, asked.elsewhere or "no", *said, (), (), ())


def thing_name(asked: Asked) -> str:
    """The hash of the name of an origin, document or contributor."""
    where = () if asked.what == "origin" else (asked.origin or "",)
    return name_of(asked.what, *where, asked.name)


def row_name(row_id: str, corpus: Corpus, data: Path) -> str:
    """The name that a row of this id shares with its equals.

    Raises:
        InputError: it is a synthetic row, which goes with its parent.
    """
    for row in corpus.rows:
        if row["id"] == row_id:
            return first_name(row)
    for method in METHODS:
        if made := children(data / method / "rows", "id", [row_id]):
            raise InputError(
                f"row {row_id} was made by {method}; take down its parent {made[0][1]} instead"
            )
    return name_of("row", row_id)


def known_names(asked: Asked, corpus: Corpus) -> list[str]:
    """What there is of the kind asked for, in the origin asked for."""
    if asked.what == "origin":
        return sorted(corpus.sources)
    here = [
        (row["origin"] or "", row["document"] or "")
        for row in corpus.rows
        if asked.origin in (None, row["origin"])
    ]
    if asked.what == "document":
        return sorted({document for _, document in here})
    return sorted({person for place in set(here) for person in corpus.told.get(place, ())})


def found_rows(asked: list[Asked], requests: list[Request], corpus: Corpus) -> list[Found]:
    """Each request with the keys of the rows that it names, and all rows that fall under it."""
    whole = [keyed(request, corpus) for request in requests]
    known = taken(whole)
    under: dict[tuple[str, str], list[Row]] = {(r.what, r.name): [] for r in whole}
    for row in corpus.rows:
        for what, name in {(r.what, r.name) for r in fall(row, known, corpus)}:
            under[what, name].append(row)
    pairs = ((a, r, under[r.what, r.name]) for a, r in zip(asked, whole, strict=True))
    return [Found(a, replace(r, rows=ids(found)), found) for a, r, found in pairs]


def ids(rows: Iterable[Row]) -> tuple[str, ...]:
    """The ids of rows."""
    return tuple(sorted(row["id"] or "" for row in rows))


def fall(row: Row, known: Taken, corpus: Corpus) -> Iterable[Request]:
    """The requests that a row of the corpus falls under."""
    return requests_of(row, known, corpus.languages, corpus.told)


def keyed(request: Request, corpus: Corpus) -> Request:
    """The request with the keys of all rows that it names."""
    keys, pivots = set(request.keys), set(request.pivots)
    for row in corpus.named.get(request.name, ()):
        owner = owner_of(row["language"], corpus.languages)
        folds = {None, corpus.languages[owner].orthography if owner else None}
        source, target = (keys_of(row[side] or "", folds) for side in ("source", "target"))
        keys |= target or source
        pivots |= source if target else set()
    return replace(request, keys=tuple(sorted(keys)), pivots=tuple(sorted(pivots)))


def merged(old: Iterable[Request], new: Iterable[Request]) -> list[Request]:
    """The list with new requests: one of the same name widens the old, whose reason stays."""
    order: tuple[Elsewhere, ...] = ("no", "equal", "inside")
    by_name = {(one.what, one.name): one for one in old}
    for one in new:
        before = by_name.get((one.what, one.name))
        if before:
            one = replace(
                before,
                elsewhere=max(before.elsewhere, one.elsewhere, key=order.index),
                keys=tuple(sorted({*before.keys, *one.keys})),
                pivots=tuple(sorted({*before.pivots, *one.pivots})),
                rows=tuple(sorted({*before.rows, *one.rows})),
            )
        by_name[one.what, one.name] = one
    return sorted(by_name.values(), key=lambda one: (one.date, one.what, one.name))


def write_list(requests: Iterable[Request], path: Path) -> None:
    """Write the list, whole or not at all."""
    made = TypeAdapter(Request)
    lines = [made.dump_json(one).decode() + "\n" for one in requests]
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text("".join(lines), "utf-8")
    partial.replace(path)


def take_down(file: Path, root: Path) -> tuple[list[Found], list[str]]:
    """Add the requests of a file to the project's list; what fell under them, and what to say.

    Raises:
        InputError: a request is incomplete or names what is not there: then none is added.
    """
    asked = asked_in(file)
    listed = read_list(root / LIST)
    names = {one.name for one in listed}
    corpus = corpus_of(root)
    requests = [resolved(a, corpus, names, root / "data") for a in asked]
    found = found_rows(asked, requests, corpus)
    whole = merged(listed, [one.request for one in found])
    lines = [line for one in found for line in told(one, names, corpus)]
    if tuple(whole) != listed:
        write_list(whole, root / LIST)
    return found, lines


def told(found: Found, listed: set[str], corpus: Corpus) -> Iterator[str]:
    """What a request comes to: its rows and where they stand, or what is near it."""
    asked, rows = found.asked, found.rows
    shown = asked.name if len(asked.name) <= 40 else f"{asked.name[:40]}…"
    again = ", on the list already" if found.request.name in listed else ""
    yield f"{asked.what} {shown!r}: {len(rows)} rows{again}"
    yield from (f"  {place(row)}" for row in rows[:SHOWN])
    if len(rows) > SHOWN:
        yield f"  and {len(rows) - SHOWN} more"
    if asked.what == "text":
        yield from near(asked.name, rows, corpus.rows)
