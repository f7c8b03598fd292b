"""Rows to token ids, labels and masks: what the trainer sees, in the order in which it sees it.

Pure: the same rows and seed give the same examples, whatever the order of the rows.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, count, islice
from typing import Any, TypeVar

from corpus.table import InputError, digest, place

IGNORED = -100  # the label of a token that the loss leaves out
MOST_TOO_LONG = 1000  # examples in a row; without it, a run whose every one is never ends
Row = dict[str, Any]
T = TypeVar("T")
Encode = Callable[[list[str]], list[list[int]]]


@dataclass(frozen=True)
class Example:
    """Token ids, the labels of those that the model must learn to say, and whose they are."""

    ids: list[int]
    labels: list[int]
    names: tuple[str, ...] = ()  # of the rows that it is made from
    starts: tuple[int, ...] = (0,)  # where a document begins
    source: list[int] | None = None  # what the encoder of an encoder-decoder reads


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

    A text that a row's end cuts goes on in the next row, as if it began there.

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
            starts = tuple(n for n in range(length) if n == 0 or buffer[n] == separator)
            yield Example(buffer[:length], buffer[:length], names, starts)
            buffer, owners = buffer[length:], owners[length:]


def joined(
    before: Sequence[str], texts: Sequence[str], encode: Encode
) -> list[tuple[list[int], list[int]]]:
    """The tokens of a first text as if alone, and of the one that goes on from it.

    The second's are those of both as one text, less the first's, where that begins as the first
    alone does; else a token would reach over the border, and the second is cut as if alone too.
    """
    alone = encode(list(before))
    whole = encode([first + text for first, text in zip(before, texts, strict=True)])
    return [
        (first, both[len(first) :] if both[: len(first)] == first else encode([text])[0])
        for first, both, text in zip(alone, whole, texts, strict=True)
    ]


def pair_example(prompt: str, answer: str, encode: Encode, separator: int) -> Example:
    """A prompt and its answer; only the answer, and that it ends, is learned.

    A space stands before the answer, so that its first word is cut as inside a text.
    """
    ((asked, said),) = joined([prompt], [f" {answer}"], encode)
    ids = [separator, *asked, *said, separator]
    ignored = 1 + len(asked)
    return Example(ids, [IGNORED] * ignored + ids[ignored:])


def fitting(examples: Iterator[Example], length: int) -> Iterator[Example]:
    """The examples that fit into `length` tokens; the others are left out.

    Raises:
        InputError: a thousand in a row are too long.
    """
    too_long = 0
    for example in examples:
        if max(len(example.ids), len(example.source or ())) <= length:
            too_long = 0
            yield example
            continue
        too_long += 1
        if too_long == MOST_TOO_LONG:
            raise InputError(
                f"{too_long} questions running, each with its answer, are longer than "
                f"adapt.row_tokens, {length}; raise it"
            )


def packed_pairs(examples: Iterator[Example], separator: int, length: int) -> Iterator[Example]:
    """Whole examples side by side in rows of `length`; the rest of a row is filled, not learned."""
    held: list[Example] = []
    for example in fitting(examples, length):
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
    starts = (0, *accumulate(len(one.ids) for one in examples))[: len(examples) + bool(rest)]
    return Example(ids + [separator] * rest, labels + [IGNORED] * rest, names, starts)


def in_variety(rows: Sequence[Row], code: str) -> list[Row]:
    """The rows of a variety, in any script."""
    return [row for row in rows if (row["language"] or "").partition("_")[0] == code]


def is_pair(row: Row) -> bool:
    """Whether a row may teach translation: both sides, and not held back as monolingual."""
    return bool(row["source"] and row["target"] and (row["bitext"] or row["synthetic"]))


def languages_of(row: Row, backward: bool) -> tuple[str, str]:
    """The language of the prompt of a pair, and that of its answer."""
    source, target = row["source_language"] or "", row["language"] or ""
    return (target, source) if backward else (source, target)


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


def easiest_first(
    drawn: Iterator[T], size: Callable[[T], int], key: Callable[[T], float | None], tokens: int
) -> Iterator[T]:
    """What a run of so many tokens draws, sorted by `key`; then the rest as drawn.

    What has no key keeps its place.
    """
    held: list[T] = []
    while tokens > 0:
        held.append(next(drawn))
        tokens -= size(held[-1])
    keyed = [(rank, one) for one in held if (rank := key(one)) is not None]
    ranked = iter([one for _, one in sorted(keyed, key=lambda pair: pair[0])])
    yield from (one if key(one) is None else next(ranked) for one in held)
    yield from drawn


def texts_drawn(
    rows: Sequence[Row], encode: Encode, seed: int, tokens: int
) -> Iterator[tuple[str, str]]:
    """Name and target text, drawn by weight; easiest first where the mixture has an order.

    Args:
        tokens: of the whole run.
    """
    texts = {row["id"]: row["target"] for row in rows if row["target"]}
    weights = {row["id"]: row["weight"] for row in rows if row["target"]}
    drawn: Iterator[tuple[str, str]] = ((i, texts[i]) for i in draws(weights, seed))
    if order := order_of(rows):
        drawn = easiest_first(
            drawn,
            lambda text: 1 + len(encode([text[1]])[0]),
            lambda text: order[text[0]],
            tokens,
        )
    return drawn


def dealt(shares: dict[str, float], streams: Mapping[str, Iterator[T]]) -> Iterator[T]:
    """One from a stream at a time, so that each always has its share of them as nearly as can be.

    >>> list(islice(dealt({"a": 2.0, "b": 1.0}, {"a": count(1), "b": count(-1, -1)}), 6))
    [1, -1, 2, 3, -2, 4]
    """
    taken = dict.fromkeys(shares, 0)
    while True:
        name = min(sorted(shares), key=lambda name: (taken[name] + 0.5) / shares[name])
        taken[name] += 1
        yield next(streams[name])
