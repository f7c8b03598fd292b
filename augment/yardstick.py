"""What synthetic rows of one language are held against: its human text, and models of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from augment.gates import PLAIN, Probability, Translate, Yardstick, yardstick_words
from augment.makers import Maker
from augment.protected import Protected
from corpus.orthography import matching_key
from corpus.settings import Language


@dataclass(frozen=True)
class Models:
    """The trained models of one language that the gates ask."""

    language: Mapping[str, Probability]  # that a text is in the language of that side, by side
    forward: Translate | None  # null: there is no translator
    makers: Mapping[str, Maker | None]  # by method; null: no truth to be held against


@dataclass(frozen=True)
class Human:
    """The human text of one language."""

    train: list[dict[str, Any]]  # a source that is held back is null
    validation: list[dict[str, Any]]
    held_out: list[dict[str, Any]]  # validation and test rows of every language
    language: Language
    protected: Protected
    matches: Mapping[str, float] = field(default_factory=dict)  # stage encoder's, by id


def yardstick(human: Human, models: Models) -> Yardstick:
    """What training text gives to hold synthetic text against."""
    keys: dict[str, Callable[[str], str]] = {
        "source": PLAIN,
        "target": matching_key(human.language.orthography),
    }
    pairs = [(r["source"], r["target"]) for r in human.train if r["source"] and r["target"]]
    ratios = [len(source) / len(target) for source, target in pairs]
    return Yardstick(
        keys=keys,
        words={
            "source": yardstick_words((row["source"] for row in human.train), keys["source"]),
            "target": yardstick_words((row["target"] for row in human.train), keys["target"]),
        },
        ratio=float(np.median(ratios)) if ratios else 1.0,
        language=models.language,
        forward=models.forward,
    )
