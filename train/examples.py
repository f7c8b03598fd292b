"""Rows to token ids, labels and masks: what the trainer sees, in the order in which it sees it.

Pure: the same rows and seed give the same examples, whatever the order of the rows.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
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
    """Token ids, the labels of those that the model must learn to say, and whose they are."""

    ids: list[int]
    labels: list[int]
    names: tuple[str, ...] = ()  # of the rows that it is made from


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
    texts: Iterator[tuple[str, str]], encode: Encode, separator: int, length: int
) -> Iterator[Example]:
    """Texts with a separator before each, cut into rows of `length`; every token is learned.

    Args:
        texts: name and text.
    """
    buffer: list[int] = []
    owners: list[str] = []  # of each token in the buffer
    while True:
        batch = list(islice(texts, 64))
        for (name, _), ids in zip(batch, encode([text for _, text in batch]), strict=True):
            buffer += [separator, *ids]
            owners += [name] * (1 + len(ids))
        while len(buffer) >= length:
            names = tuple(dict.fromkeys(owners[:length]))
            yield Example(buffer[:length], buffer[:length], names)
            buffer, owners = buffer[length:], owners[length:]


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
    held: list[Example] = []
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
        if sum(len(one.ids) for one in held) + len(example.ids) > length:
            yield filled(held, separator, length)
            held = []
        held.append(example)


def filled(examples: Sequence[Example], separator: int, length: int) -> Example:
    """A row of exactly `length` tokens."""
    ids = [i for one in examples for i in one.ids]
    labels = [i for one in examples for i in one.labels]
    names = tuple(dict.fromkeys(name for one in examples for name in one.names))
    rest = length - len(ids)
    return Example(ids + [separator] * rest, labels + [IGNORED] * rest, names)


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


def order_of(rows: Sequence[Row]) -> dict[str, float]:
    """What the rows are sorted by; nothing where the mixture has no order."""
    return {row["id"]: row["order"] for row in rows if row["order"] is not None}


def texts_in_order(
    drawn: Iterator[tuple[str, str]], encode: Encode, order: dict[str, float], tokens: int
) -> Iterator[tuple[str, str]]:
    """The texts that a run of so many tokens draws, easiest first; then the rest as drawn."""
    held: list[tuple[str, str]] = []
    while tokens > 0:
        held.append(next(drawn))
        tokens -= 1 + len(encode([held[-1][1]])[0])
    yield from sorted(held, key=lambda text: order[text[0]])
    yield from drawn


def pairs_in_order(
    examples: Iterator[Example], order: dict[str, float], shape: tuple[int, int, int], number: int
) -> Iterator[Example]:
    """The pairs that a run of so many packed rows draws, easiest first; then the rest as drawn."""
    separator, length, _ = shape
    held: list[Example] = []

    def recorded() -> Iterator[Example]:
        for example in examples:
            held.append(example)
            yield example

    taken(packed_pairs(recorded(), separator, length), number)
    yield from sorted(held, key=lambda example: order[example.names[0]])
    yield from examples


def causal_rows(
    rows: Sequence[Row], encode: Encode, shape: tuple[int, int, int], number: int
) -> Iterator[Example]:
    """Packed target text, drawn by weight; what is drawn is sorted where the mixture has an order.

    Args:
        shape: separator, tokens in a row, seed.
        number: packed rows of the run.
    """
    separator, length, seed = shape
    texts = {row["id"]: row["target"] for row in rows if row["target"]}
    weights = {row["id"]: row["weight"] for row in rows if row["target"]}
    drawn: Iterator[tuple[str, str]] = ((i, texts[i]) for i in draws(weights, seed))
    if order := order_of(rows):
        drawn = texts_in_order(drawn, encode, order, number * length)
    return packed_texts(drawn, encode, separator, length)


def pair_rows(
    rows: Sequence[Row], prompt: str, encode: Encode, shape: tuple[int, int, int], number: int
) -> Iterator[Example]:
    """Packed pairs, both ways, drawn by weight; `shape` and `number` as for `causal_rows`."""
    separator, length, seed = shape
    pairs = {row["id"]: row for row in rows if is_pair(row)}
    weights = {f"{way}{i}": row["weight"] for i, row in pairs.items() for way in ("<", ">")}
    examples: Iterator[Example] = (
        replace(
            pair_example(*asked(pairs[name[1:]], prompt, name[0] == "<"), encode, separator),
            names=(name[1:],),
        )
        for name in draws(weights, seed)
    )
    if order := order_of(rows):
        examples = pairs_in_order(examples, order, shape, number)
    return packed_pairs(examples, separator, length)


def taken(examples: Iterator[Example], number: int) -> list[Example]:
    """The first examples.

    Raises:
        ValueError: there are not so many.
    """
    some = list(islice(examples, number))
    if len(some) < number:
        raise ValueError(f"{number} rows were asked for, got {len(some)}")
    return some


def arrays(examples: Sequence[Example]) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays (examples, length): ids and labels."""
    ids = np.array([e.ids for e in examples], dtype=np.int64)
    return ids, np.array([e.labels for e in examples], dtype=np.int64)


def too_long(rows: Sequence[Row], prompt: str, encode: Encode, length: int) -> int:
    """Pairs that are longer than a packed row both ways, so that none of them is ever used."""
    pairs = [row for row in rows if is_pair(row)]
    fit = [False] * len(pairs)
    for backward in (False, True):
        sides = [asked(row, prompt, backward) for row in pairs]
        prompts = encode([prompt for prompt, _ in sides])
        answers = encode([f" {answer}" for _, answer in sides])
        for at, (before, after) in enumerate(zip(prompts, answers, strict=True)):
            fit[at] |= len(before) + len(after) + 2 <= length
    return fit.count(False)
