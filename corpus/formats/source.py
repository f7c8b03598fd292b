"""What params.yaml says of one source, and the files that it names."""

import re
from pathlib import Path
from typing import Literal

from corpus.formats.record import Column
from corpus.rights import Rights, closed
from corpus.settings import settings
from corpus.table import InputError

DICTIONARIES = ("lift", "sfm", "glossary")  # formats
PARTS = ("headwords", "examples")  # of a dictionary


@settings
class Columns:
    """Where a source has what; null: nowhere.

    csv and tsv: a number from 1, or a name where the first row is a header. jsonl, parquet and
    datasets: a name; `translation.nah` reaches into a nested one. text: 1, the line. moses and
    documents: the end of the file's name, `nah` in book.nah. tmx: a language code, type of property
    or attribute. lift: a language code. sfm: the marker of the headword, `lx`, and of the gloss,
    `ge`, `gn` or `gr`. glossary: the names of those columns.
    """

    source: Column
    target: Column
    document: Column  # null, or empty in a row: the file is the document
    position: Column  # null: the place among the document's records
    variety: Column  # what `varieties` translates

    def wanted(self) -> tuple[Column, ...]:
        """The columns in the order of a record's values."""
        return self.source, self.target, self.document, self.position, self.variety


@settings
class Source:
    """One source of text."""

    language: str  # key of languages
    path: str  # fetched/… or raw/…, also a pattern: raw/books/*.txt; data sets also hub/owner/name
    format: Literal[
        "csv",
        "tsv",
        "jsonl",
        "parquet",
        "text",
        "documents",
        "moses",
        "tmx",
        "datasets",
        "lift",
        "sfm",
        "glossary",
    ]
    header: bool  # whether the first row of csv and tsv names the columns
    revision: str | None  # commit of a hub data set
    columns: Columns
    # cut records into sentences (null: they are); or the part of a dictionary (null: both)
    segment: Literal["sentences", "wrapped", "headwords", "examples"] | None
    alone: tuple[Literal["source", "target"], ...]  # sides that may stand without the other
    varieties: dict[str, str]  # value -> ISO 639-3; "": where empty or no column, "*": any other
    domains: dict[str, str]  # document -> genre, such as scripture; "*": any other
    source_language: str | None  # ISO 639-3 and ISO 15924; null where there is no source side
    licence: str  # SPDX name, or the terms by name
    redistribute: bool  # whether its text may be passed on
    trusted: bool  # whether limits and models may be learned from it
    rights: Rights | None = None  # whom to name, consent and labels; null: nobody knows

    def __post_init__(self) -> None:
        check_path(self)
        check_sides(self)
        check_segments(self)
        if self.licence.strip().lower() == "unknown" and self.redistribute:
            raise ValueError("a licence that is unknown needs redistribute: false")
        if self.redistribute and (labels := closed(self.rights)):
            raise ValueError(f"labels {labels} need redistribute: false")


def check_path(source: Source) -> None:
    """Check that the path stays in a known folder, and that a Hub name is pinned.

    Raises:
        ValueError: it does not.
    """
    parts = source.path.split("/")
    hub = parts[0] == "hub"
    stays = "" not in parts and ".." not in parts  # raw//etc/hosts would begin at the root
    if parts[0] not in ("fetched", "raw", "hub") or not stays or len(parts) < 2 + hub:
        raise ValueError(
            "path must be fetched/…, raw/… or hub/owner/name, "
            f"without .. or //, got {source.path!r}"
        )
    pinned = source.revision is not None and re.fullmatch("[0-9a-f]{40}", source.revision)
    if not pinned if hub else source.revision is not None:
        raise ValueError(
            "revision is the 40 hex digits of a commit for hub/… and null else, "
            f"got {source.revision!r}"
        )
    if source.header and source.format not in ("csv", "tsv"):
        raise ValueError(f"header is true for csv and tsv only, got it for {source.format!r}")
    if hub and source.format != "datasets":
        raise ValueError(f"hub/… needs format datasets, got {source.format!r}")


def check_sides(source: Source) -> None:
    """Check that the columns agree with what is said of the sides.

    Raises:
        ValueError: they do not.
    """
    columns = {"source": source.columns.source, "target": source.columns.target}
    there = [side for side, column in columns.items() if column is not None]
    if not there:
        raise ValueError("columns.source and columns.target must not both be null")
    if len(there) == 1 and there[0] not in source.alone:
        raise ValueError(f"a source with one column of text needs alone: {there}")
    if (columns["source"] is None) != (source.source_language is None):
        raise ValueError("columns.source and source_language must be both given or both null")


def check_segments(source: Source) -> None:
    """Check that what is to be cut into sentences can be.

    Raises:
        ValueError: it cannot.
    """
    if source.format == "documents" and source.segment is None:
        raise ValueError("format documents has a document a file; segment says how to cut it")
    dictionary = source.format in DICTIONARIES
    if source.segment is not None and (source.segment in PARTS) != dictionary:
        raise ValueError(
            f"segment {source.segment!r} is not for format {source.format!r}: "
            f"{list(PARTS)} are for {list(DICTIONARIES)}, sentences and wrapped for the others"
        )
    columns = source.columns
    if dictionary and not (columns.document is columns.position is columns.variety is None):
        raise ValueError("a dictionary gives document and position: their columns are null")
    if dictionary and (columns.source is None or columns.target is None):
        raise ValueError("a dictionary needs columns.source and columns.target")
    if source.segment is not None and source.columns.position is not None:
        raise ValueError("segment needs columns.position null: the parts of a record get their own")


def files(source: Source, roots: dict[str, Path]) -> list[tuple[str, Path]]:
    """The files of a source, sorted, each with its name below the root.

    Raises:
        InputError: there is none.
    """
    first, _, rest = source.path.partition("/")
    root = roots[first]
    if source.format == "datasets":
        return [(rest, root / rest)]
    ending = (
        f".{source.columns.target or source.columns.source}"
        if source.format in ("moses", "documents")
        else ""
    )
    found = [root / (rest + ending)]
    if not found[0].exists():
        found = sorted(path for path in root.glob(rest + ending) if path.is_file())
    if not found:
        raise InputError(
            f"{root / (rest + ending)} does not exist; mend gather.sources, or run 'dvc repro'"
        )
    bare = [path.with_name(path.name.removesuffix(ending)) for path in found]
    return [(label(path.relative_to(root)), path) for path in bare]


def label(path: Path) -> str:
    """A path as a document's name: the same on every system, and always Unicode."""
    return path.as_posix().encode("utf-8", "replace").decode()
