"""Dictionaries as rows: a headword with each of its glosses, an example with its translation.

The two parts are documents of their own, `file headwords` and `file examples`, so that every later
stage can tell them apart; a source's `segment` takes one of them. The position is the entry's.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from corpus.formats.record import NOT_UTF8, Record, not_text
from corpus.table import InputError

HEADWORDS, EXAMPLES = "headwords", "examples"


class Said(NamedTuple):
    """One pair of a dictionary, or what is wrong with a place of it."""

    line: int
    entry: int  # from 1
    part: str  # headwords or examples
    source: str | None  # gloss or translation; null where there is none
    target: str | None
    fault: str | None = None


def pairs(path: Path, found: Iterable[Said], part: str | None) -> Iterator[Record]:
    """The pairs of the part, or of both (null), and every fault.

    Raises:
        InputError: the file has no entry.
    """
    empty = True
    for said in found:
        empty = False
        texts = (said.source, said.target)
        fault = NOT_UTF8 if not_text(texts) else said.fault
        if fault:
            raw = " ".join(text for text in texts if text)
            yield Record(said.line, (), fault, None, f"entry {said.entry}: {raw}")
        elif part in (None, said.part):
            document = f"{path.name} {said.part}"
            yield Record(said.line, (*texts, document, said.entry, None))
    if empty:
        raise InputError(f"{path} holds no entry; see whether it is of the format that is named")
