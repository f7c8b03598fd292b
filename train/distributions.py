"""The figures of distributions: how long segments are, and what the rules measured on them."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from train.figures import Axis, Floats, histograms
from train.panels import Facts, Panel, Rows

Groups = dict[str, tuple[Axis, Mapping[str, Floats]]]  # by title


def numbers(scores: pa.Table, name: str) -> dict[str, Floats]:
    """The values of a score among kept and among dropped rows, nulls left out."""
    groups = {"kept": scores["kept"], "dropped": pc.invert(scores["kept"])}
    return {
        group: scores.filter(mask)[name].drop_null().to_numpy().astype(np.float64)
        for group, mask in groups.items()
    }


def quartiles(panels: Groups) -> Rows:
    """The five numbers of each distribution."""
    return [
        [
            title,
            group,
            len(values),
            *(float(np.quantile(values, q)) for q in (0, 0.25, 0.5, 0.75, 1)),
        ]
        for title, (_, groups) in panels.items()
        for group, values in groups.items()
        if len(values)
    ]


def distributions(name: str, title: str, note: str, panels: Groups) -> Panel | None:
    """Histograms of kept and dropped rows; None where there is no value at all."""
    some = {name: panel for name, panel in panels.items() if any(map(len, panel[1].values()))}
    if not some:
        return None
    table = quartiles(some)
    medians = [
        f"{what}, {group}: median {median:.3g}" for what, group, _, _, _, median, *_ in table
    ]
    return Panel(
        name=name,
        title=title,
        note=f"{note} Dashed: the limits of trusted origins; dotted: of others, if any. The axis "
        "of counts is logarithmic, so that the few can be seen beside the many.",
        alt=f"Histograms. {'; '.join(medians)}.",
        figure=histograms(some),
        head=["measure", "rows", "count", "least", "quarter", "median", "three quarters", "most"],
        rows=table,
    )


def lengths(key: str, facts: Facts, bins: int) -> Panel | None:
    """How long the sides are, in grapheme clusters, and how they compare."""
    panels: Groups = {
        title: log_panel(facts, rule, unit, bins)
        for title, rule, unit in (
            ("target", "target_length", "grapheme clusters"),
            ("source", "source_length", "grapheme clusters"),
            ("ratio", "length_ratio", "length of the target to that of the source"),
        )
    }
    return distributions(
        f"lengths_{key}",
        "How long segments are",
        "Length of each side in grapheme clusters, what a reader calls letters.",
        panels,
    )


def log_panel(facts: Facts, rule: str, unit: str, bins: int) -> tuple[Axis, Mapping[str, Floats]]:
    """Values of a rule on a logarithmic axis; what is not above 0 has no place on it."""
    groups = {name: values[values > 0] for name, values in numbers(facts.scores, rule).items()}
    whole = np.concatenate(list(groups.values()))
    least, most = (float(whole.min()), float(whole.max())) if len(whole) else (1.0, 10.0)
    edges = np.geomspace(least, max(most, least * 1.01), bins + 1)
    limits, untrusted = (
        tuple(limit for limit in some.get(rule, ()) if limit > 0)
        for some in (facts.limits, facts.untrusted)
    )
    return Axis(unit, edges, True, limits, untrusted), groups


def scores(key: str, facts: Facts, bins: int) -> Panel | None:
    """How sure identification is, and other shares that rules look at."""
    edges = np.linspace(0, 1, bins + 1)
    panels: Groups = {
        title: (
            Axis(unit, edges, False, facts.limits.get(rule, ()), facts.untrusted.get(rule, ())),
            numbers(facts.scores, rule),
        )
        for title, rule, unit in (
            ("language", "language_score", "probability that the target is what its row claims"),
            ("letters", "target_letters", "share of the target's visible characters"),
            ("repetition", "target_repetition", "share of the target's phrases seen in it before"),
        )
    }
    return distributions(
        f"scores_{key}", "What the rules measured", "Scores of the target side.", panels
    )
