"""An order of a mixture's rows, easiest first, for a training run to follow.

Sources: Platanios et al. 2019, https://aclanthology.org/N19-1119 (length and rarity);
Bengio et al. 2009, https://doi.org/10.1145/1553374.1553380
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Literal

from corpus.orthography import matching_key

Order = Literal["length", "rarity", "synthetic_first", "human_first"]
Row = dict[str, Any]
PLAIN = matching_key(None)


def length(rows: Sequence[Row]) -> list[float]:
    """Characters of the target."""
    return [float(len(row["target"])) for row in rows]


def rarity(rows: Sequence[Row]) -> list[float]:
    """How unlikely the target's words are, as a sum of negative logarithms, among human ones.

    Words are what white space parts; a word that human rows do not have counts as half a word.
    """
    texts = [PLAIN(row["target"]).split() for row in rows]
    human = Counter(
        word
        for row, words in zip(rows, texts, strict=True)
        if not row["synthetic"]
        for word in words
    )
    whole = human.total() + 1
    return [math.fsum(math.log(whole / (human[word] or 0.5)) for word in words) for words in texts]


def synthetic_first(rows: Sequence[Row]) -> list[float]:
    """Human rows last, as what a run ends on weighs most."""
    return [float(not row["synthetic"]) for row in rows]


def human_first(rows: Sequence[Row]) -> list[float]:
    """Synthetic rows last."""
    return [float(row["synthetic"]) for row in rows]


ORDERS: dict[Order, Callable[[Sequence[Row]], list[float]]] = {
    "length": length,
    "rarity": rarity,
    "synthetic_first": synthetic_first,
    "human_first": human_first,
}


def ordered(rows: Sequence[Row], order: Order | None) -> list[Row]:
    """The rows with what they are sorted by, lowest first; null: no order."""
    values = [None] * len(rows) if order is None else ORDERS[order](rows)
    return [{**row, "order": value} for row, value in zip(rows, values, strict=True)]
