"""Parquet files, and data sets of the Hugging Face `datasets` library."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpus.formats.record import NOT_UTF8, Column, Record, names_only, not_text, opened, pick
from corpus.table import InputError

ROWS = 10_000  # at once in memory


def read_parquet(path: Path, columns: tuple[Column, ...], header: bool) -> Iterator[Record]:
    """Each row of a Parquet file."""
    with opened(path) as file:
        parquet = pq.ParquetFile(file)
        wanted = known_columns(str(path), columns, parquet.schema_arrow)
        tops = sorted({top(parquet.schema_arrow, name) for name in wanted if name})
        yield from records(parquet.iter_batches(ROWS, columns=tops), wanted)


def row_count(path: Path) -> int:
    """The rows of a Parquet file, from its footer: what the records must add up to."""
    with opened(path) as file:
        return int(pq.ParquetFile(file).metadata.num_rows)


def read_dataset(name: str, columns: tuple[Column, ...], revision: str | None) -> Iterator[Record]:
    """Each row of a data set, split after split.

    Args:
        name: a local folder (of `save_to_disk`, or of data files), or a Hub name with,
            after another slash, the configuration.
        revision: null for a folder, a commit for a Hub name.
    """
    splits = loaded(name, revision)
    schema = next(iter(splits.values())).features.arrow_schema
    wanted = known_columns(name, columns, schema)
    batches = (split.with_format("arrow").iter(ROWS) for _, split in sorted(splits.items()))
    yield from records(chain.from_iterable(batches), wanted)


def loaded(name: str, revision: str | None) -> dict[str, Any]:
    """The splits of a data set by name.

    Raises:
        InputError: the library cannot load it.
    """
    import datasets  # takes a second

    try:
        if revision is not None:
            owner, repository, *configuration = name.split("/")
            made = datasets.load_dataset(f"{owner}/{repository}", *configuration, revision=revision)
        elif (Path(name) / "state.json").exists() or (Path(name) / "dataset_dict.json").exists():
            made = datasets.load_from_disk(name)
        else:
            made = datasets.load_dataset(name)
    except Exception as error:  # the library raises what its many back ends raise
        said = " ".join(str(error).split())[:300]
        raise InputError(
            f"the data set {name!r} cannot be loaded ({said}); "
            "check its name, revision, files and the network"
        ) from error
    return dict(made) if isinstance(made, dict) else {"all": made}


def known_columns(
    name: str, columns: tuple[Column, ...], schema: pa.Schema
) -> tuple[str | None, ...]:
    """The wanted columns, each a name or null.

    Raises:
        InputError: there is no such column.
    """
    wanted = names_only(Path(name), columns)
    missing = [column for column in wanted if column and top(schema, column) not in schema.names]
    if missing:
        raise InputError(f"{name} has no columns {missing}; it has {schema.names}")
    return wanted


def top(schema: pa.Schema, name: str) -> str:
    """The column that holds `translation.nah`: itself, or the one before the dot."""
    return name if name in schema.names else name.partition(".")[0]


def records(
    batches: Iterable[pa.Table | pa.RecordBatch], wanted: tuple[str | None, ...]
) -> Iterator[Record]:
    """A record for each row; a text that is not UTF-8 is a fault."""
    number = 0
    for batch in batches:
        names = batch.schema.names
        rows = [decoded(batch.column(n)) for n in names]
        for values in zip(*rows, strict=True):
            number += 1
            yield record(number, dict(zip(names, values, strict=True)), wanted)


def decoded(column: pa.Array | pa.ChunkedArray) -> list[Any]:
    """The values; bytes of a text that are not UTF-8 become lone surrogates, nested ones too."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return decoded(as_values(column))
    if pa.types.is_struct(kind):
        fields = [decoded(pc.struct_field(column, n)) for n in range(kind.num_fields)]
        names = [field.name for field in kind]
        there = pc.is_valid(column).to_pylist()
        rows = zip(*fields, strict=True) if fields else ((),) * len(column)
        return [
            dict(zip(names, values, strict=True)) if valid else None
            for valid, values in zip(there, rows, strict=True)
        ]
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return list(column.to_pylist())
    texts = pc.cast(column, pa.large_binary()).to_pylist()
    return [None if t is None else t.decode("utf-8", "surrogateescape") for t in texts]


def as_values(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """A dictionary column as the values that it stands for, unchecked."""
    if isinstance(column, pa.ChunkedArray):
        return pa.chunked_array(
            [chunk.dictionary_decode() for chunk in column.chunks], column.type.value_type
        )
    return column.dictionary_decode()


def record(number: int, row: dict[str, Any], wanted: tuple[str | None, ...]) -> Record:
    """The wanted values of a row, or its fault."""
    try:
        values = tuple(None if name is None else pick(row, name) for name in wanted)
    except KeyError:
        return Record(number, (), "lacks a column", None, str(row))
    return (
        Record(number, (), NOT_UTF8, None, str(row)) if not_text(values) else Record(number, values)
    )
