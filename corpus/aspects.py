"""What a row can differ in, and the query that reads no more than that of a stage's tables."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import pyarrow.parquet as pq

from corpus.numbering import HASH, Table
from corpus.table import readable
from corpus.versions import Paths

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
LABELS = {  # what a change is counted by: the table and column that it is read from
    "variety": ("rows", "language"),
    "origin": ("rows", "origin"),
    "split": ("rows", "split"),
    "kept": ("ledger", "kept"),
    "reason": ("ledger", "reason"),
    "parent": ("rows", "parent"),
}


def columns(paths: list[str]) -> list[str]:
    """The columns of a table."""
    with readable(Path(paths[0])):
        return [name for name in pq.read_schema(paths[0]).names if name not in IDENTITY]


def queries(tables: Sequence[Paths]) -> tuple[list[str], list[dict[str, Table]]]:
    """The aspects that both versions of a stage have, and for each the queries of its tables."""
    common = {
        kind: [name for name in columns(tables[0][kind]) if name in columns(tables[1][kind])]
        for kind in ("rows", "ledger", "scores")
        if all(kind in paths for paths in tables)
    }
    every = {ASPECT.get(column, "values") for column in chain(*common.values())}
    sides = [
        {kind: asked(shards, kind, common.get(kind, [])) for kind, shards in paths.items()}
        for paths in tables
    ]
    return [name for name in ASPECTS if name in every], sides


def asked(shards: list[str], kind: str, names: Sequence[str]) -> Table:
    """What is asked of a table: id, a hash for each aspect, the columns of labels.

    Two unlike values have one hash once in 2**64.
    """
    fields = ["id"]
    for aspect in ASPECTS:
        own = [f'"{name}"' for name in names if ASPECT.get(name, "values") == aspect]
        fields += [f"hash({', '.join(own)}) as {aspect}{HASH}"] if own else []
    wanted = [column for table, column in LABELS.values() if table == kind]
    fields += [f'"{name}"' for name in names if name in wanted]
    return Table(shards, ["id", *names], f"select {', '.join(fields)} from shards")
