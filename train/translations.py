"""What the translations of each system score on the same test rows, and what differs surely."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from train.metrics import Metric
from train.statistics import compare, interval

Draw = tuple[int, int]  # resamples and seed
Texts = Sequence[str]
COMPARED = {
    "translator_over_copy": ("translator", "copy"),
    "adapter_over_copy": ("mixed", "copy"),
    "adapter_over_base": ("mixed", "base"),
    "synthetic_in_translator": ("retrained", "translator"),
    "synthetic_in_adapter": ("mixed", "human"),
}
CLOSEST = ("synthetic_in_translator", "synthetic_in_adapter", "translator_over_copy")


@dataclass(frozen=True)
class Way:
    """The translations in one direction: the same first rows of every system."""

    said: Mapping[str, Texts]  # by system
    wanted: Texts  # references, as many as the most that a system said
    key: Callable[[str], str]  # under which spellings of a word are one

    def few(self, systems: Sequence[str], rows: int) -> "Way":
        """Some systems on the first rows."""
        said = {name: self.said[name][:rows] for name in systems if name in self.said}
        return Way(said, self.wanted[:rows], self.key)

    def beside(self, fewer: "Way") -> "Way":
        """With the systems of another way besides, which translated the first of these rows."""
        return Way({**fewer.said, **self.said}, self.wanted, self.key)

    def folded(self) -> "Way":
        """The same, of matching keys."""
        said = {name: [self.key(text) for text in some] for name, some in self.said.items()}
        return Way(said, [self.key(text) for text in self.wanted], self.key)


def scores(ways: Mapping[str, Way], by: Mapping[str, Metric], draw: Draw) -> dict[str, Any]:
    """By metric: its signature, each way's scores, and beside them those of matching keys."""
    folded = {name: way.folded() for name, way in ways.items()}
    report: dict[str, Any] = {}
    for name, metric in by.items():
        report[name] = {"title": metric.title, "signature": metric.signature, "on_key": {}}
        for way, some in ways.items():
            if metric.into_only and way == "to_source":
                continue
            report[name][way] = scored(some, metric, draw)
            if metric.on_key:
                report[name]["on_key"][way] = scored(folded[way], metric, draw)
    return report


def scored(way: Way, metric: Metric, draw: Draw) -> dict[str, Any]:
    """The score of each system that was there, the comparisons that can be made, and what shows.

    Returns:
        Also `shows`: half the interval's width of the difference between the two most alike
        systems. A smaller difference than this test set cannot tell from none.
    """
    of = {
        name: metric.counts(some[: metric.most], way.wanted[: len(some)][: metric.most])
        for name, some in way.said.items()
        if len(some)
    }
    if not of:
        return {"rows": 0}
    report: dict[str, Any] = {"rows": max(map(len, of.values()))}
    report |= {name: interval(some, metric.score, *draw) for name, some in of.items()}
    for name, (new, old) in COMPARED.items():
        if new in of and old in of:
            report[name] = difference(of[new], of[old], metric, draw)
    alike = next((name for name in CLOSEST if name in report), None)
    report["shows"] = report[alike]["shows"] if alike else None
    return report


def difference(new: np.ndarray, old: np.ndarray, metric: Metric, draw: Draw) -> dict[str, Any]:
    """A paired comparison of two systems on the same segments."""
    return compare(new, old, metric.score, metric.more_is_better, draw)
