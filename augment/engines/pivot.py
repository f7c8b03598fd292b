"""Two engines one after the other, through a language that both know."""

from collections.abc import Sequence
from typing import Literal

from augment.translation import Direction, Translation
from corpus.settings import settings
from corpus.table import digest


@settings
class Pivot:
    """Which engines, through which language."""

    kind: Literal["pivot"]
    first: str  # name in `engines`, from the pivot language into the middle, and backward
    second: str  # name in `engines`, from the middle into the low-resource language, and backward
    middle: str  # language, as cat_Latn


def legs(spec: Pivot, direction: Direction) -> list[tuple[str, Direction]]:
    """The engines in the order that they are asked, each with its own direction."""
    names = (spec.first, spec.second)
    ends = (direction.source, spec.middle, direction.target)
    return [
        (name, Direction(source, target, direction.way))
        for name, source, target in zip(
            names if direction.way == "forward" else names[::-1], ends, ends[1:], strict=False
        )
    ]


def name(direction: Direction, engines: Sequence[str]) -> str:
    """The name for the column `engine`, of both engines' names."""
    return f"pivot:{direction.source}-{direction.target}@{digest(*engines)}"


def joined(passed: Translation, best: Sequence[Translation]) -> list[Translation]:
    """What the second engine made of the first one's translation.

    The score is the second engine's: two engines' scores are on no common scale. Words that either
    did not know are counted.
    """
    return [
        found._replace(unknown=found.unknown + passed.unknown, fault=passed.fault or found.fault)
        for found in best
    ]
