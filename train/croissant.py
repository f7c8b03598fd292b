"""Croissant metadata of a published folder: its files by hash, its columns, its terms.

Source: https://docs.mlcommons.org/croissant/docs/croissant-spec.html
"""

import json
import re
from collections.abc import Iterable
from logging import CRITICAL, getLogger
from pathlib import Path
from typing import Any, NamedTuple

import mlcroissant as croissant
import pyarrow as pa
import pyarrow.types as kinds
from mlcroissant import DataType

from corpus.licences import page
from corpus.results import Tree
from corpus.table import InputError
from train.cards import hashed

FILE = "croissant.json"
PARQUET = ["application/x-parquet"]  # as the Hub has it
KINDS = (  # of a column, the first that holds
    (kinds.is_boolean, DataType.BOOL),
    (kinds.is_integer, DataType.INTEGER),
    (kinds.is_floating, DataType.FLOAT),
)


class Part(NamedTuple):
    """The files of one split of one configuration."""

    name: str  # train, or synthetic-train
    folder: str  # of its Parquet files, below that of the data set
    schema: pa.Schema
    columns: dict[str, str]  # what each holds


def described(folder: Path, parts: Iterable[Part], told: Tree) -> list[str]:
    """Write the metadata of a folder to it, and read it back; returns what it lacks.

    Args:
        told: name, description, licences, version, cite, url and keywords; null where unknown.

    Raises:
        InputError: mlcroissant finds a fault in it.
    """
    parts = list(parts)
    files = [
        croissant.FileObject(
            id=path.relative_to(folder).as_posix(),
            name=path.relative_to(folder).as_posix(),
            content_url=path.relative_to(folder).as_posix(),
            encoding_formats=PARQUET,
            sha256=hashed(path),
        )
        for part in parts
        for path in sorted((folder / part.folder).glob("*.parquet"))
    ]
    metadata = croissant.Metadata(
        name=told["name"],
        description=told["description"],
        license=[page(name) or name for name in told["licences"]],
        version=told["version"],
        cite_as=told["cite"],
        url=told["url"],
        keywords=told["keywords"],
        distribution=[*files, *map(file_set, parts)],
        record_sets=[*map(record_set, parts)],
    )
    whole = json.dumps(metadata.to_json(), indent=1, ensure_ascii=False)
    (folder / FILE).write_text(whole + "\n", "utf-8")
    return validated(folder / FILE)


def file_set(part: Part) -> Any:  # noqa: ANN401
    """The files of a part."""
    return croissant.FileSet(
        id=f"{part.name}-files",
        name=f"{part.name}-files",
        encoding_formats=PARQUET,
        includes=[f"{part.folder}/*.parquet"],
    )


def record_set(part: Part) -> Any:  # noqa: ANN401
    """The columns of a part; a list of values is a repeated one."""
    fields = [
        croissant.Field(
            id=f"{part.name}/{column.name}",
            name=column.name,
            description=part.columns[column.name],
            data_types=[kind_of(column.type)],
            source=croissant.Source(
                file_set=f"{part.name}-files", extract=croissant.Extract(column=column.name)
            ),
        )
        for column in part.schema
    ]
    return croissant.RecordSet(id=part.name, name=part.name, fields=fields)


def kind_of(kind: pa.DataType) -> Any:  # noqa: ANN401
    """The type of a column's values, as Croissant names it."""
    inner = kind.value_type if kinds.is_list(kind) else kind
    return next((name for holds, name in KINDS if holds(inner)), DataType.TEXT)


def validated(place: Path) -> list[str]:
    """Check a file of Croissant metadata; returns the recommended properties that it lacks.

    Raises:
        InputError: mlcroissant finds a fault in it.
    """
    log = getLogger("absl")
    before = log.level
    log.setLevel(CRITICAL)  # it would print what is returned
    try:
        read = croissant.Dataset(jsonld=place)
    except croissant.ValidationError as error:
        raise InputError(f"{place.name}: {' '.join(str(error).split())}") from None
    finally:
        log.setLevel(before)
    return sorted(
        found.group(1)
        for warning in read.metadata.ctx.issues.warnings
        if (found := re.search(r'[/#](\w+)" is recommended', warning))
    )
