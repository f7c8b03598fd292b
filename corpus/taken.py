"""The list of what was taken down, by hash, and the rows that it keeps out of the corpus.

`milpa take-down` writes takedown/list.jsonl, a request a line; docs/take-down.md says how to ask.
No text and no name stands in it: a name is the hash of what it names, a text the hash of its key.
The key of a text is its matching key without spaces, after all of clean's repairs: markup, case,
accents and punctuation do not hide a text, and neither does its orthography where a profile has it.
Each key stands there under the safe default fold and under the profiles of the project, so that a
profile that changes later sets no text free.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal

import pyarrow as pa
import regex
from pydantic import ConfigDict, TypeAdapter, ValidationError

from corpus.clean import RULES, repaired
from corpus.formats.segment import SPACELESS
from corpus.orthography import matching_key
from corpus.settings import Languages, faults, owner_of
from corpus.table import InputError, digest, letters_key, letters_of, row_id

REASON = "taken down"  # in gather's ledger
CONTRIBUTORS = "contributors.csv"  # in data/raw: origin, document, contributor
UNSPACED = regex.compile(SPACELESS)
What = Literal["text", "row", "document", "origin", "contributor"]
Elsewhere = Literal["no", "equal", "inside"]
Told = dict[tuple[str, str], tuple[str, ...]]  # origin and document: who contributed to it


@dataclass(frozen=True)
class Request:
    """One request, as the list has it."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    what: What
    name: str  # hash of what is named
    elsewhere: Elsewhere  # whether rows of others go that are equal, or hold it inside
    reason: str
    date: str  # ISO 8601
    keys: tuple[str, ...]  # of its texts on the low-resource side
    pivots: tuple[str, ...]  # of their other sides: looked for, but nobody's alone
    rows: tuple[str, ...]  # ids of all that fell under it when it was asked for


@dataclass(frozen=True)
class Taken:
    """All requests, by what they are found by."""

    requests: tuple[Request, ...]
    names: dict[str, list[Request]]
    equal: dict[str, list[Request]]  # by the key of a whole side
    inside: dict[str, list[Request]]  # by the key of a part of a side
    lengths: tuple[int, ...]  # letters of those parts
    met: dict[tuple[str, str | None], list[Request]] = field(default_factory=dict)  # texts, folds


def taken(requests: Iterable[Request]) -> Taken:
    """The requests ready to be asked about rows."""
    requests = tuple(requests)
    found: tuple[dict[str, list[Request]], ...] = tuple(defaultdict(list) for _ in range(3))
    for one in requests:
        found[0][one.name].append(one)
        for key in one.keys if one.elsewhere != "no" else ():
            found[1][key].append(one)
        for key in one.keys if one.elsewhere == "inside" else ():
            found[2][key].append(one)
    names, equal, inside = map(dict, found)
    return Taken(requests, names, equal, inside, lengths(inside))


def lengths(keys: Iterable[str]) -> tuple[int, ...]:
    """The different lengths of keys, in characters."""
    return tuple(sorted({int(key.partition(":")[0]) for key in keys}))


def read_list(path: Path) -> tuple[Request, ...]:
    """The requests of the list.

    Raises:
        InputError: it is missing, or a line of it is damaged.
    """
    try:
        lines = path.read_text("utf-8").split("\n")  # a reason may hold other ends of lines
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; an empty file takes nothing down") from None
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(TypeAdapter(Request).validate_json(line))
        except ValidationError as error:
            raise InputError(
                f"{path}:{number} {'; '.join(faults(error))}; 'git checkout {path}' brings back "
                "what milpa take-down wrote"
            ) from None
    return tuple(found)


def contributors(raw: Path) -> Told:
    """Who contributed to which document, where the project says so.

    Raises:
        InputError: the file lacks a column.
    """
    path = raw / CONTRIBUTORS
    if not path.exists():
        return {}
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.DictReader(file)
        if missing := sorted({"origin", "document", "contributor"} - {*(lines.fieldnames or ())}):
            raise InputError(f"{path} lacks the columns {missing}; it has {lines.fieldnames}")
        for line in lines:
            found[line["origin"], line["document"]].append(line["contributor"])
    return {place: tuple(names) for place, names in found.items()}


@lru_cache(2**12)
def mended(text: str) -> str:
    """A text after all of clean's repairs, whichever params.yaml asks for."""
    return repaired(text, RULES)[0]


@lru_cache(2**12)
def words_of(text: str, orthography: str | None) -> tuple[str, ...]:
    """The letters of each word of a text's key."""
    words = matching_key(orthography)(mended(text)).split()
    found = (word if word.isalnum() else letters_of(word) for word in words)
    return tuple(word for word in found if word)


def keys_of(text: str, orthographies: Iterable[str | None]) -> set[str]:
    """The key of a text under each profile; none where it has no letter or digit."""
    found = {"".join(words_of(text, orthography)) for orthography in orthographies}
    return {letters_key(letters) for letters in found if letters}


def parts_of(words: Sequence[str], sizes: Iterable[int]) -> Iterator[str]:
    """The keys of all parts of a text that are so many characters long.

    A part begins and ends where a word does, or anywhere in a script without spaces.
    """
    letters = "".join(words)
    borders, end = {0}, 0
    for word in words:
        borders |= {end + at for found in UNSPACED.finditer(word) for at in found.span()}
        end += len(word)
        borders.add(end)
    for size in sizes:
        for start in borders:
            if start + size in borders:
                yield letters_key(letters[start : start + size])


def holding(known: Taken, text: str, orthographies: Iterable[str | None]) -> Iterator[Request]:
    """The requests whose text a text is, or holds."""
    for orthography in dict.fromkeys(orthographies) if known.equal else ():
        asked = (text, orthography)
        if asked not in known.met:
            known.met[asked] = list(found_in(known, words_of(*asked)))
        yield from known.met[asked]


def found_in(known: Taken, words: Sequence[str]) -> Iterator[Request]:
    """The requests for the text of these words, or for a part of it."""
    yield from known.equal.get(letters_key("".join(words)), ())
    for key in parts_of(words, known.lengths) if known.inside else ():
        yield from known.inside.get(key, ())


@cache
def name_of(what: What, *names: str) -> str:
    """The hash of what a request names: of an origin's document, both names, or '' for any origin.

    A row is named by the id of the first of its origin with the same texts.
    """
    return digest("take-down", what, *names)


def profiles(languages: Languages) -> list[str | None]:
    """The safe default fold, and each profile of these languages."""
    return [None, *sorted({entry.orthography for entry in languages.values()} - {None}, key=str)]


def naming(row: dict[str, str | None], told: Told) -> Iterator[str]:
    """Every name that a request could have for a row."""
    origin, document = row["origin"] or "", row["document"] or ""
    yield name_of("origin", origin)
    for where in ("", origin):
        yield name_of("document", where, document)
        for person in told.get((origin, document), ()):
            yield name_of("contributor", where, person)


def first_name(row: dict[str, str | None]) -> str:
    """The name of a row: it and the rows of its origin with equal texts share it."""
    return name_of.__wrapped__("row", row_id(row["origin"] or "", row["source"], row["target"], 0))


def requests_of(
    row: dict[str, str | None], known: Taken, languages: Languages, told: Told
) -> Iterator[Request]:
    """The requests that a row falls under.

    Args:
        row: its origin, document, language, source and target.
    """
    for name in (*naming(row, told), first_name(row)):
        yield from known.names.get(name, ())
    owner = owner_of(row["language"], languages)
    profile = languages[owner].orthography if owner else None
    for side in ("source", "target"):
        if text := row[side]:
            yield from holding(known, text, (None, profile))


def taken_out(
    entered: pa.Table, requests: tuple[Request, ...], languages: Languages, raw: Path
) -> pa.Table:
    """What was read, with the verdict that each row gets which falls under a request.

    Args:
        entered: rows with reason and limit; where a reason stands already it stays.
    """
    if not requests:
        return entered
    known, told = taken(requests), contributors(raw)
    reasons, limits = entered["reason"].to_pylist(), entered["limit"].to_pylist()
    asked = entered.select(["origin", "document", "language", "source", "target"]).to_pylist()
    for number, row in enumerate(asked):
        if reasons[number] is None and (
            request := next(requests_of(row, known, languages, told), None)
        ):
            reasons[number] = REASON
            limits[number] = f"asked for on {request.date}: {request.reason}"
    for name, values in (("reason", reasons), ("limit", limits)):
        place = entered.schema.get_field_index(name)
        entered = entered.set_column(place, name, pa.chunked_array([pa.array(values, pa.string())]))
    return entered
