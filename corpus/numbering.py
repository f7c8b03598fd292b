"""Rows of two versions by number: every id is looked up once, and what differs is told in arrays.

Most tables of a version hold the same ids in the same order. So an id gets its number when it is
first seen, a sequence of ids that was seen before is known by being equal, and two versions of a
million rows are compared without one join of strings.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpus.streaming import ROWS, WORDS, streamed

Ints = NDArray[np.signedinteger[Any]]
Flags = NDArray[np.bool_]
Hashes = NDArray[np.uint64]
SEQUENCES = 6  # of ids that are remembered: of three tables in both versions
HASH = "_hash"  # ends the names of columns that are hashes of an aspect


@dataclass(frozen=True)
class Table:
    """What is asked of a table."""

    paths: list[str]  # its shards
    columns: list[str]  # that the query names
    query: str  # over `shards`; it gives an id


@dataclass
class Numbering:
    """The number of each id of either version, from 0 on, as they came.

    Ids are found by their hashes, sorted. Ids are compared too: where two have one hash, which
    happens once in 2**64, they are looked up by themselves.
    """

    db: duckdb.DuckDBPyConnection
    ids: pa.Array = field(default_factory=lambda: pa.array([], pa.string()))
    hashes: Hashes = field(default_factory=lambda: np.array([], np.uint64))  # sorted
    places: Ints = field(default_factory=lambda: np.array([], np.int32))  # the number of each hash
    sequences: deque[Ints] = field(
        default_factory=lambda: deque(maxlen=SEQUENCES)
    )  # last used last

    def of(self, ids: pa.Array) -> Ints:
        """The numbers of some ids; those that are new get the next ones."""
        for place, known in enumerate(self.sequences):
            if len(known) == len(ids) and self.names(known).equals(ids):
                del self.sequences[place]
                self.sequences.append(known)
                return known
        numbers = self.at(ids)
        fresh = np.flatnonzero(numbers < 0)
        if len(fresh):
            some = ids.take(pa.array(fresh))
            once = self.each_once(some)
            same = len(once) == len(some)  # then they are in order
            places = np.arange(len(some)) if same else as_ints(pc.index_in(some, value_set=once))
            numbers[fresh] = len(self.ids) + places
            self.learn(once)
        self.sequences.append(numbers)
        return numbers

    def each_once(self, ids: pa.Array) -> pa.Array:
        """Ids without those that came before."""
        hashes = np.sort(self.hashed(ids))
        return ids if np.all(hashes[1:] != hashes[:-1]) else ids.unique()

    def learn(self, ids: pa.Array) -> None:
        """Give new ids their numbers."""
        self.ids = pa.concat_arrays([self.ids, ids])
        every = self.hashed(self.ids)
        self.places = np.argsort(every).astype(np.int32)
        self.hashes = every[self.places]

    def at(self, ids: pa.Array) -> Ints:
        """The numbers of some ids; -1 where one has none."""
        if not len(self.ids):
            return np.full(len(ids), -1, np.int32)
        asked = self.hashed(ids)
        order = np.argsort(asked)  # sorted hashes are looked for in the order of memory
        found = np.searchsorted(self.hashes, asked[order]).clip(max=len(self.hashes) - 1)
        hit = self.hashes[found] == asked[order]
        numbers = np.empty(len(ids), np.int32)
        numbers[order] = np.where(hit, self.places[found], -1)
        if pc.any(pc.not_equal(self.names(numbers), ids)).as_py():
            return as_ints(pc.index_in(ids, value_set=self.ids))
        return numbers

    def hashed(self, ids: pa.Array) -> Hashes:
        """The hash of each id."""
        self.db.register("asked_ids", pa.table({"id": ids}))
        found = self.db.sql("select hash(id) as hash from asked_ids").to_arrow_table()
        self.db.unregister("asked_ids")
        hashes: Hashes = found["hash"].to_numpy()
        return hashes

    def names(self, numbers: Ints) -> pa.Array:
        """The ids of some numbers; null for -1."""
        return self.ids.take(pa.array(numbers, mask=numbers < 0))


def as_ints(places: pa.Array) -> Ints:
    """Places as integers that may be written to; -1 for null."""
    found: Ints = places.cast(pa.int32()).fill_null(-1).to_numpy().copy()
    return found


@dataclass(frozen=True)
class Kind:
    """A table of a stage: its rows by the number of their id."""

    slot: Ints  # of an id's number: its row, or -1
    hashes: dict[str, Hashes]  # by aspect; one more at the end, of no row
    labels: pa.Table

    def label(self, name: str, numbers: Ints) -> pa.ChunkedArray:
        """A column at the rows of some numbers; null where there is none."""
        slots = reached(self.slot, numbers)
        return self.labels[name].take(pa.array(slots, mask=slots < 0))


Side = dict[str, Kind]  # a stage in one version: rows, ledger, scores


def reached(values: Ints, places: Ints) -> Ints:
    """The values at some places; -1 where a place is -1 or beyond the end."""
    inside = (places >= 0) & (places < len(values))
    found = np.full(len(places), -1, np.int32)
    found[inside] = values[places[inside]]
    return found


def sides(numbering: Numbering, tables: Sequence[Mapping[str, Table]]) -> list[Side]:
    """The tables of a stage in each version, read and numbered.

    Raises:
        InputError: a shard is cut short.
        RuntimeError: an id stands twice in a table.
    """
    read = [{kind: numbered(numbering, table) for kind, table in side.items()} for side in tables]
    size = len(numbering.ids)
    return [{kind: Kind(placed(n, size), *t) for kind, (n, *t) in side.items()} for side in read]


def numbered(numbering: Numbering, table: Table) -> tuple[Ints, dict[str, Hashes], pa.Table]:
    """The numbers of a table's ids, its hashes by aspect, and its labels.

    All is copied out of the batches: one column that is kept would keep the whole batch.
    """
    streamed(numbering.db, table.paths, table.columns).create_view("shards", replace=True)
    reader = numbering.db.sql(table.query).to_arrow_reader(ROWS)
    read = pa.Table.from_batches(list(reader), reader.schema)
    hashes, labels = {}, {}
    for name, column in zip(read.column_names, read.columns, strict=True):
        if name.endswith(HASH):
            hashes[name.removesuffix(HASH)] = np.append(column.to_numpy(), np.uint64(0))
        elif name != "id":
            recurs = name in WORDS and pa.types.is_string(column.type)
            labels[name] = copied(column.dictionary_encode() if recurs else column)
    return numbering.of(copied(read["id"])), hashes, pa.table(labels)


def copied(column: pa.ChunkedArray) -> pa.Array:
    """A column in one piece that is its own."""
    return pa.concat_arrays([*column.chunks, pa.array([], column.type)])


def placed(numbers: Ints, size: int) -> Ints:
    """The row of each number; -1 where there is none."""
    slot = np.full(size, -1, np.int32)
    slot[numbers] = np.arange(len(numbers), dtype=np.int32)
    if np.count_nonzero(slot >= 0) != len(numbers):
        raise RuntimeError("an id stands twice in a table")
    return slot


def present(side: Side, size: int) -> Flags:
    """Whether each number has a row in any table."""
    found = np.zeros(size, np.bool_)
    for kind in side.values():
        found[: len(kind.slot)] |= kind.slot >= 0
    return found


def unlike(old: Side, new: Side, left: Ints, right: Ints) -> dict[str, Flags]:
    """Whether rows of both versions, two and two by number, differ, by aspect."""
    found: dict[str, Flags] = {}
    for name in old.keys() & new.keys():
        hashes = old[name].hashes, new[name].hashes
        ours, theirs = old[name].slot[left], new[name].slot[right]
        lone = (ours < 0) != (theirs < 0)
        for aspect in hashes[0].keys() & hashes[1].keys():
            differ = lone | (hashes[0][aspect][ours] != hashes[1][aspect][theirs])
            found[aspect] = found[aspect] | differ if aspect in found else differ
    return found


def distinct(left: pa.ChunkedArray, right: pa.ChunkedArray) -> pa.ChunkedArray:
    """Where two columns are unlike; null is like null alone."""
    return pc.or_(
        pc.not_equal(left.is_null(), right.is_null()),
        pc.not_equal(left, right).fill_null(False),
    )


def joined(flags: Sequence[Flags]) -> Ints:
    """Flags as the bits of one number, the first lowest."""
    found = np.zeros(len(flags[0]), np.int32)
    for place, flag in enumerate(flags):
        found |= flag.astype(np.int32) << place
    return found
