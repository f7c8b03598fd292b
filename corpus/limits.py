"""Limits that trusted text sets: what is usual in a variety, its language and its lenders."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.settings import Languages, owner_of, settings
from corpus.table import InputError

Floats = npt.NDArray[np.float64]
Bound = Literal["least", "most", "both"]
Rules = Mapping[str, Bound]
ROUNDING = 1e-9  # of sums of weights
Groups = dict[str, pa.Table]  # the trusted rows of each variety, by its code


@settings
class Learning:
    """How limits are learned."""

    kept_share: dict[str, float]  # of trusted text, by rule or default, that a limit keeps, 0..1
    prior_rows: int  # rows that count as much as all that a variety's language lends to it
    least_rows: int  # trusted rows of a language, with those of its lenders, to set limits
    lenders: dict[str, tuple[str, ...]]  # by language, the others whose text may set its limits

    def __post_init__(self) -> None:
        if "default" not in self.kept_share:
            raise ValueError("kept_share needs the key 'default'")
        for share in self.kept_share.values():
            if not 0 < share <= 1:
                raise ValueError(f"kept_share must be above 0 and at most 1, got {share}")
        if self.least_rows < 1 or self.prior_rows < 1:
            raise ValueError(f"prior_rows and least_rows must be at least 1, got {self}")


def learned(
    scores: pa.Table, trusted: list[str], rules: Rules, languages: Languages, params: Learning
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The limits of each language and variety with enough trusted text, and those only suggested.

    What is usual in a variety is its own trusted rows and `prior_rows` rows' weight of what is
    usual in its language: the more rows of its own, the less of the others'. The language's limits
    hold for rows of no variety known from trusted text. No limit is fitted on another language's
    text unless `lenders` says so; what all others' would be is suggested in the report.
    """
    named = {*params.lenders, *(name for some in params.lenders.values() for name in some)}
    if unknown := sorted(named - languages.keys()):
        raise InputError(
            f"params.yaml: assess.limits.lenders has unknown {unknown}; "
            f"known are {sorted(languages)}"
        )
    known = scores.filter(pc.is_in(scores["origin"], value_set=pa.array(trusted, pa.string())))
    own: dict[str, Groups] = {key: {} for key in sorted(languages)}
    for code in sorted(filter(None, pc.unique(known["language"]).to_pylist())):
        if key := owner_of(code, languages):
            own[key][code] = known.filter(pc.equal(known["language"], code))
    here = {owner_of(code, languages) for code in pc.unique(scores["language"]).to_pylist()}
    limits, suggested = [], []
    for key, groups in own.items():
        lent = {c: v for other in params.lenders.get(key, ()) for c, v in own[other].items()}
        if sum(map(len, (*groups.values(), *lent.values()))) >= params.least_rows:
            limits += limits_of(key, groups, lent, rules, params)
        elif key in here:
            others = {c: v for k, some in own.items() if k != key for c, v in some.items()}
            suggested += limits_of(key, {}, groups | others, rules, params)
    return limits, suggested


def limits_of(
    key: str, groups: Groups, lent: Groups, rules: Rules, params: Learning
) -> list[dict[str, Any]]:
    """The limits of a language and of its varieties, from their rows and those lent to it."""
    prior = params.prior_rows
    some = list((groups | lent).values())
    limits = []
    for rule, way in rules.items():
        columns = [group[rule].drop_null().to_numpy() for group in some]
        base = np.concatenate(columns) if columns else np.zeros(0)
        weigh = [np.full(len(column), 1 / (len(column) + prior)) for column in columns]
        weights = np.concatenate(weigh) if weigh else base
        share = params.kept_share.get(rule, params.kept_share["default"])
        limits.append({"rule": rule, "language": key, **limit(base, weights, way, share)})
        for code, column in zip(groups, columns, strict=False):
            values = np.concatenate([column, base])
            lent_weights = weights * (prior / weights.sum()) if len(weights) else weights
            mixed = np.concatenate([np.ones(len(column)), lent_weights])
            limits.append({"rule": rule, "language": code, **limit(values, mixed, way, share)})
    return limits


def limit(values: Floats, weights: Floats, way: Bound, share: float) -> dict[str, float]:
    """The observed values between which a share of the weight lies, on the sides asked for.

    Own rows of weight 1 and others' of a constant weight in all are the posterior mean of a
    Dirichlet process about the others' distribution: no transform or shape is assumed.

    Source: Ferguson 1973, https://doi.org/10.1214/aos/1176342360
    """
    if not weights.sum():
        return {}
    tail = weights.sum() * (1 - share) / (2 if way == "both" else 1)
    bounds: dict[str, float] = {}
    order = np.argsort(values, kind="stable")
    if way != "most":
        bounds["least"] = beyond(values[order], weights[order], tail)
    if way != "least":
        bounds["most"] = beyond(values[order[::-1]], weights[order[::-1]], tail)
    return bounds


def beyond(values: Floats, weights: Floats, tail: float) -> float:
    """The first value with more than a weight of `tail` up to it: at most that lies before it."""
    place = int(np.searchsorted(np.cumsum(weights), tail * (1 + ROUNDING), side="right"))
    return float(values[min(place, len(values) - 1)])


def by_language(limits: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """Limits as a tree, without the sides that have none."""
    tree: dict[str, dict[str, dict[str, float]]] = {}
    for row in limits:
        sides: dict[str, float] = {name: row[name] for name in ("least", "most") if name in row}
        tree.setdefault(row["language"], {})[row["rule"]] = sides
    return tree
