"""The rows that differ between two versions of a project, stage by stage.

A row is the same row where its id is. An edited text has a new id (corpus/table.py): of the rows
that one version alone has, two are taken for one row that changed where (in this order)
  text   both sides are equal, and only the origin or place is another
  place  they follow the same unchanged row of a document, and are alike in half of their characters
  key    the matching keys of both sides are equal, and not empty
All others are added or removed. Pairs are found once and hold in every later stage.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpus.aspects import LABELS, VALUES, queries
from corpus.differing import (
    NOWHERE,
    Counts,
    Differing,
    Known,
    counted,
    decisions,
    label,
    padded,
    paired,
)
from corpus.numbering import Ints, Numbering, Side, Table, as_ints, present, reached, sides
from corpus.pairing import HOWS, find_pairs
from corpus.settings import Languages
from corpus.table import InputError
from corpus.versions import Paths, Version, parents

MEMORY = "300MB"  # of DuckDB, beside the arrays; what needs more goes to disk


@dataclass(frozen=True)
class Comparison:
    """Two versions with what differs; `changes` in the database has a line for each such row."""

    old: Version
    new: Version
    stages: list[str]  # in the order of the graph
    counts: dict[str, Counts]  # of the stages in both versions
    missing: dict[str, str]  # why a stage could not be compared
    db: duckdb.DuckDBPyConnection
    known: Known


@contextmanager
def compared(
    old: Version,
    new: Version,
    stages: Sequence[str],
    languages: Languages,
    needed: str | None = None,
) -> Iterator[Comparison]:
    """Compare the tables of some stages, each after those before it in the graph.

    Args:
        needed: the stage without which there is no answer; null: any.

    Raises:
        InputError: data are neither in the cache nor in the remote, or a table is damaged.
    """
    with tempfile.TemporaryDirectory() as scratch, duckdb.connect() as db:
        db.execute(f"set memory_limit = '{MEMORY}'; set temp_directory = '{scratch}'")
        db.execute("set enable_progress_bar = false; set enable_external_file_cache = false")
        kinds = {name: "boolean" if name == "kept" else "varchar" for name in LABELS}
        labels = ", ".join(f"old_{n} {kind}, new_{n} {kind}" for n, kind in kinds.items())
        db.execute(
            "create table pairs (old varchar, new varchar, how varchar);"
            "create table changes (stage utinyint, old_id varchar, new_id varchar, how varchar, "
            f"bits utinyint, first utinyint, note varchar, {labels})"
        )
        found = Comparison(old, new, list(stages), {}, {}, db, Known(Numbering(db)))
        for stage in stages:
            if stage in old.lock and stage in new.lock:
                try:
                    compare(found, stage, languages)
                except InputError as error:
                    found.missing[stage] = str(error)
        if found.missing and (needed in found.missing or not found.counts):
            raise InputError(found.missing.get(needed or "") or next(iter(found.missing.values())))
        yield found


def compare(found: Comparison, stage: str, languages: Languages) -> None:
    """Compare one stage: its counts, and its lines in `changes`; none where it has no table."""
    out = found.old.out(stage)
    if out is not None and out == found.new.out(stage):
        unchanged(found, stage)
        return
    tables = [version.tables(stage) for version in (found.old, found.new)]
    if any(tables):
        otherwise(found, stage, tables, languages)


def unchanged(found: Comparison, stage: str) -> None:
    """Count the rows of a stage whose output is one in both versions, by the files' footers."""
    try:
        paths = found.old.tables(stage, fetch=False)
    except InputError:
        found.counts[stage] = Counts(None, None, None, None, 0, 0, 0, 0, same=True)
    else:
        if not paths:
            return
        shards = paths.get("ledger") or paths.get("rows") or paths.get("scores") or []
        rows, kept = sum(pq.read_metadata(path).num_rows for path in shards), None
        if "ledger" in paths:
            query = "select count(*) filter (kept) from read_parquet($1)"
            kept = found.db.execute(query, [paths["ledger"]]).fetchall()[0][0]
        found.counts[stage] = Counts(rows, rows, kept, kept, 0, 0, 0, 0, same=True)
    found.known.unread.append(stage)


def otherwise(found: Comparison, stage: str, tables: Sequence[Paths], languages: Languages) -> None:
    """Compare the tables of a stage that came out otherwise."""
    known = found.known
    aspects, asked = queries(tables)
    left, right = sides(known.numbering, asked)
    both = (left, right)
    differing = paired(known, both, aspects)
    if all("rows" in paths for paths in tables) and "text" in aspects:
        alone = unpaired(found, differing)
        if all(map(len, alone)):
            names = [known.numbering.names(numbers) for numbers in alone]
            find_pairs(found.db, [paths["rows"] for paths in tables], names, languages)
            learn_pairs(found)
            known.tried = padded(known.tried, len(known.numbering.ids))
            known.tried[np.concatenate(alone)] = True
            differing = paired(known, both, aspects)
    for number, side in enumerate(both):
        told = {kind: table for kind, table in side.items() if kind != "scores"}
        known.see(number, present(told, len(known.numbering.ids)))
    first, note = attributed(found, stage, both, differing)
    found.counts[stage] = counted(both, differing, len(known.numbering.ids))
    found.counts[stage].check(stage)
    listed(found, stage, both, differing, (first, note))


def unpaired(found: Comparison, differing: Differing) -> tuple[Ints, Ints]:
    """The rows that one version alone has, that the other never had and that are new to pairing."""
    gone = differing.old[differing.new < 0]
    come = differing.new[differing.old < 0]
    if not len(gone) or not len(come):
        return gone, come
    known = found.known
    for stage in known.unread:
        try:
            paths = found.new.tables(stage)
        except InputError as error:
            found.missing[stage] = str(error)
            del found.counts[stage]
            continue
        shards = {"ids": paths.get("ledger") or paths.get("rows") or []}
        asked = {k: Table(p, ["id"], "select id from shards") for k, p in shards.items() if p}
        (side,) = sides(known.numbering, [asked])
        for number in (0, 1):
            known.see(number, present(side, len(known.numbering.ids)))
    known.unread.clear()
    size = len(known.numbering.ids)
    old, new, tried = (padded(flags, size) for flags in (*known.seen, known.tried))
    return gone[~new[gone] & ~tried[gone]], come[~old[come] & ~tried[come]]


def learn_pairs(found: Comparison) -> None:
    """Know the pairs of the database by their numbers."""
    table = found.db.sql("select * from pairs").to_arrow_table()
    hows = pa.array(HOWS)
    left, right = (found.known.numbering.at(table[name]) for name in ("old", "new"))
    found.known.pairs = (left, right, as_ints(pc.index_in(table["how"], value_set=hows)))


def attributed(
    found: Comparison, stage: str, both: tuple[Side, Side], differing: Differing
) -> tuple[Ints, Ints]:
    """At which earlier stage each row, or its parent, first differs (-1: none), and its note."""
    known, canon = found.known, found.known.canon()
    own = np.where(differing.old >= 0, differing.old, reached(canon, differing.new))
    parents_now = pc.coalesce(
        label(both[1], "parent", differing.new), label(both[0], "parent", differing.old)
    )
    of_parents = parents_now.null_count < len(parents_now)
    asked = [reached(canon, known.numbering.at(parents_now)), own] if of_parents else [own]
    first, note = np.full(len(own), NOWHERE, np.int32), np.zeros(len(own), np.int32)
    before = ancestors(found.old, found.new, found.stages, stage)
    for name in reversed([name for name in before if name in known.differs]):
        for numbers in asked:
            told = reached(known.differs[name], numbers)
            first[told >= 0] = found.stages.index(name)
            note[told > 0] = told[told > 0]
    differs = np.full(len(canon), NOWHERE, np.int32)
    decided = known.noted(decisions(both, differing))
    differs[own] = np.where(decided > 0, decided, note)
    known.differs[stage] = differs
    return first, note


def ancestors(old: Version, new: Version, stages: Sequence[str], stage: str) -> list[str]:
    """Those of the stages that a stage depends on, in either version."""
    seen: set[str] = set()
    for version in (old, new):
        ahead = [stage] if stage in version.lock else []
        while ahead:
            name = ahead.pop()
            more = [p for p in parents(version.lock, name) if p not in seen]
            seen |= set(more)
            ahead += more
    return [name for name in stages if name in seen]


def listed(
    found: Comparison,
    stage: str,
    both: tuple[Side, Side],
    differing: Differing,
    since: tuple[Ints, Ints],
) -> None:
    """Put the rows that differ in more than values into `changes`."""
    alone = (differing.old < 0) | (differing.new < 0)
    some = np.flatnonzero(alone | ~np.isin(differing.bits, (0, VALUES)))
    old, new = differing.old[some], differing.new[some]
    first, note = (values[some] for values in since)
    notes = pa.array([None, *found.known.notes], pa.string())
    table = {
        "stage": np.full(len(some), found.stages.index(stage)),
        "old_id": found.known.numbering.names(old),
        "new_id": found.known.numbering.names(new),
        "how": pa.array(HOWS).take(pa.array(differing.how[some])),
        "bits": differing.bits[some],
        "first": pa.array(first, mask=first < 0),
        "note": notes.take(pa.array(note)),
    }
    for name in LABELS:
        for which, side, numbers in (("old", both[0], old), ("new", both[1], new)):
            table[f"{which}_{name}"] = label(side, name, numbers)
    found.db.register("found_changes", pa.table(table))
    found.db.execute("insert into changes by name select * from found_changes")
    found.db.unregister("found_changes")
