"""A dictionary as a tab-separated table: a headword, its gloss, an example, its translation."""

from collections.abc import Iterator
from pathlib import Path

from corpus.formats.delimited import read_tsv
from corpus.formats.dictionary import EXAMPLES, HEADWORDS, Said, pairs
from corpus.formats.record import Column, Record

SENTENCES = ("translation", "example")


def read(path: Path, columns: tuple[Column, ...], part: str | None) -> Iterator[Record]:
    """The pairs of each line; the first line names the columns.

    Source and target are the columns of the gloss and the headword; examples stand in `example` and
    `translation`. A line may have one pair of the two.

    Raises:
        InputError: a column that the part needs is missing.
    """
    words = columns[:2] if part != EXAMPLES else (None, None)
    sentences: tuple[Column, ...] = SENTENCES if part != HEADWORDS else (None, None)
    table = read_tsv(path, (*words, *sentences), header=True)
    return pairs(path, said(table), part)


def said(table: Iterator[Record]) -> Iterator[Said]:
    """The pairs of each line."""
    for number, record in enumerate(table, 1):
        if record.fault:
            yield Said(record.line, number, HEADWORDS, record.raw.strip(), None, record.fault)
            continue
        gloss, headword, translation, example = (
            text if text and text.strip() else None for text in record.values
        )
        if gloss or headword:
            yield Said(record.line, number, HEADWORDS, gloss, headword)
        if translation or example:
            yield Said(record.line, number, EXAMPLES, translation, example)
