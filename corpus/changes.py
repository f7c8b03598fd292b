"""The rows that differ between two versions of a project, stage by stage, by SQL over their tables.

A row is the same row where its id is. An edited text has a new id (corpus/table.py): of the rows
that one version alone has, two are taken for one row that changed where (in this order)
  text   both sides are equal, and only the origin or place is another
  place  they follow the same unchanged row of a document, and are alike in half of their characters
  key    the matching keys of both sides are equal, and not empty
All others are added or removed. Pairs are found once and hold in every later stage.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from corpus.pairing import find_pairs
from corpus.settings import Languages
from corpus.table import InputError, readable
from corpus.versions import Paths, Version, parents

MEMORY = "500MB"  # of DuckDB; what needs more goes to disk
ASPECTS = {  # of a row; every other column is among its values
    "text": ("source", "target"),
    "language": ("source_language", "language", "variety", "script"),
    "split": ("split", "held_out"),
    "decision": ("kept", "reason"),
    "place": ("origin", "document"),  # a row before it moves a row's position: no change of its own
    "licence": ("licence",),
    "values": (),
}
VALUES = 1 << (len(ASPECTS) - 1)  # the bit of rows that differ in nothing but values
ASPECT = {column: name for name, columns in ASPECTS.items() for column in columns}
IDENTITY = {"id", "stage"}  # columns that say which row and table it is
LABELS = {  # what a change is counted by: its type and the columns that it may be read from
    "variety": ("varchar", ("rows.language",)),
    "origin": ("varchar", ("rows.origin",)),
    "split": ("varchar", ("rows.split",)),
    "kept": ("boolean", ("ledger.kept",)),
    "reason": ("varchar", ("ledger.reason",)),
    "parent": ("varchar", ("rows.parent",)),
}


@dataclass(frozen=True)
class Counts:
    """Rows of a stage in both versions; `kept` is null where the stage decides nothing."""

    old: int
    new: int
    old_kept: int | None
    new_kept: int | None
    added: int
    removed: int
    changed: int  # in text, language, split, decision, place or licence
    values: int  # in nothing but what was measured, or the id of an edited text
    same: bool = False  # DVC has one hash for both: nothing was compared

    def check(self, stage: str) -> None:
        """Check old + added - removed = new.

        Raises:
            RuntimeError: a row is lost or invented by the comparison.
        """
        if self.old + self.added - self.removed != self.new:
            raise RuntimeError(
                f"{stage}: {self.old} + {self.added} - {self.removed} is not {self.new}: "
                "an id stands twice in one of its tables"
            )


@dataclass(frozen=True)
class Comparison:
    """Two versions with what differs; `changes` in the database has a line for each such row."""

    old: Version
    new: Version
    stages: list[str]  # in the order of the graph
    counts: dict[str, Counts]  # of the stages in both versions
    missing: dict[str, str]  # why a stage could not be compared
    db: duckdb.DuckDBPyConnection
    earlier: tuple[list[str], list[str]]  # shards compared so far that name every id, old and new


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
        db.execute("set preserve_insertion_order = false; set enable_progress_bar = false")
        sides = ", ".join(f"old_{n} {t}, new_{n} {t}" for n, (t, _) in LABELS.items())
        db.execute(
            "create table pairs (old varchar, new varchar, how varchar);"
            "create table differs (key ubigint, stage utinyint, note varchar);"
            "create table changes (stage utinyint, old_id varchar, new_id varchar, how varchar, "
            f"bits utinyint, {sides}, first utinyint, note varchar)"
        )
        found = Comparison(old, new, list(stages), {}, {}, db, ([], []))
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
    same = found.old.out(stage) is not None and found.old.out(stage) == found.new.out(stage)
    tables = [version.tables(stage) for version in (found.old, found.new)]
    if not any(tables):
        return
    if same:
        found.counts[stage] = unchanged(found.db, tables[0])
    else:
        unlike(found, stage, tables, languages)
    for seen, paths in zip(found.earlier, tables, strict=True):
        seen += paths.get("ledger") or paths.get("rows") or []


def unlike(found: Comparison, stage: str, tables: Sequence[Paths], languages: Languages) -> None:
    """Compare the tables of a stage that came out otherwise."""
    aspects = relations(found.db, tables)
    join(found.db, aspects)
    merge(found.db, aspects)
    if all("rows" in paths for paths in tables) and "text" in aspects:
        find_pairs(found.db, [paths["rows"] for paths in tables], found.earlier, languages)
        merge(found.db, aspects)
    attribute(found, stage)
    found.counts[stage] = counted(found.db)
    found.counts[stage].check(stage)
    found.db.execute(
        "insert into changes select $1, d.* exclude (canon) from d "
        "where old_id is null or new_id is null or bits not in (0, $2)",
        [found.stages.index(stage), VALUES],
    )


def unchanged(db: duckdb.DuckDBPyConnection, paths: Paths) -> Counts:
    """The counts of a stage whose output is one in both versions, from the files' footers."""
    kinds = paths.get("ledger") or paths.get("rows") or paths.get("scores") or []
    rows, kept = sum(pq.read_metadata(path).num_rows for path in kinds), None
    if "ledger" in paths:
        query = "select count(*) filter (kept) from read_parquet($1)"
        kept = one(db.execute(query, [paths["ledger"]]))[0]
    return Counts(rows, rows, kept, kept, 0, 0, 0, 0, same=True)


def columns(paths: list[str]) -> list[str]:
    """The columns of a table."""
    with readable(Path(paths[0])):
        return [name for name in pq.read_schema(paths[0]).names if name not in IDENTITY]


def relations(db: duckdb.DuckDBPyConnection, tables: Sequence[Paths]) -> list[str]:
    """Make the narrow tables `old` and `new`: ids, a hash for each aspect, and the labels.

    Returns:
        The aspects that both have. Two unlike texts have one hash once in 2**64.
    """
    common = {
        kind: [name for name in columns(tables[0][kind]) if name in columns(tables[1][kind])]
        for kind in ("rows", "ledger", "scores")
        if all(kind in paths for paths in tables)
    }
    aspects = [
        name
        for name in ASPECTS
        if any(ASPECT.get(column, "values") == name for column in chain(*common.values()))
    ]
    for name, paths in zip(("old", "new"), tables, strict=True):
        parts = [part(kind, common.get(kind, []), aspects) for kind in paths]
        whole = " full join ".join(
            f"({sql}) {kind}" + (" using (id)" if number else "")
            for number, (kind, sql) in enumerate(zip(paths, parts, strict=True))
        )
        fields = [hashed(aspect, common) + f" as {aspect}_hash" for aspect in aspects]
        fields += [labelled(label, paths, common) for label in LABELS]
        values = {f"{kind}_paths": paths[kind] for kind in paths}
        db.execute(
            f"create or replace temp table {name} as select id, {', '.join(fields)} from {whole}",
            values,
        )
    return aspects


def part(kind: str, names: Iterable[str], aspects: Iterable[str]) -> str:
    """The query of one kind of table: id, a hash for each aspect, the columns of labels."""
    names = list(names)
    fields = ["id"]
    for aspect in aspects:
        own = [f'"{name}"' for name in names if ASPECT.get(name, "values") == aspect]
        fields += [f"hash({', '.join(own)}) as {aspect}_hash"] if own else []
    wanted = {column for _, places in LABELS.values() for column in places}
    fields += [f'"{name}"' for name in names if f"{kind}.{name}" in wanted]
    return f"select {', '.join(fields)} from read_parquet(${kind}_paths)"


def hashed(aspect: str, common: dict[str, list[str]]) -> str:
    """The hash of an aspect over the kinds of tables that have a column of it."""
    kinds = [
        kind
        for kind, names in common.items()
        if any(ASPECT.get(name, "values") == aspect for name in names)
    ]
    return f"hash({', '.join(f'{kind}.{aspect}_hash' for kind in kinds)})"


def labelled(label: str, paths: Paths, common: dict[str, list[str]]) -> str:
    """A label's column; null where the stage has none."""
    kind, places = LABELS[label]
    for place in places:
        table, column = place.split(".")
        if table in paths and column in common.get(table, []):
            return f"{place} as {label}"
    return f"null::{kind} as {label}"


def fields(aspects: Iterable[str], how: str) -> str:
    """The columns of `d` from a row of `old` as o and of `new` as n."""
    bits = [
        f"(case when o.{name}_hash is distinct from n.{name}_hash then {1 << place} else 0 end)"
        for place, name in enumerate(ASPECTS)
        if name in set(aspects)
    ]
    both = "case when o.id is null or n.id is null then 0 else {} end"
    labels = ", ".join(f"o.{name} as old_{name}, n.{name} as new_{name}" for name in LABELS)
    return (
        f"o.id as old_id, n.id as new_id, {how} as how, "
        f"{both.format(' + '.join(bits) or '0')}::utinyint as bits, {labels}, "
        "null::utinyint as first, null::varchar as note, coalesce(o.id, n.id) as canon"
    )


def join(db: duckdb.DuckDBPyConnection, aspects: list[str]) -> None:
    """Make `d`, the rows that differ, matched by id alone."""
    unlike = "".join(f" or o.{name}_hash is distinct from n.{name}_hash" for name in aspects)
    db.execute(
        f"create or replace temp table d as select {fields(aspects, repr('id'))} "
        "from old o full join new n on o.id = n.id "
        f"where o.id is null or n.id is null{unlike}"
    )


def merge(db: duckdb.DuckDBPyConnection, aspects: list[str]) -> None:
    """Join the rows of `d` that are known pairs into one that changed."""
    db.execute(
        f"""create or replace temp table m as select {fields(aspects, "p.how")}
        from pairs p join old o on o.id = p.old join new n on n.id = p.new
        where p.old in (select old_id from d where new_id is null)
        and p.new in (select new_id from d where old_id is null);
        create or replace temp table d as select * from d
        where not coalesce(new_id is null and old_id in (select old_id from m), false)
        and not coalesce(old_id is null and new_id in (select new_id from m), false)
        union all select * from m"""
    )


def attribute(found: Comparison, stage: str) -> None:
    """Say of each row of `d` at which earlier stage it, or its parent, first differs."""
    number = found.stages.index(stage)
    before = [
        found.stages.index(name) for name in ancestors(found.old, found.new, found.stages, stage)
    ]
    found.db.execute(
        "create or replace temp table d as select d.* replace (coalesce(d.old_id, p.old, d.new_id) "
        "as canon) from d left join pairs p on p.new = d.new_id"
    )
    found.db.execute(
        """create or replace temp table f as
        with asked as (
            select canon, hash(canon) as key from d
            union all
            select d.canon, hash(coalesce(p.old, coalesce(d.new_parent, d.old_parent)))
            from d left join pairs p on p.new = d.new_parent
            where coalesce(d.new_parent, d.old_parent) is not null
        )
        select canon, min(x.stage) as first, arg_min(x.note, x.stage) as note
        from asked join differs x on x.key = asked.key where list_contains($1, x.stage)
        group by canon;
        """,
        [before],
    )
    found.db.execute(
        "create or replace temp table d as select d.* replace (f.first as first, f.note as note) "
        "from d left join f on f.canon = d.canon"
    )
    found.db.execute(
        "insert into differs select hash(canon), $1, coalesce("
        "case when old_kept is distinct from new_kept or old_reason is distinct from new_reason "
        "then coalesce(new_reason, case when new_kept then 'kept' end) end, note) from d",
        [number],
    )


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


def counted(db: duckdb.DuckDBPyConnection) -> Counts:
    """The counts of the stage that was just compared."""
    sizes = [
        one(db.execute(f"select count(*), count(kept), count(*) filter (kept) from {name}"))
        for name in ("old", "new")
    ]
    decides = any(size[1] for size in sizes)
    added, removed, changed, values = one(
        db.execute(
            "select count(*) filter (old_id is null), count(*) filter (new_id is null), "
            "count(*) filter (bits not in (0, $1)), "
            "count(*) filter (bits in (0, $1) and old_id is not null and new_id is not null) "
            "from d",
            [VALUES],
        )
    )
    old, new = ((size[0], size[2] if decides else None) for size in sizes)
    return Counts(old[0], new[0], old[1], new[1], added, removed, changed, values)


def one(relation: duckdb.DuckDBPyConnection) -> tuple[Any, ...]:
    """The only line of an answer."""
    found = relation.fetchone()
    if found is None:
        raise RuntimeError("a count came back empty")
    return found
