"""Examples in the shape that a model of each family is given, one batch a step.

A decoder that can tell documents apart by their positions reads them packed side by side, none
seeing another; every other model reads one to a row, with others of like length.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from corpus.table import digest
from train.examples import IGNORED, Example
from train.families import Family

WINDOW = 16  # batches whose examples are sorted by length together


@dataclass(frozen=True)
class Batch:
    """What a model is given, and at each of its positions the token that it must say there."""

    inputs: dict[str, np.ndarray]  # (B, T) each, by the model's own names
    labels: np.ndarray  # (B, T) token ids, or IGNORED
    names: tuple[str, ...] = ()  # of the rows that it is made from


def packed_batches(rows: Iterator[Example], number: int, batch_rows: int) -> Iterator[Batch]:
    """So many batches of packed rows, each as long as the others."""
    for _ in range(number):
        some = list(islice(rows, batch_rows))
        if len(some) < batch_rows:
            raise ValueError(f"{batch_rows} packed rows were asked for, got {len(some)}")
        ids = np.array([e.ids for e in some], dtype=np.int64)
        positions = np.array([positions_of(e) for e in some], dtype=np.int64)
        labels = np.array([said_next(e.labels) for e in some], dtype=np.int64)
        yield Batch({"input_ids": ids, "position_ids": positions}, labels, names_of(some))


def grouped_batches(
    examples: Iterator[Example], number: int, tokens: int, reader: tuple[Family, int], seed: int
) -> Iterator[Batch]:
    """So many batches of at most `tokens` tokens with padding, each of examples of like length.

    Args:
        reader: the model's family and its padding token.
    """
    made = 0
    while made < number:
        held: list[Example] = []
        size = 0
        while size < WINDOW * tokens:
            held.append(next(examples))
            size += length_of(held[-1])
        groups = by_length(held, tokens)
        for at in sorted(range(len(groups)), key=lambda at: digest(str(seed), str(made), str(at))):
            yield padded(groups[at], *reader)
        made += len(groups)


def by_length(examples: Sequence[Example], tokens: int) -> list[list[Example]]:
    """Examples of like length together, at most `tokens` with padding, or one that is longer.

    >>> [len(group) for group in by_length([Example([1] * n, []) for n in (9, 2, 2, 3)], 8)]
    [2, 1, 1]
    """
    groups: list[list[Example]] = []
    for example in sorted(examples, key=length_of):
        if not groups or (len(groups[-1]) + 1) * length_of(example) > tokens:
            groups.append([])
        groups[-1].append(example)
    return groups


def length_of(example: Example) -> int:
    """Tokens of the longer of what is read and what is said."""
    return max(len(example.ids), len(example.source or ()))


def padded(examples: Sequence[Example], family: Family, padding: int) -> Batch:
    """A batch of one example a row, filled on the right."""
    shift = family != "encoder"
    ids = filled([e.ids for e in examples], padding)
    labels = filled([said_next(e.labels) if shift else e.labels for e in examples], IGNORED)
    mask = filled([[1] * len(e.ids) for e in examples], 0)
    if family != "encoder-decoder":
        return Batch({"input_ids": ids, "attention_mask": mask}, labels, names_of(examples))
    sources = [e.source or [] for e in examples]
    inputs = {
        "input_ids": filled(sources, padding),
        "attention_mask": filled([[1] * len(s) for s in sources], 0),
        "decoder_input_ids": ids,
        "decoder_attention_mask": mask,
    }
    return Batch(inputs, labels, names_of(examples))


def filled(rows: Sequence[Sequence[int]], value: int) -> np.ndarray:
    """The rows as one array, the short ones with `value` at their end."""
    made = np.full((len(rows), max(map(len, rows))), value, dtype=np.int64)
    for row, values in zip(made, rows, strict=True):
        row[: len(values)] = values
    return made


def said_next(labels: Sequence[int]) -> list[int]:
    """What is to be said at each position by a model that says the next token.

    >>> said_next([5, 6, 7])
    [6, 7, -100]
    """
    return [*labels[1:], IGNORED]


def positions_of(example: Example) -> list[int]:
    """The place of each token in its own document.

    >>> positions_of(Example([9, 4, 5, 9, 6], [], starts=(0, 3)))
    [0, 1, 2, 0, 1]
    """
    ends = [*example.starts[1:], len(example.ids)]
    return [
        at for start, end in zip(example.starts, ends, strict=True) for at in range(end - start)
    ]


def names_of(examples: Sequence[Example]) -> tuple[str, ...]:
    """The rows that the examples are made from, each once."""
    return tuple(dict.fromkeys(name for example in examples for name in example.names))
