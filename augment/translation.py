"""What every translation engine takes and gives."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

Pair = tuple[str, str]  # what is read, what is written
EXAMPLES = "examples.jsonl"  # a few pairs of the training split, beside a language's translators


class Translation(NamedTuple):
    """One translation of a segment."""

    text: str
    score: float | None  # the engine's own, higher is better, on no scale but its own; null: none
    unknown: int  # words that the engine did not know and passed on as they were
    fault: str | None = None  # why the engine gave no translation; the text is then empty


class Direction(NamedTuple):
    """From which language an engine translates into which."""

    source: str  # spa_Latn, or a key of languages in params.yaml
    target: str
    way: str  # forward: from the pivot to the low-resource language; backward


# segments in; for each its best translations, best first, at least one
Translate = Callable[[list[str]], list[list[Translation]]]


def best_texts(found: Sequence[Sequence[Translation]]) -> list[str]:
    """The text of the best translation of each segment."""
    return [best[0].text for best in found]


def faults(found: Iterable[Translation]) -> dict[str, int]:
    """How many segments have no translation, by what the engine says was the reason."""
    return dict(sorted(Counter(one.fault for one in found if one.fault).items()))
