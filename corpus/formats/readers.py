"""The reader of each format, and the proof that it left out no record."""

from collections.abc import Callable, Iterator
from pathlib import Path

from corpus.formats import arrow, delimited, glossary, jsonl, lift, sfm, text, tmx
from corpus.formats.record import Record, line_count
from corpus.formats.source import Source, files

READERS = {
    "csv": delimited.read_csv,
    "tsv": delimited.read_tsv,
    "jsonl": jsonl.read,
    "parquet": arrow.read_parquet,
    "text": text.read,
    "documents": text.read_documents,
    "moses": text.read_moses,
    "tmx": tmx.read,
}
DICTIONARIES = {"lift": lift.read, "sfm": sfm.read, "glossary": glossary.read}
COUNTS: dict[str, Callable[[Path], int]] = {  # what a file holds, counted by other means
    "csv": line_count,
    "tsv": line_count,
    "jsonl": line_count,
    "text": line_count,
    "parquet": arrow.row_count,
}


def records(source: Source, roots: dict[str, Path]) -> Iterator[tuple[str, Record]]:
    """Each record of each file of a source, with the file's name.

    Raises:
        InputError: a file is missing, damaged or lacks a column.
        RuntimeError: a reader left something out.
    """
    wanted = source.columns.wanted()
    for name, path in files(source, roots):
        if source.format == "datasets":
            read = arrow.read_dataset(str(path), wanted, source.revision)
        elif source.format in DICTIONARIES:
            read = DICTIONARIES[source.format](path, wanted, source.segment)
        else:
            read = READERS[source.format](path, wanted, source.header)
        taken = 0
        for record in read:
            taken = (taken or record.line - 1) + record.lines  # what comes before is the header
            yield name, record
        count = COUNTS.get(source.format)
        if count and taken and taken != (there := count(path)):
            raise RuntimeError(f"{path}: {taken} lines or rows were read of {there}")
