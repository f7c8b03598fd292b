"""What identification learns from: trusted rows, both sides of them, and many other languages."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from corpus.crossfit import Plan, Segment, told_apart
from corpus.declarations import macro
from corpus.folds import ALL, deal
from corpus.orthography import matching_key
from corpus.settings import Language, Languages, at_work, owner_of

LOOKED_AT = ["id", "document", "position", "source", "target", "source_language", "language"]


def claims(rows: pa.Table, sources: pa.Table, languages: Languages) -> list[dict[str, Any]]:
    """The rows with the language that their target and their source claim to be in."""
    trusted = {fact["origin"] for fact in sources.to_pylist() if fact["trusted"]}
    keys = {code: owner_of(code, languages) for code in rows["language"].unique().to_pylist()}
    return [
        {
            **row,
            "key": keys[row["language"]],
            "pivot": (row["source_language"] or "").split("_")[0] or None,
            "trusted": row["origin"] in trusted,
        }
        for row in rows.select([*LOOKED_AT, "origin"]).to_pylist()
    ]


def segments_of(
    key: str,
    facts: list[dict[str, Any]],
    foreign: list[dict[str, Any]],
    folds: int,
    languages: Languages,
) -> list[Segment]:
    """Both sides of the rows of a language and its neighbours, and the other languages' text.

    Rows come in the order of their ids, so that nothing depends on the order of the table.
    """
    near = at_work((key,), languages)
    mine = sorted(
        (n for n, f in enumerate(facts) if f["key"] in near), key=lambda n: facts[n]["id"]
    )
    trusted = [n for n in mine if facts[n]["trusted"]]
    dealt = deal([place_of(facts[n]) for n in trusted], folds)
    fold_of = dict(zip(trusted, dealt, strict=True))
    spelling = matching_key(languages[key].orthography)
    segments = []
    for n in mine:
        fact, source, target = facts[n], facts[n]["source"], facts[n]["target"]
        learn = fact["trusted"] and spelling(source or "") != spelling(target or "")
        sides = (
            ("target", fact["key"], variety_of(fact), target),
            ("source", fact["pivot"], "", source),
        )
        segments += [
            Segment(label, text, fold_of.get(n, ALL), learn, n, side, place_of(fact)[1], finer)
            for side, label, finer, text in sides
            if label and text
        ]
    return segments + other_segments(foreign, {name: languages[name] for name in near}, folds)


def labels_of(key: str, segments: list[Segment], languages: Languages) -> tuple[str, ...]:
    """The labels whose probabilities count: the language, its neighbours, then the pivots."""
    pivots = {s.label for s in segments if s.side == "source"} | {pivot_of(languages[key])}
    return tuple(dict.fromkeys((*at_work((key,), languages), *sorted(pivots))))


def trusted(plan: Plan, label: str) -> int:
    """Segments of a label to learn from: of a language its rows' targets, of a pivot any."""
    sides = ("target",) if label in plan.varieties else ("source", "other")
    return sum(s.learn and s.label == label and s.side in sides for s in plan.segments)


def judged_by(key: str, active: Sequence[str], languages: Languages) -> set[str]:
    """The languages whose rows a language's model scores: its own, and neighbours without one."""
    return {key, *(set(languages[key].neighbours) - set(active))}


def rows_of(plan: Plan, facts: list[dict[str, Any]], keys: set[str]) -> dict[int, bool]:
    """The rows of a plan that are of some languages, and whether their targets are trusted."""
    found: dict[int, bool] = {}
    for segment in plan.segments:
        if segment.side != "other" and facts[segment.row]["key"] in keys:
            known = found.get(segment.row, False)
            found[segment.row] = known or (segment.side == "target" and segment.learn)
    return dict(sorted(found.items()))


def pivot_of(language: Language) -> str:
    """The label of a language's source side: spa of spa_Latn."""
    return language.pivot.split("_")[0]


def place_of(fact: dict[str, Any]) -> tuple[str, str, int]:
    """Label, document and position of a row."""
    return fact["key"], f"{fact['origin']}/{fact['document']}", fact["position"] or 0


def other_segments(foreign: list[dict[str, Any]], near: Languages, folds: int) -> list[Segment]:
    """The other languages' segments, an article a document; what is near keeps its own key."""
    labelled = [(label_of(row["iso639_3"], near), row["section"], row["text"]) for row in foreign]
    own = told_apart((label, text) for label, _, text in labelled)
    chosen = [place for place in labelled if place[2] in own]
    dealt = deal([(label, section, 0) for label, section, _ in chosen], folds)
    return [
        Segment(label, text, fold, True, -1, "other", label, "")
        for (label, _, text), fold in zip(chosen, dealt, strict=True)
    ]


def variety_of(fact: dict[str, Any]) -> str:
    """The code of a row's variety; empty where it is the language's own key: not known."""
    return "" if fact["language"].split("_")[0] == fact["key"] else str(fact["language"])


def label_of(code: str, near: Languages) -> str:
    """The key of the language that a code belongs to, or the pivot, or else the code.

    Itself or by its macrolanguage: cmn is zho_Hans's.

    >>> label_of("glg", {})
    'glg'
    """
    whole = macro(code)
    for key, language in near.items():
        if code in language.varieties or whole in {macro(v) for v in language.varieties}:
            return key
    pivots = sorted({pivot_of(language) for language in near.values()})
    return next((pivot for pivot in pivots if macro(pivot) == whole), code)
