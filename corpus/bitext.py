"""How likely it is that the two sides of a pair translate each other, learned on planted noise.

For each active language a logistic regression tells its trusted pairs from false ones made of them
(corpus/false_pairs.py), by what can be measured on a pair (corpus/pairs.py). Nothing judges what it
has learned: pairs are dealt into folds by near-duplicate group; the word alignment, the other
measures and the classifier that score a fold come from the other folds, and so do its false pairs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from corpus.alignment import Floats, Numbers
from corpus.detection import calibration_error, share
from corpus.false_pairs import KINDS, Planted, Row, planted
from corpus.logistic import Logistic, Mask, auc, fit
from corpus.orthography import matching_key
from corpus.pairs import MEASURES, Key, Learning, Measured, measured, measures
from corpus.settings import Languages, owner_of, settings
from corpus.shards import Shards, map_shards
from corpus.stage import Output, run
from corpus.table import place

SHOWN = ("aligned_target", "aligned_source", "likeness", "numbers_missing", "names_missing")
SCORES = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("pair_score", pa.float64()),  # that the sides translate each other, 0..1
        *(pa.field(name, pa.float64()) for name in SHOWN),  # see corpus/pairs.py
    ]
)
FACTS = ["id", "document", "position", "source", "target", "language", "origin"]
LOWEST = 40  # ids in the report
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75)  # of the scores of a variety
SURE = 0.5  # score from which a pair is likelier true than false


@settings
class Bitext:
    """How word alignment and the classifier are learned."""

    folds: int  # of near-duplicate groups
    least_pairs: int  # trusted pairs of a language; with fewer it gets no score, nor where not
    # half as many are outside the largest fold
    most_pairs: int  # of a language that word alignment is learned from, those of lowest hash
    most_trusted: int  # pairs that false ones are made of, those of lowest hash
    copies: int  # false pairs made of each
    iterations: int  # of EM
    strength: float  # occurrences' worth of belief that a word means nothing
    most_pieces: int  # of a side whose words are explained, evenly spread over it
    penalty: float  # on the squares of the weights, which are of standard deviations

    def __post_init__(self) -> None:
        if self.folds < 2 or self.least_pairs < self.folds:
            raise ValueError(f"need 2 <= folds <= least_pairs, got {self}")
        if min(self.most_pairs, self.most_trusted, self.copies, self.iterations) < 1:
            raise ValueError(f"numbers must be at least 1, got {self}")
        if self.strength <= 0 or self.penalty <= 0 or self.most_pieces < 2:
            raise ValueError(f"need strength and penalty above 0, most_pieces >= 2, got {self}")


@dataclass(frozen=True)
class Plan:
    """The pairs of a language, true ones first, then false ones made of them."""

    known: Measured
    fold: Numbers
    teachers: Numbers  # the true pairs that word alignment is learned from
    how: Learning


@dataclass(frozen=True)
class Judged:
    """What was made of the pairs of a language."""

    scores: Floats  # (rows,)
    measures: Floats  # (rows, MEASURES)
    trusted: Numbers  # the rows that the classifier learned from
    false: list[Planted]
    false_scores: Floats
    classifier: Logistic  # of all folds, for the report


def bitext(  # noqa: PLR0913
    rows: pa.Table,
    sources: pa.Table,
    clusters: pa.Table,
    params: Bitext,
    active: tuple[str, ...],
    languages: Languages,
    shards: Shards,
) -> Output:
    """A score and a few measures of each pair; null for other rows and languages not active."""
    vouched = {fact["origin"] for fact in sources.to_pylist() if fact["trusted"]}
    groups = dict(zip(*(clusters[n].to_pylist() for n in ("id", "group")), strict=True))
    facts = rows.select(FACTS).to_pylist()
    columns = np.full((len(facts), 1 + len(SHOWN)), np.nan)
    owners = {code: owner_of(code, languages) for code in rows["language"].unique().to_pylist()}
    report: dict[str, Any] = {}
    for name in sorted(active):
        key = matching_key(languages[name].orthography)
        mine = [n for n, fact in enumerate(facts) if owners[fact["language"]] == name]
        both = [n for n in mine if key(facts[n]["source"] or "") and key(facts[n]["target"] or "")]
        pairs = [row_of(facts[n], groups) for n in both]
        trusted = np.array([facts[n]["origin"] in vouched for n in both], np.bool_)
        counted = {"rows": len(mine), "pairs": len(pairs), "trusted_pairs": int(trusted.sum())}
        report[name] = counted
        if lack := lacking(pairs, trusted, params):
            report[name]["score"] = f"none: {lack}"
            continue
        others = foreign(facts, owners, name)
        found = judge(pairs, trusted, others, key, (params, shards))
        shown = [found.measures[:, MEASURES.index(column)] for column in SHOWN]
        columns[both] = np.stack([found.scores, *shown], axis=1)
        report[name] |= figures(found, [facts[n] for n in both])
    made = [pa.array(column, from_pandas=True) for column in columns.T]
    return Output({"scores": pa.table([rows["id"], *made], schema=SCORES)}, report)


def lacking(pairs: Sequence[Row], trusted: Mask, params: Bitext) -> str | None:
    """What stands in the way of scores: too few trusted pairs, or all of them alike."""
    if trusted.sum() < params.least_pairs:
        return f"trusted pairs must be at least {params.least_pairs}"
    sizes = np.bincount(folds_of(pairs, params.folds)[trusted])
    if sizes.sum() - sizes.max() < params.least_pairs // 2:
        return f"trusted pairs outside the largest fold must be at least {params.least_pairs // 2}"
    return None


def folds_of(pairs: Sequence[Row], folds: int) -> Numbers:
    """The fold of each pair; it never changes as the corpus grows, unless groups merge."""
    return np.array([int(place("bitext", row.group) * folds) for row in pairs], np.int64)


def row_of(fact: Mapping[str, Any], groups: Mapping[str, str]) -> Row:
    """A row of the table as a pair."""
    return Row(
        fact["id"],
        fact["source"],
        fact["target"],
        f"{fact['origin']} {fact['document']}",
        fact["position"] or 0,
        groups[fact["id"]],
    )


def foreign(
    facts: Sequence[Mapping[str, Any]], owners: Mapping[str | None, str | None], name: str
) -> list[str]:
    """Targets in other languages, in an order that is their hashes'."""
    texts = {f["target"] for f in facts if f["target"] and owners[f["language"]] != name}
    return sorted(texts, key=lambda text: (place("foreign", text), text))


def judge(
    pairs: Sequence[Row],
    trusted: Mask,
    others: Sequence[str],
    key: Key,
    setup: tuple[Bitext, Shards],
) -> Judged:
    """Score pairs of one language, each by models of the folds that it is not in."""
    params, shards = setup
    fold = folds_of(pairs, params.folds)
    order = np.array([place("learn", row.id) for row in pairs])
    vouched = lowest(np.flatnonzero(trusted), order, params.most_trusted)
    false = [
        Planted(lie.kind, int(own[lie.row]), lie.pair)
        for number in range(params.folds)
        if len(own := vouched[fold[vouched] == number])
        for lie in planted([pairs[n] for n in own], others, params.copies, "bitext")
    ]
    false = [lie for lie in false if all(map(key, lie.pair))]
    whole = [*((row.source, row.target) for row in pairs), *(lie.pair for lie in false)]
    every = np.concatenate([fold, fold[np.array([lie.row for lie in false], np.int64)]])
    plan = Plan(
        measured(whole, key),
        every,
        lowest(np.arange(len(pairs)), order + ~trusted, params.most_pairs),  # trusted ones first
        Learning(params.iterations, params.strength, params.most_pieces),
    )
    found = np.zeros((len(whole), len(MEASURES)))
    parts = map_shards(partial(study, plan), range(params.folds), shards, "bitext")
    for number, part in enumerate(parts):
        found[every == number] = part
    taught = np.concatenate([vouched, np.arange(len(pairs), len(whole))])
    true = taught < len(pairs)
    scores = np.zeros(len(whole))
    for number in range(params.folds):
        there = every[taught] != number
        model = fit(found[taught[there]], true[there], params.penalty)
        scores[every == number] = model(found[every == number])
    return Judged(
        scores[: len(pairs)],
        found[: len(pairs)],
        vouched,
        false,
        scores[len(pairs) :],
        fit(found[taught], true, params.penalty),
    )


def lowest(places: Numbers, order: Floats, most: int) -> Numbers:
    """Those of lowest order, in their own order."""
    return np.sort(places[np.argsort(order[places], kind="stable")[:most]])


def study(plan: Plan, fold: int) -> Floats:
    """The measures of a fold's pairs, by what the others teach."""
    teachers = plan.teachers[plan.fold[plan.teachers] != fold]
    return measures(plan.known, teachers, np.flatnonzero(plan.fold == fold), plan.how)


def figures(found: Judged, facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How well false pairs are told, on folds that did not teach it, and what the rows got."""
    true = found.scores[found.trusted]
    kinds = np.array([lie.kind for lie in found.false])
    both = np.concatenate([true, found.false_scores])
    lowest_first = np.argsort(found.scores, kind="stable")[:LOWEST].tolist()
    parts: dict[tuple[str, str], list[float]] = {}
    for fact, score in zip(facts, found.scores.tolist(), strict=True):
        parts.setdefault((fact["language"], fact["origin"]), []).append(score)
    by_part: dict[str, dict[str, Any]] = {}
    for (code, origin), some in sorted(parts.items()):
        by_part.setdefault(code, {})[origin] = {
            "quantiles": np.quantile(some, QUANTILES).tolist(),
            "sure": share(sum(score >= SURE for score in some), len(some)),
        }
    kept = auc(true, found.false_scores)
    return {
        "auc": kept,
        "auc_by_kind": {kind: auc(true, found.false_scores[kinds == kind]) for kind in KINDS},
        "calibration_error": calibration_error(both, np.arange(len(both)) < len(true)),
        "by_variety": by_part,
        "lowest": {facts[n]["id"]: float(found.scores[n]) for n in lowest_first},
        "weights": weights(found.classifier),
    }


def weights(model: Logistic) -> dict[str, dict[str, float]]:
    """What a standard deviation of each measure adds to the log-odds, and its square."""
    each, squares = np.split(model.weights[1:], 2)
    return {
        name: {"linear": float(line), "square": float(square)}
        for name, line, square in zip(MEASURES, each, squares, strict=True)
    }


if __name__ == "__main__":
    run(bitext, Bitext)
