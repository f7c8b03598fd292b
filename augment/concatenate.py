"""Neighbouring segments of a document joined into longer contexts.

Segments are joined where they follow each other, are in one language, and all show a source or none
does; so a source that is held back stays hidden. Where a context begins is decided by the hash of
its first row alone, so that new rows elsewhere in a document move no other's context. No row is in
two contexts.

Source: Junczys-Dowmunt 2019, https://aclanthology.org/W19-5321 (document-level training data)
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import regex

from augment.making import Row, child, lowest, share_of, shown
from corpus.formats.source import PARTS
from corpus.settings import Languages, rows_of, settings
from corpus.stage import Output, run
from corpus.table import SYNTHETIC, canonical, digest, place

SIDES = ("source", "target")
NO_SPACE = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}。、！？；：」』）》〉】…]\Z")


@settings
class Concatenate:
    """How many contexts are made, and how long they are."""

    most_rows: int  # contexts made per language, chosen by hash of their first row's id; 0: none
    most_segments: int  # in a context, at least 2
    most_characters: int  # of each side of a context
    not_running: tuple[str, ...]  # origins or documents that are no running text: dictionaries

    def __post_init__(self) -> None:
        if self.most_rows < 0 or self.most_segments < 2 or self.most_characters < 1:
            raise ValueError(
                "most_rows must be at least 0, most_segments 2 and most_characters 1, got "
                f"{self.most_rows}, {self.most_segments} and {self.most_characters}"
            )


def concatenate(
    train: pa.Table,
    monolingual_share: str,
    params: Concatenate,
    active: tuple[str, ...],
    languages: Languages,
) -> Output:
    """Rows of joined neighbours, each with its first segment as parent and the rest as `others`."""
    share = share_of(monolingual_share)
    made: list[Row] = []
    report = {}
    for key, rows in rows_of(train, active, languages).items():
        found = contexts([{**row, "source": shown(row, share)} for row in rows], params)
        chosen = lowest((joined(some, params) for some in found), params.most_rows, "concatenate")
        made += chosen
        sizes = Counter(len(row["others"]) + 1 for row in chosen)
        report[key] = {"contexts": len(found), "segments": dict(sorted(sizes.items()))}
    table = canonical(pa.Table.from_pylist(made, schema=SYNTHETIC))
    return Output({"rows": table}, {"languages": report})


def contexts(rows: Iterable[Row], params: Concatenate) -> list[list[Row]]:
    """The runs of neighbours to be joined, each of two rows at least."""
    documents: dict[Any, list[Row]] = defaultdict(list)
    apart = set(params.not_running)
    for row in rows:
        named = {row["origin"], row["document"]}
        if row["document"] is not None and running(row["document"]) and not named & apart:
            documents[row["origin"], row["document"]].append(row)
    found = []
    for some in documents.values():
        for chain in chains(sorted(some, key=lambda row: (row["position"], row["id"]))):
            found += [part for part in cut(chain, params) if len(part) > 1]
    return found


def running(document: str) -> bool:
    """Whether a document may be running text: the parts of a dictionary are not.

    >>> running("words.lift headwords"), running("Cuentos")
    (False, True)
    """
    return document.rpartition(" ")[2] not in PARTS


def chains(rows: list[Row]) -> Iterator[list[Row]]:
    """The longest runs of rows that follow each other in a document and fit together."""
    chain: list[Row] = []
    for row in rows:
        if chain and not follows(chain[-1], row):
            yield chain
            chain = []
        chain.append(row)
    if chain:
        yield chain


def follows(row: Row, after: Row) -> bool:
    """Whether a row comes next after another, in the same languages and with the same sides."""
    same = ("language", "source_language", "licence")
    return (
        after["position"] == row["position"] + 1
        and all(row[name] == after[name] for name in same)
        and all((row[side] is None) == (after[side] is None) for side in SIDES)
        and row["target"] is not None
    )


def cut(chain: list[Row], params: Concatenate) -> Iterator[list[Row]]:
    """The contexts of a chain: a row begins one by its hash, and it grows as far as it may."""
    context: list[Row] = []
    for row in chain:
        if place("context", row["id"]) < 1 / params.most_segments:
            yield context
            context = [row]
        elif context and fits([*context, row], params):
            context.append(row)
        else:  # too long, or before the first beginning
            yield context
            context = []
    yield context


def fits(rows: list[Row], params: Concatenate) -> bool:
    """Whether these rows are within the limits."""
    lengths = [len(join([row[side] for row in rows])) for side in SIDES if rows[0][side]]
    return len(rows) <= params.most_segments and max(lengths) <= params.most_characters


def joined(rows: list[Row], params: Concatenate) -> Row:
    """The rows as one, in their order; no engine made it, so the hash is that of the limits."""
    sides = {side: join([row[side] for row in rows]) if rows[0][side] else None for side in SIDES}
    engine = f"concatenate@{digest(str(params.most_segments), str(params.most_characters))}"
    made = child(rows[0], "concatenate", engine, **sides)
    return {**made, "others": [row["id"] for row in rows[1:]]}


def join(segments: Iterable[str]) -> str:
    """The segments with a space between, or nothing where the first's script sets none.

    >>> join(["Ce tlacatl.", "Quihto."]), join(["ሰላም።", "ደህና ነህ?"]), join(["你好。", "再见。"])
    ('Ce tlacatl. Quihto.', 'ሰላም። ደህና ነህ?', '你好。再见。')
    """
    made = ""
    for segment in segments:
        space = "" if not made or NO_SPACE.search(made) else " "
        made += space + segment.strip()
    return made


if __name__ == "__main__":
    run(concatenate, Concatenate)
