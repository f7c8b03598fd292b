"""`milpa why`: the life of a row by its id or its text, in one version or in all of them."""

from collections.abc import Iterator
from pathlib import Path

import duckdb

from corpus import minhash
from corpus.orthography import matching_key
from corpus.settings import Languages
from corpus.sketch import SIDES
from corpus.table import InputError, shard_paths
from corpus.versions import WORKSPACE, Version, history, versions
from corpus.why import found_in, life, verdict, whole_id

DIGITS = set("0123456789abcdef")  # of an id
MOST_LIVES = 5  # of rows with one text, told in full
VERDICTS = ("gather", "clean", "select", "validate", "mix")  # stages with a ledger, in order
Memory = dict[tuple[str, str], list[str]]  # what a stage's output says of a row, by its hash


def lives(data: Path, asked: str, languages: Languages, revisions: bool) -> Iterator[str]:
    """The life of each row that an id or a text means, then, if asked for, in earlier versions.

    Raises:
        InputError: there is no such row, or an id's beginning is that of several.
    """
    ids = rows_of(data, asked, languages)
    if len(ids) != 1:
        more = f"; the first {MOST_LIVES} are told" if len(ids) > MOST_LIVES else ""
        yield f"{len(ids)} rows have this text under the matching key{more}"
    for row_id in ids[:MOST_LIVES]:
        yield from life(data, row_id, languages)
        if revisions:
            yield from through(data.parent, row_id)


def rows_of(data: Path, asked: str, languages: Languages) -> list[str]:
    """The rows that an id, its beginning, or a text means: the id where both are possible."""
    if not set(asked) <= DIGITS:
        return by_text(data, asked, languages)
    try:
        return [whole_id(data, asked)]
    except InputError as error:
        if "several ids" in str(error) or not asked:
            raise
        try:
            return by_text(data, asked, languages)
        except InputError:
            raise error from None


def by_text(data: Path, asked: str, languages: Languages) -> list[str]:
    """The gathered rows with a side that is this text under the matching key, sorted.

    Raises:
        InputError: there is none.
    """
    names = {language.orthography for language in languages.values()}
    folded = [matching_key(name)(asked) for name in sorted(names, key=str)]
    folded.append(matching_key(None)(asked))
    wanted = sorted({int(h) for h in minhash.whole_hashes([f for f in folded if f])[:, 0]})
    ids = hashed(data, wanted) if wanted else []
    if not ids:  # what clean dropped has no key
        paths = [str(path) for path in shard_paths(data / "gather/rows")]
        query = "select id from read_parquet($1) where source = $2 or target = $2"
        ids = [str(row[0]) for row in duckdb.execute(query, [paths, asked]).fetchall()]
    if not ids:
        raise InputError(
            f"no gathered row is {asked!r}, whatever its case, punctuation or spelling; a part of "
            "a row is not found: give all of it, or an id"
        )
    return sorted(ids)


def hashed(data: Path, wanted: list[int]) -> list[str]:
    """The rows one of whose keys has one of these hashes."""
    paths = [str(path) for path in sorted((data / "dedup/keys").glob("*.parquet"))]
    if not paths:
        raise InputError(f"{data}/dedup/keys holds no table; run 'dvc repro dedup' first")
    places = " or ".join(f"{side} in ({', '.join(map(str, wanted))})" for side in SIDES)
    query = f"select id from read_parquet($1) where {places}"
    return [str(row[0]) for row in duckdb.execute(query, [paths]).fetchall()]


def through(root: Path, row_id: str) -> Iterator[str]:
    """What became of a row in every version that was built, one line for those that agree."""
    past = history(root)
    names = dict(past)
    known: Memory = {}
    told: list[tuple[str, list[str]]] = []
    with versions(root, *names, WORKSPACE) as found:
        for version in found:
            name = names.get(version.name, WORKSPACE)
            lines = fate(version, row_id, known)
            if told and told[-1][1] == lines:
                told[-1] = (f"{told[-1][0].split(' … ')[0]} … {name}", lines)
            else:
                told.append((name, lines))
    for name, lines in told:
        yield f"  in {name}"
        yield from (f"                {line}" for line in lines)


def fate(version: Version, row_id: str, known: Memory) -> list[str]:
    """What a version's stages decided of a row; one line where it never had it or lacks data."""
    lines = []
    for stage in (*VERDICTS, "split"):
        if stage in version.lock:
            key = (version.out(stage) or WORKSPACE + stage, row_id)
            if key not in known:
                known[key] = decided(version, stage, row_id)
            lines += known[key]
    return lines or ["no such row"]


def decided(version: Version, stage: str, row_id: str) -> list[str]:
    """What one stage of a version decided of a row."""
    try:
        paths = version.tables(stage, fetch=False)
    except InputError as error:
        return [f"{stage}: {error}"]
    said = [verdict(row) for row in found_in(paths.get("ledger", []), row_id)]
    if stage == "split":
        said = [str(row["split"]) for row in found_in(paths.get("rows", []), row_id)]
    return [f"{stage}: {line}" for line in said]
