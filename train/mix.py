"""The training mixture of each active language: human rows, valid synthetic rows, verdicts.

Human text weighs more than synthetic text. A row that reviewers rejected goes with all that was
made from it, and so does a method of which they rejected too many. The mixture is marked reviewed
only where each synthetic method in it has been judged. The report says how concentrated it is;
`temperature` evens out varieties and origins, and `most_share` lowers the weight of a document,
origin or domain that is too much of it. `most_synthetic` is the most of its rows that machines may
have made, and `order` the one that training follows.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from augment.making import held_back, parents_of, share_of, shown
from augment.review import (
    HUMAN,
    MAKES_SOURCE,
    Row,
    Verdict,
    agreement,
    bad_share,
    majority,
    read_folder,
    strata,
    weighted_bad_share,
)
from corpus.settings import Languages, owner_of, settings
from corpus.stage import Output, run
from corpus.table import SYNTHETIC, InputError, canonical, conserve, counts, ledger, place
from train.concentration import MostShare, Temperature, Units, levelled, measured, units
from train.curriculum import Order, ordered
from train.terms import Licences, Reasons, bounds_of, by_licence, combined, licensed, unlicensed

MIXTURE = pa.schema(
    [
        *SYNTHETIC,
        pa.field("split", pa.string()),
        pa.field("weight", pa.float64(), nullable=False),  # of the row's loss
        pa.field("synthetic", pa.bool_(), nullable=False),
        pa.field("bitext", pa.bool_(), nullable=False),  # both sides may be used, as a pair
        pa.field("order", pa.float64()),  # lowest is trained on first; null: as drawn
    ]
)


@settings
class Mix:
    """What a row weighs, and what reviewers decide."""

    human_weight: float  # of a human row's loss
    synthetic_weight: dict[str, float | None]  # by method; null: its rows are left out
    most_synthetic: float | None  # share of a mixture's rows, chosen by hash; null: all
    require_review: bool  # an active language without verdicts is an error
    most_bad: float  # share of bad rows of a method; it goes when surely above
    confidence: float  # of intervals
    temperature: Temperature  # of the weights of varieties and origins
    most_share: MostShare  # of the training text's weight; what is over it weighs less
    order: Order | None  # of training; null: as the weights draw them
    licences: Licences | None  # that rows may stand under; null: all
    engine_licences: dict[str, str]  # of what engines make, by the beginning of their name in rows

    def __post_init__(self) -> None:
        weights = {"human_weight": self.human_weight, **self.synthetic_weight}
        for name, weight in weights.items():
            if weight is not None and not weight > 0:
                raise ValueError(f"the weight of {name!r} must be above 0, got {weight}")
        if self.most_synthetic is not None and not 0 <= self.most_synthetic < 1:
            raise ValueError(
                f"most_synthetic must be null, or at least 0 and below 1, got {self.most_synthetic}"
            )
        if not (0 <= self.most_bad <= 1 and 0 < self.confidence < 1):
            raise ValueError(
                "most_bad and confidence must be between 0 and 1, "
                f"got {self.most_bad} and {self.confidence}"
            )


def left_out(
    row: Row, key: str | None, active: tuple[str, ...], weights: Mapping[str, float | None]
) -> tuple[str, object, object] | None:
    """Why a row cannot enter any mixture, whatever reviewers say, or None."""
    if key not in active:
        return "language is not active", row["language"], f"one of {', '.join(active)}"
    if row["target"] is None:
        return "no text in the language", None, None
    if row["parent"] is not None and row["origin"] not in weights:
        raise InputError(
            f"params.yaml: section 'mix' lacks synthetic_weight.{row['origin']}; "
            f"it has {sorted(weights)}"
        )
    if row["parent"] is not None and weights[row["origin"]] is None:
        return "method is not mixed in", row["origin"], "a synthetic_weight"
    return None


def over_share(rows: Sequence[Row], most: float | None) -> Reasons:
    """The synthetic rows beyond their share of a mixture: those of highest hash."""
    if most is None:
        return {}
    made = [row for row in rows if row["parent"] is not None]
    ranked = sorted(made, key=lambda row: (place("mixture", row["id"]), row["id"]))
    room = int(most / (1 - most) * (len(rows) - len(made)) + 1e-9)  # 0.1 + 0.2 is above 0.3
    limit = f"at most {most} of the mixture's rows"
    return {row["id"]: ("over the share of synthetic rows", None, limit) for row in ranked[room:]}


def rejected(
    said: Mapping[str, str], of: Mapping[str, tuple[str, str, str]], bad: Mapping[str, Any]
) -> Reasons:
    """Rows that reviewers rejected, one by one or with their whole method.

    Args:
        bad: by method that goes: its share's lower bound, and the limit.
    """
    reasons: Reasons = {}
    for id, (_, _, method) in of.items():
        if said.get(id) == "bad":
            reasons[id] = ("rejected by reviewers", "bad", "most say good")
        elif method in bad:
            reasons[id] = ("method rejected by reviewers", *bad[method])
    return reasons


def orphaned(rows: list[Row], said: Mapping[str, str]) -> Reasons:
    """Synthetic rows of which reviewers rejected a parent: they carry on what is bad in it."""
    return {
        row["id"]: ("parent rejected by reviewers", parent, "most say good")
        for row in rows
        for parent in parents_of(row)[::-1]  # the first of them is named
        if said.get(parent) == "bad"
    }


def quality(
    said: Mapping[str, str], of: Mapping[str, tuple[str, str, str]], confidence: float
) -> dict[str, Any]:
    """Share of bad rows by method and by stratum, each with its interval.

    A method's strata count by their size: the sheet has more of the small ones.
    """
    sizes: dict[str, Counter[tuple[str, str]]] = {}
    by_method: dict[str, dict[tuple[str, str], list[str]]] = {}
    by_stratum: dict[str, dict[str, dict[str, list[str]]]] = {}
    for id, (origin, variety, method) in sorted(of.items()):
        sizes.setdefault(method, Counter())[origin, variety] += 1
        if id in said:
            by_method.setdefault(method, {}).setdefault((origin, variety), []).append(said[id])
            node = by_stratum.setdefault(origin, {}).setdefault(variety, {})
            node.setdefault(method, []).append(said[id])
    return {
        "methods": {
            method: weighted_bad_share(verdicts, sizes[method], confidence)
            for method, verdicts in by_method.items()
        },
        "strata": {
            origin: {
                variety: {method: bad_share(v, confidence) for method, v in methods.items()}
                for variety, methods in varieties.items()
            }
            for origin, varieties in by_stratum.items()
        },
    }


def review(
    verdicts: list[Verdict], of: Mapping[str, tuple[str, str, str]], params: Mix
) -> tuple[dict[str, Any], Reasons]:
    """What reviewers found in the rows of one language, and the rows that go for it.

    A verdict on a row that does not exist is counted as such and in no other figure.
    """
    strange = len({v.id for v in verdicts} - of.keys())
    verdicts = [v for v in verdicts if v.id in of]
    said = majority(verdicts)
    found = quality(said, of, params.confidence)
    bad = {
        method: (figures["low"], f"at most {params.most_bad}")
        for method, figures in found["methods"].items()
        if method != HUMAN and figures["judged"] and figures["low"] > params.most_bad
    }
    figures = {
        "verdicts": len([v for v in verdicts if v.verdict]),
        "blank": len([v for v in verdicts if not v.verdict]),
        "without_row": strange,
        "reviewers": len({v.reviewer for v in verdicts if v.verdict}),
        "agreement": agreement(verdicts),
        "rejected_methods": sorted(bad),
        **found,
    }
    return figures, rejected(said, of, bad)


def standing(methods: Mapping[str, Any], synthetic: Mapping[str, int]) -> dict[str, Any]:
    """Rows judged good or bad of each method in a mixture, and whether none is without any.

    Args:
        methods: what reviewers found, by method.
        synthetic: rows of the mixture by synthetic method.
    """
    judged = {
        method: methods[method]["judged"] if method in methods else 0
        for method in sorted({HUMAN, *methods, *synthetic})
    }
    unjudged = [method for method in sorted(synthetic) if not judged[method]]
    return {
        "reviewed": any(judged.values()) and not unjudged,
        "judged": judged,
        "unjudged_methods": unjudged,
    }


def entry(row: Row, params: Mix, share: float) -> dict[str, Any]:
    """A row as the mixture holds it; a source held back as monolingual is in no row of it.

    Raises:
        RuntimeError: a synthetic row has kept such a source of its parent's.
    """
    synthetic = row["parent"] is not None
    source = row["source"] if synthetic else shown(row, share)
    kept = synthetic and source is not None and row["origin"] not in MAKES_SOURCE
    if hidden := [parent for parent in parents_of(row) if kept and held_back(parent, share)]:
        raise RuntimeError(f"mix: row {row['id']} has the source held back in {hidden[0]}")
    weight = params.synthetic_weight[row["origin"]] if synthetic else params.human_weight
    if weight is None:  # left_out has said so
        raise RuntimeError(f"mix: row {row['id']} of {row['origin']} has no weight")
    return {
        **row,
        "source": source,
        "engine": row.get("engine"),
        "split": "train",
        "weight": float(weight),
        "synthetic": synthetic,
        "bitext": source is not None,
    }


def mixture(entries: list[dict[str, Any]], kinds: Units, params: Mix) -> pa.Table:
    """The entries with the weights and the order that they are trained with."""
    made = levelled(entries, kinds, params.most_share, params.temperature)
    return canonical(pa.Table.from_pylist(ordered(made, params.order), schema=MIXTURE))


def summary(rows: pa.Table) -> dict[str, Any]:
    """Rows of a mixture by kind, and the share of its weight that human text has."""
    weights = rows["weight"].to_numpy()
    human = ~rows["synthetic"].to_numpy(zero_copy_only=False)
    whole = float(weights.sum())
    return {
        "rows": len(rows),
        "human": int(human.sum()),
        "synthetic": counts(rows.filter(rows["synthetic"]), "origin"),
        "synthetic_share": 1 - float(human.mean()) if len(rows) else None,
        "bitext": int(rows["bitext"].to_numpy(zero_copy_only=False).sum()),
        "human_weight_share": float(weights[human].sum()) / whole if whole else None,
    }


def mix(  # noqa: PLR0913
    train: pa.Table,
    synthetic: pa.Table,
    documents: pa.Table,
    sources: pa.Table,
    verdicts: Path,
    monolingual_share: str,
    params: Mix,
    active: tuple[str, ...],
    languages: Languages,
) -> Output:
    """A weighted mixture per active language, and the ledger of every row that entered."""
    share = share_of(monolingual_share)
    said = read_folder(verdicts, languages)
    of = strata(train, synthetic)
    rows = train.select(synthetic_names(train)).to_pylist() + synthetic.to_pylist()
    owners = {row["id"]: owner_of(row["language"], languages) for row in rows}
    redistribute = {row["origin"]: row["redistribute"] for row in sources.to_pylist()}
    reasons: Reasons = {}
    figures, tables, families = {}, {}, {}
    for key in active:
        mine = {id: stratum for id, stratum in of.items() if owners[id] == key}
        figures[key], gone = review(said.get(key, []), mine, params)
        judgement = majority(v for v in said.get(key, []) if v.id in mine)
        family = [row for row in rows if owners[row["id"]] == key]
        bounds = bounds_of(family, params.engine_licences)
        families[key] = licensed(family, bounds), bounds
        reasons |= unlicensed(families[key][0], params.licences) | orphaned(family, judgement)
        reasons |= gone
    for row in rows:
        reason = left_out(row, owners[row["id"]], active, params.synthetic_weight)
        reasons |= {row["id"]: reason} if reason else {}
    for key, (family, bounds) in families.items():
        kept = [row for row in family if row["id"] not in reasons]
        reasons |= (over := over_share(kept, params.most_synthetic))
        kinds = units(family, documents)
        kept = [row for row in kept if row["id"] not in over]
        tables[f"{key}/rows"] = mixture([entry(row, params, share) for row in kept], kinds, params)
        figures[key] |= {
            **measured_of(tables[f"{key}/rows"], kinds, figures[key]["methods"]),
            "terms": combined((bounds[row["id"]] for row in kept), redistribute),
            "left_out_by_licence": by_licence(family, reasons),
        }
        if params.require_review:
            check_reviewed(key, figures[key])
    book = ledger([row["id"] for row in rows], "mix", reasons)
    check(train, synthetic, book, list(tables.values()))
    reviewed = all(found["reviewed"] for found in figures.values())
    return Output(
        {**tables, "ledger": book},
        {"reviewed": reviewed, "languages": figures, **how(params)},
    )


def measured_of(rows: pa.Table, kinds: Units, methods: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a mixture.

    Args:
        methods: what reviewers found, by method.
    """
    found = summary(rows)
    return {
        **found,
        "concentration": measured(rows.to_pylist(), kinds),
        **standing(methods, found["synthetic"]),
    }


def check_reviewed(key: str, figures: Mapping[str, Any]) -> None:
    """Pass where each method of a language's mixture has been judged.

    Raises:
        InputError: one has not.
    """
    if not figures["reviewed"]:
        lacking = figures["unjudged_methods"] or "any method"
        raise InputError(
            f"verdicts/{key}.csv judges no row of {lacking} and mix.require_review is true; "
            "have the sheet of data/sample judged, or set it to false"
        )


def how(params: Mix) -> dict[str, Any]:
    """What settings did to the mixture beside what its figures show."""
    return {
        "temperature": vars(params.temperature),
        "order": params.order,
        "not_mixed_in": sorted(m for m, w in params.synthetic_weight.items() if w is None),
    }


def synthetic_names(train: pa.Table) -> list[str]:
    """The columns of a human table that a mixture keeps."""
    return [name for name in SYNTHETIC.names if name in train.column_names]


def check(train: pa.Table, synthetic: pa.Table, book: pa.Table, mixtures: list[pa.Table]) -> None:
    """Pass where each row is in exactly one mixture or in the ledger as dropped."""
    ids = pa.schema([pa.field("id", pa.string())])
    entered = [table.select(["id"]).cast(ids) for table in (train, synthetic)]
    kept = [table.select(["id"]).cast(ids) for table in mixtures]
    conserve("mix", pa.concat_tables(entered)["id"], book, pa.concat_tables(kept)["id"])


if __name__ == "__main__":
    run(mix, Mix, enters="train synthetic")
