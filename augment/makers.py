"""Which engine made a method's rows: asked again of human pairs, it shows what its text is worth.

A method that makes one side out of the other can be held against human text: what its engine makes
of a validation row, against the side that people wrote. A method that respells, adds noise or
joins rows has no such truth.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

from augment.engine import Engines, Way, name_of, opened, ready, translate
from augment.translation import Translation
from corpus.settings import Language
from corpus.shards import Shards
from corpus.table import InputError

Side = Literal["source", "target"]
OTHER: dict[str, Side] = {"source": "target", "target": "source"}
WAY: dict[str, Way] = {"source": "backward", "target": "forward"}
TOLD = ("backtranslate", "forward")  # methods whose made side is the engine's answer
Say = Callable[[list[str]], list[Translation]]


class Maker(NamedTuple):
    """The engine of a method, in the direction of the side that it makes."""

    side: Side
    engine: str  # as rows name it; empty where it cannot be asked
    translate: Say | None  # null: the language has no translator


class Asking(NamedTuple):
    """All that opens an engine but its name and direction."""

    language: tuple[str, Language]  # its key, and what params.yaml says of it
    engines: Engines
    translators: Path
    shards: Shards

    def open(self, name: str, side: Side) -> Maker:
        """The engine that makes this side."""
        engine = opened(name, self.language, WAY[side], self.engines, self.translators)
        if not ready(engine):
            return Maker(side, "", None)
        ask = partial(translate, engine, shards=self.shards, label=f"validate {WAY[side]}")
        return Maker(side, name_of(engine), ask)


def engine_names(word: str) -> dict[str, str]:
    """The name in `engines` of each method's engine, from the command line.

    >>> engine_names("backtranslate:own,forward:nllb")
    {'backtranslate': 'own', 'forward': 'nllb'}

    Raises:
        InputError: it is no list of method:engine.
    """
    pairs = [part.partition(":") for part in word.split(",") if part]
    if bad := [f"{method}{colon}{name}" for method, colon, name in pairs if not (method and name)]:
        raise InputError(f"makers must be method:engine with commas between, got {bad[0]!r}")
    return {method: name for method, _, name in pairs}


def makers(
    truth: Mapping[str, Side | None], names: Mapping[str, str], asking: Asking
) -> dict[str, Maker | None]:
    """The maker of each method; null for one without a truth.

    Raises:
        InputError: a method has a truth, but no engine on the command line.
    """
    if lacking := sorted(method for method in truth if truth[method] and method not in names):
        raise InputError(
            f"params.yaml: validate.truth names a side for {lacking}, but makers= of stage "
            f"validate has engines for {sorted(names)} only"
        )
    return {
        method: None if side is None else asking.open(names[method], side)
        for method, side in truth.items()
    }


def said(rows: Sequence[Mapping[str, Any]], maker: Maker | None) -> list[Translation | None]:
    """What the engine said of each row as it made it; null where it made another text.

    Of the methods in TOLD only, whose rows are what the engine answered: the records hold it, so
    nothing is asked twice.
    """
    found: list[Translation | None] = [None] * len(rows)
    if maker is None or maker.translate is None:
        return found
    places = [n for n, row in enumerate(rows) if row[OTHER[maker.side]]]
    answers = maker.translate([rows[n][OTHER[maker.side]] for n in places])
    for n, answer in zip(places, answers, strict=True):
        found[n] = answer if answer.text == rows[n][maker.side] else None
    return found
