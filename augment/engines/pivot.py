"""Two engines one after the other, through a language that both know."""

from collections.abc import Sequence
from typing import Literal

from augment.translation import Direction, Translate, Translation
from corpus.settings import settings
from corpus.table import digest


@settings
class Pivot:
    """Which engines, through which language."""

    kind: Literal["pivot"]
    first: str  # name in `engines`, into the middle language
    second: str  # name in `engines`, out of it
    middle: str  # language, as cat_Latn


def name(direction: Direction, legs: Sequence[str]) -> str:
    """The name for the column `engine`, of both engines' names."""
    return f"pivot:{direction.source}-{direction.target}@{digest(*legs)}"


def load(legs: Sequence[Translate]) -> Translate:
    """The best of the first engine's translations, translated by the second.

    The score is the second engine's: two engines' scores are on no common scale. Words that either
    did not know are counted.
    """
    first, second = legs

    def translate(texts: list[str]) -> list[list[Translation]]:
        middle = [found[0] for found in first(texts)]
        made = second([found.text for found in middle])
        return [
            [found._replace(unknown=found.unknown + passed.unknown) for found in best]
            for passed, best in zip(middle, made, strict=True)
        ]

    return translate
