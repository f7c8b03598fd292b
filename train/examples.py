"""Rows to token ids, labels and masks: what the trainer sees, in the order in which it sees it.

Pure: the same rows and seed give the same examples, whatever the order of the rows.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Any

import numpy as np

from corpus.table import InputError, digest, place

IGNORED = -100  # the label of a token that the loss leaves out
MOST_TOO_LONG = 1000  # pairs in a row; without it, a run whose every pair is too long never ends
Row = dict[str, Any]
Encode = Callable[[list[str]], list[list[int]]]


@dataclass(frozen=True)
class Example:
    """Token ids, and the labels of those that the model must learn to say."""

    ids: list[int]
    labels: list[int]


def draws(weights: dict[str, float], seed: int) -> Iterator[str]:
    """Ids without end, each pass in a new order; the heaviest are in every pass.

    An id of half their weight is in every second pass, settled by a hash of the id.

    Raises:
        ValueError: no id has a weight above zero.
    """
    heaviest = max(weights.values(), default=0.0)
    if not heaviest > 0:
        raise ValueError(f"{len(weights)} rows have no weight to draw by")
    for turn in count():
        tickets = [
            (digest(str(seed), str(turn), name), name)
            for name, weight in weights.items()
            if place("turn", str(seed), str(turn), name) < weight / heaviest
        ]
        yield from (name for _, name in sorted(tickets))


def packed_texts(
    texts: Iterator[str], encode: Encode, separator: int, length: int
) -> Iterator[Example]:
    """Texts with a separator before each, cut into rows of `length`; every token is learned."""
    buffer: list[int] = []
    while True:
        batch = list(islice(texts, 64))
        for ids in encode(batch):
            buffer += [separator, *ids]
        while len(buffer) >= length:
            yield Example(buffer[:length], buffer[:length])
            buffer = buffer[length:]


def pair_example(prompt: str, answer: str, encode: Encode, separator: int) -> Example:
    """A prompt and its answer; only the answer, and that it ends, is learned.

    A space stands before the answer, so that its first word is cut as inside a text.
    """
    asked, said = encode([prompt, f" {answer}"])
    ids = [separator, *asked, *said, separator]
    ignored = 1 + len(asked)
    return Example(ids, [IGNORED] * ignored + ids[ignored:])


def packed_pairs(examples: Iterator[Example], separator: int, length: int) -> Iterator[Example]:
    """Whole examples side by side in rows of `length`; the rest of a row is filled, not learned.

    An example longer than a row is left out.

    Raises:
        InputError: a thousand in a row are too long.
    """
    ids: list[int] = []
    labels: list[int] = []
    too_long = 0
    for example in examples:
        if len(example.ids) > length:
            too_long += 1
            if too_long == MOST_TOO_LONG:
                raise InputError(
                    f"{too_long} pairs running are longer than adapt.row_tokens, {length}; raise it"
                )
            continue
        too_long = 0
        if len(ids) + len(example.ids) > length:
            yield filled(ids, labels, separator, length)
            ids, labels = [], []
        ids = ids + example.ids
        labels = labels + example.labels


def filled(ids: list[int], labels: list[int], separator: int, length: int) -> Example:
    """A row of exactly `length` tokens."""
    rest = length - len(ids)
    return Example(ids + [separator] * rest, labels + [IGNORED] * rest)


def is_pair(row: Row) -> bool:
    """Whether a row may teach translation: both sides, and not held back as monolingual."""
    return bool(row["source"] and row["target"] and (row["bitext"] or row["synthetic"]))


def asked(row: Row, prompt: str, backward: bool) -> tuple[str, str]:
    """The prompt and the answer of a pair, in one direction.

    >>> row = {"source": "agua", "target": "atl", "source_language": "spa", "language": "nah"}
    >>> asked(row, "{source_language}: {source} {language}:", backward=True)
    ('nah: atl spa:', 'agua')
    """
    sides = [("source", "source_language"), ("target", "language")]
    (source, source_language), (target, language) = sides[::-1] if backward else sides
    filled_in = prompt.format(
        source=row[source], source_language=row[source_language], language=row[language]
    )
    return filled_in, row[target]


def causal_rows(
    rows: Sequence[Row], encode: Encode, shape: tuple[int, int, int]
) -> Iterator[Example]:
    """Packed target text, drawn by weight.

    Args:
        shape: separator, tokens in a row, seed.
    """
    separator, length, seed = shape
    texts = {row["id"]: row["target"] for row in rows if row["target"]}
    weights = {row["id"]: row["weight"] for row in rows if row["target"]}
    return packed_texts((texts[i] for i in draws(weights, seed)), encode, separator, length)


def pair_rows(
    rows: Sequence[Row], prompt: str, encode: Encode, shape: tuple[int, int, int]
) -> Iterator[Example]:
    """Packed pairs, both ways, drawn by weight; `shape` as for `causal_rows`."""
    separator, length, seed = shape
    pairs = {row["id"]: row for row in rows if is_pair(row)}
    weights = {f"{way}{i}": row["weight"] for i, row in pairs.items() for way in ("<", ">")}
    examples = (
        pair_example(*asked(pairs[name[1:]], prompt, name[0] == "<"), encode, separator)
        for name in draws(weights, seed)
    )
    return packed_pairs(examples, separator, length)


def taken(examples: Iterator[Example], number: int) -> tuple[np.ndarray, np.ndarray]:
    """The first examples as two arrays (number, length): ids and labels.

    Raises:
        ValueError: there are not so many.
    """
    some = list(islice(examples, number))
    if len(some) < number:
        raise ValueError(f"{number} rows were asked for, got {len(some)}")
    ids = np.array([e.ids for e in some], dtype=np.int64)
    return ids, np.array([e.labels for e in some], dtype=np.int64)
