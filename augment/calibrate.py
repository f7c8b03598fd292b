"""How well each gate ranks made text by its true quality, and the risk that follows from it.

A gate counts towards a row's risk where its rank correlation with the true quality, measured in the
run, is surely on the right side of zero, by what it tells beside the other gates. A gate whose
model was trained on the validation rows too is reported, but never counts: its correlation is
measured on seen text.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.optimize import nnls
from scipy.stats import rankdata

from augment.gates import (
    CHRF_PLUS_PLUS,
    GATES,
    Pair,
    Scores,
    Yardstick,
    chrf,
    measure,
)
from augment.limits import broken
from augment.makers import OTHER, Maker
from augment.review import Row
from corpus.table import place

DRAWS = 1000  # of the bootstrap
UNKNOWN: dict[str, str | None] = {"source": None, "target": None}  # a calibration row's parent
SEEN = ("language",)  # identify learns from all trusted text, validation rows included


def rank_correlation(values: Sequence[float], truth: Sequence[float], seed: int) -> dict[str, Any]:
    """Spearman's rho with its 95 % bootstrap interval; null where a side never varies."""
    pairs = np.array([values, truth], dtype=float)  # (2, n)
    if pairs.shape[1] < 3 or (pairs.min(axis=1) == pairs.max(axis=1)).any():
        return {"spearman": None, "low": None, "high": None}
    generator = np.random.default_rng(seed)
    draws = generator.integers(0, pairs.shape[1], (DRAWS, pairs.shape[1]))
    draws[0] = np.arange(pairs.shape[1])  # the sample itself first
    ranks = rankdata(pairs[:, draws], axis=2)  # (2, draws, n)
    ranks -= ranks.mean(axis=2, keepdims=True)
    spread = np.sqrt((ranks**2).sum(axis=2)).prod(axis=0)
    with np.errstate(invalid="ignore"):
        rho = (ranks[0] * ranks[1]).sum(axis=1) / spread
    low, high = np.nanquantile(rho[1:], [0.025, 0.975])
    return {"spearman": float(rho[0]), "low": float(low), "high": float(high)}


def halves(values: Sequence[float], truth: Sequence[float], sign: int) -> dict[str, float]:
    """Mean quality of the half of the pairs that a gate holds for better, and of the other."""
    order = np.argsort(-sign * np.array(values, dtype=float), kind="stable")
    ranked = np.array(truth, dtype=float)[order]
    middle = len(ranked) // 2
    return {
        "best_half": float(ranked[:middle].mean()),
        "worst_half": float(ranked[middle:].mean()),
    }


def trusted(figures: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The gates whose correlation is surely on the right side of zero.

    A gate in SEEN is none, for how it ranks text that it has not seen is not known.
    """
    return [
        gate
        for gate, sign in GATES.items()
        if gate not in SEEN
        and figures[gate]["spearman"] is not None
        and min(sign * figures[gate]["low"], sign * figures[gate]["high"]) > 0
    ]


def weighed(
    scores: Sequence[Scores], truth: Sequence[float], figures: Mapping[str, Mapping[str, Any]]
) -> dict[str, float]:
    """The weight of each trusted gate that tells something beside the others; they sum to 1.

    Least squares of the truth's ranks on those of the gates, none below 0: two gates that say the
    same share one weight. Unseen and unknown words do.
    """
    gates = trusted(figures)
    if not gates:
        return {}
    sides = ranks(scores, gates), 1 - places(np.array(truth, dtype=float))
    found, _ = nnls(*(side - side.mean(axis=0) for side in sides))
    whole = float(found.sum())
    return (
        {g: float(w) / whole for g, w in zip(gates, found, strict=True) if w > 0} if whole else {}
    )


def places(values: np.ndarray) -> np.ndarray:
    """(n,): the place of each value among them, 0 to 1, from the smallest."""
    found: np.ndarray = (rankdata(values) - 0.5) / len(values)
    return found


def ranks(scores: Sequence[Scores], gates: Sequence[str]) -> np.ndarray:
    """(n, gates): the place of each row by each gate, 0 (best) to 1; null is in the middle."""
    found = np.full((len(scores), len(gates)), 0.5)
    for column, gate in zip(found.T, gates, strict=True):
        values = np.array([s[gate] for s in scores], dtype=float)  # null becomes nan
        known = ~np.isnan(values)
        if known.any():
            column[known] = places(-GATES[gate] * values[known])
    return found


def risks(scores: Sequence[Scores], weights: Mapping[str, float]) -> list[float | None]:
    """The weighted mean of a row's rank in each gate, 0 (best) to 1.

    All are null where no gate has a weight: nothing is known to tell good rows from bad.
    """
    if not weights:
        return [None] * len(scores)
    total = ranks(scores, list(weights)) @ np.array(list(weights.values()))
    return [float(risk) for risk in total / sum(weights.values())]


def correlations(scores: Sequence[Scores], truth: Sequence[float], seed: int) -> dict[str, Any]:
    """Rank correlation with the truth, and quality of both halves, for each gate."""
    figures = {}
    for gate, sign in GATES.items():
        known = [(s[gate], t) for s, t in zip(scores, truth, strict=True) if s[gate] is not None]
        values, true = zip(*known, strict=True) if known else ((), ())
        found = rank_correlation(values, true, seed)
        figures[gate] = {"rows": len(known), "seen": gate in SEEN, **found}
        if figures[gate]["spearman"] is not None:
            figures[gate] |= halves(values, true, sign)
    return figures


def together(
    ids: Sequence[str], scores: Sequence[Scores], truth: Sequence[float], seed: int
) -> dict[str, Any]:
    """How well the risk ranks rows whose truth its weights have not seen (two folds)."""
    fold = [place("fold", id) < 0.5 for id in ids]
    risk = np.full(len(ids), 0.5)
    for side in (True, False):
        mine = [n for n in range(len(ids)) if fold[n] == side]
        others = [n for n in range(len(ids)) if fold[n] != side]
        seen = [scores[n] for n in others], [truth[n] for n in others]
        weights = weighed(*seen, correlations(*seen, seed))
        found = risks([scores[n] for n in mine], weights)
        risk[mine] = [0.5 if value is None else value for value in found]
    figures = rank_correlation(risk.tolist(), truth, seed)
    return (
        figures if figures["spearman"] is None else {**figures, **halves(risk.tolist(), truth, -1)}
    )


def within(scores: Sequence[Scores], gate: str) -> float | None:
    """The value that 95 % of human pairs keep to, to set a limit by."""
    values = [s[gate] for s in scores if s[gate] is not None]
    quantile = 0.05 if GATES[gate] > 0 else 0.95
    return float(np.quantile(np.array(values, dtype=float), quantile)) if values else None


def effect(
    scores: Sequence[Scores], truth: Sequence[float], limits: Mapping[str, float | None]
) -> dict[str, dict[str, Any]]:
    """What each limit of back-translation does to the calibration rows, by gate."""
    figures = {}
    for name, limit in limits.items():
        drops = [broken(s, {name: limit}) is not None for s in scores]
        kept = [t for t, drop in zip(truth, drops, strict=True) if not drop]
        dropped = [t for t, drop in zip(truth, drops, strict=True) if drop]
        figures[name.partition("_")[2]] = {
            "limit": limit,
            "dropped": len(dropped),
            "kept_chrf": float(np.mean(kept)) if kept else None,
            "dropped_chrf": float(np.mean(dropped)) if dropped else None,
        }
    return figures


def calibrate(
    pairs: Sequence[Row],
    yards: Yardstick,
    maker: Maker | None,
    limits: Mapping[str, float | None],
    seed: int,
) -> tuple[dict[str, Any], dict[str, float]]:
    """Each gate against the true quality of what an engine makes, and the weights that follow.

    Args:
        pairs: human, of the validation split: one side of each is made anew out of the other.
        maker: null where the method makes text that no human text can be held against.
        limits: those of the method, to report what each would drop. The round trip, the gate that
            costs, is made where it has one, and where another engine made the text.
    """
    if maker is None:
        return {"rows": 0, "truth": "no truth to be held against"}, {}
    if not pairs or maker.translate is None:
        return {"rows": 0, "truth": "no translator" if pairs else "no validation pairs"}, {}
    made = made_again(pairs, maker)
    tripping = maker.side == "source" and limits.get("least_round_trip") is not None
    scores = measure(made, yards, range(len(pairs)) if tripping else [])
    truth = chrf([pair.texts[maker.side] for pair in made], [row[maker.side] for row in pairs])
    figures = correlations(scores, truth, seed)
    effects = effect(scores, truth, limits)
    human = [Pair(row["source"], row["target"], (maker.side,), UNKNOWN) for row in pairs]
    plain = measure(human, yards, [])
    gates = {
        gate: {**figures[gate], **effects.get(gate, {}), "human_95": within(plain, gate)}
        for gate in GATES
    }
    weights = weighed(scores, truth, figures)
    report = {
        "rows": len(pairs),
        "truth": f"human {maker.side}",
        "engine": maker.engine,
        "measure": "mean sentence chrF++",
        "chrf": float(np.mean(truth)),
        "signature": str(CHRF_PLUS_PLUS.get_signature()),
        "gates": gates,
        "together": together([row["id"] for row in pairs], scores, truth, seed),
        "weights": weights,
    }
    return report, weights


def made_again(pairs: Sequence[Row], maker: Maker) -> list[Pair]:
    """Human pairs with one side as the engine makes it of the other."""
    if maker.translate is None:
        return []
    side, other = maker.side, OTHER[maker.side]
    found = maker.translate([row[other] for row in pairs])
    return [
        Pair(sides["source"], sides["target"], (side,), UNKNOWN, said)
        for row, said in zip(pairs, found, strict=True)
        for sides in [{side: said.text, other: row[other]}]
    ]
