"""Bits per byte of base and adapters, by the parts of a test set, and what the adapters save.

Parts are of human target text: variety, origin, orthography, and how far a row is from what was
trained on. Beside them: what a translator made of test rows, for a model that has read much made
text finds it easy; and the Universal Declaration, on which no stage trains a model.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from train.scores import rate
from train.statistics import compare, interval

ADAPTERS = ("human", "mixed")
SPEAKERS = ("base", *ADAPTERS)
PARTS = {
    "by_variety": "language",
    "by_origin": "origin",
    "by_orthography": "orthography",
    "by_held_out": "held_out",
}
Row = Mapping[str, Any]
Draw = tuple[int, int]  # resamples and seed
Spent = Mapping[str, np.ndarray]  # (n, 2) bits and bytes of each text, by system


def spent(of: Spent, draw: Draw) -> dict[str, Any]:
    """Bits per byte of each system, and the share of the base's that each adapter saves."""
    return {
        "rows": len(of["base"]),
        **{name: interval(some, rate, *draw) for name, some in of.items()},
        "saved": {
            name: interval(np.hstack([of[name], of["base"]]), saved, *draw) for name in ADAPTERS
        },
    }


def saved(sums: np.ndarray) -> float:
    """The share of the base's bits that a system saves; from bits and bytes of both."""
    return 1 - rate(sums[:2]) / rate(sums[2:])


def task(of: Spent, draw: Draw) -> dict[str, Any]:
    """What is spent, and what the synthetic rows change."""
    return spent(of, draw) | {"synthetic": compare(of["mixed"], of["human"], rate, False, draw)}


def parts(of: Spent, rows: Sequence[Row], draw: Draw) -> dict[str, dict[str, Any]]:
    """What is spent on the target text of each part, and on each document that is held out."""
    report = {
        name: by([row[column] or "not known" for row in rows], of, draw)
        for name, column in PARTS.items()
    }
    names = [row["document"] if row["held_out"] in ("document", "origin") else "" for row in rows]
    report["by_held_out_document"] = by(names, of, draw)
    return report


def by(values: Sequence[str], of: Spent, draw: Draw) -> dict[str, Any]:
    """What is spent on the texts of each value; on those without one nothing is said."""
    part = np.array(values)
    return {
        value: spent({name: some[part == value] for name, some in of.items()}, draw)
        for value in sorted(set(values) - {""})
    }


def made(of: Spent, human: Spent, draw: Draw) -> dict[str, Any]:
    """What is spent on text that a translator made of test rows, and on the human text of the same.

    Returns:
        Also `easier`: how much more of the bits per byte of human text than of made text the
        `mixed` adapter spends than `human` does. Above zero, synthetic rows taught it machine text.
    """
    both = np.hstack([human["mixed"], of["mixed"], human["human"], of["human"]])
    return {
        "made": spent(of, draw),
        "human": spent(human, draw),
        "easier": interval(both, easier, *draw),
    }


def easier(sums: np.ndarray) -> float:
    """Bits per byte of human text over those of made text, less the same of another system."""
    human, machine, human_before, machine_before = (rate(two) for two in sums.reshape(4, 2))
    return human / machine - human_before / machine_before


def forgotten(of: Spent, draw: Draw) -> dict[str, Any]:
    """What is spent on a language that the base knew; `worse` of a change means forgetting."""
    return spent(of, draw) | {
        "change": {name: compare(of[name], of["base"], rate, False, draw) for name in ADAPTERS}
    }
