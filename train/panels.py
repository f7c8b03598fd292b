"""The figures about the corpus: rows lost, identification, orthographies, splits."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from matplotlib.figure import Figure

from corpus.results import SPLITS, Tree, bounds, estimate, rows_of
from corpus.settings import Languages, at_work, owner_of
from train.figures import Mark, bars, dots

DECIDING = ("gather", "clean", "select", "validate", "mix")
MOST_REASONS = 30  # bars that can still be read
Rows = list[list[Any]]


@dataclass(frozen=True)
class Panel:
    """A figure with all that a reader needs who cannot see it, or a table alone."""

    name: str  # of its files
    title: str
    note: str  # what to see, and how it was measured
    alt: str  # of the figure
    figure: Figure | None
    head: list[str]
    rows: Rows  # the same numbers as a table


@dataclass(frozen=True)
class Facts:
    """What is read beside the reports, of the rows of one language."""

    rates: pa.Table  # RATES of select
    scores: pa.Table  # id, scores of identify and assess, and kept
    limits: Mapping[str, tuple[float, ...]]  # by rule, of trusted origins
    untrusted: Mapping[str, tuple[float, ...]]  # of the others, where there are any


def lost(reports: Tree, keys: tuple[str, ...], languages: Languages) -> Panel:
    """Rows kept and dropped by each stage that decides."""
    names = [*(f"{key} kept" for key in keys), "dropped"]
    parts: dict[str, dict[str, float]] = {name: {} for name in names}
    table: Rows = []
    for stage in DECIDING:
        report = reports[stage]
        for key in keys:
            parts[f"{key} kept"][stage] = rows_of(report["kept_by_language"], key, languages)
        parts["dropped"][stage] = report["dropped"]
        table.append([stage, report["entered"], report["kept"], report["dropped"]])
    alt = "; ".join(f"{stage} keeps {kept:,} of {rows:,}" for stage, rows, kept, _ in table)
    return Panel(
        name="rows_lost",
        title="Rows kept and lost, stage by stage",
        note="Of each stage that decides: rows kept, by language, and rows dropped. validate "
        "judges synthetic rows; mix drops rows of neighbour languages, which are not trained on.",
        alt=f"Bars of rows by stage: {alt}.",
        figure=bars({name: part for name, part in parts.items() if any(part.values())}, "rows"),
        head=["stage", "entered", "kept", "dropped"],
        rows=table,
    )


def reasons(reports: Tree, keys: tuple[str, ...], languages: Languages) -> Panel | None:
    """Dropped rows of human text by reason; None where nothing was dropped."""
    parts: dict[str, dict[str, float]] = {key: {} for key in keys}
    sums: Counter[str] = Counter()
    for stage in ("gather", "clean", "select"):
        for reason, codes in reports[stage]["dropped_by_reason"].items():
            label = f"{stage}: {reason}"
            for key in keys:
                parts[key][label] = rows_of(codes, key, languages)
                sums[label] += int(parts[key][label])
    labels = [label for label, _ in sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))]
    if not labels:
        return None
    top = {key: {n: part[n] for n in labels[:MOST_REASONS]} for key, part in parts.items()}
    return Panel(
        name="reasons",
        title="Why rows were dropped",
        note="Each dropped row has one reason, the first rule that it failed; 'milpa why ID' "
        "shows the value and the limit of any row.",
        alt="Bars of dropped rows by reason; most often: "
        + ", ".join(f"{label} ({sums[label]:,})" for label in labels[:3])
        + ".",
        figure=bars(top, "rows dropped"),
        head=["reason", *keys],
        rows=[[label, *(parts[key][label] for key in keys)] for label in labels],
    )


def placed(key: str | None, near: tuple[str, ...]) -> int:
    """The place of a language among those that are told apart; what is none of them is last."""
    return near.index(key) if key in near else len(near)


def identification(key: str, report: Tree, languages: Languages) -> Panel | None:
    """Recall of each language and variety on held-out text; None where no model was trained."""
    near = at_work((key,), languages)
    labels, codes = report.get("labels", {}), report.get("by_variety", {})
    marks, table = [], []
    for label in sorted(labels, key=lambda name: (placed(name, near), name)):
        for name, figures in (("this run", labels[label]), ("lid.176", labels[label]["lid176"])):
            if figures and (value := bounds(figures["recall"])):
                marks.append(Mark(label, name, *value))
                shown = (figures[n] for n in ("recall", "precision", "false_accepts"))
                table.append([label, name, *(estimate(n, 4) for n in shown)])
    for code in sorted(codes, key=lambda name: (placed(owner_of(name, languages), near), name)):
        if value := bounds(codes[code]):
            marks.append(Mark(code, "this run", *value))
            table.append([code, "this run", estimate(codes[code], 4), "", ""])
    if not marks:
        return None
    return Panel(
        name=f"identification_{key}",
        title="Identification on text that no model had seen",
        note="Recall at the limit that lets the stated rate of other languages pass, with "
        "Wilson's 95 % interval; lid.176 has the same rate of false accepts and is not shown "
        "for languages that it does not know.",
        alt="Dots with intervals: "
        + ", ".join(f"{m.label} ({m.group}) {m.value:.3f}" for m in marks)
        + ".",
        figure=dots({"": marks}, "recall"),
        head=["language", "model", "recall", "precision", "false accepts"],
        rows=table,
    )


def abstention(key: str, report: Tree) -> Panel | None:
    """Coverage against accuracy as the least probability of a label moves; None without a model."""
    curve = report.get("languages", {}).get("abstention", [])
    marks = [
        Mark(f"{point['limit']:g}", name, *value)
        for point in curve
        for name in ("coverage", "accuracy")
        if (value := bounds(point[name]))
    ]
    if not marks:
        return None
    return Panel(
        name=f"abstention_{key}",
        title="What is labelled, and how much of it rightly, as the limit rises",
        note="Of held-out segments of all languages and noise: the share whose most probable label "
        "(the language, a neighbour, the pivot, noise or other) reaches the limit, and the share "
        "of those that is right. Wilson's 95 % intervals.",
        alt="Dots with intervals: "
        + "; ".join(f"{mark.group} {mark.value:.3f} at {mark.label}" for mark in marks)
        + ".",
        figure=dots({"": marks}, "share"),
        head=["limit", "coverage", "accuracy"],
        rows=[
            [point["limit"], *(estimate(point[n], 4) for n in ("coverage", "accuracy"))]
            for point in curve
        ],
    )


def orthographies(key: str, report: Tree, languages: Languages) -> Panel | None:
    """Rows of each variety by the orthography that they are most likely in; None for none."""
    counts: dict[str, Counter[str]] = {}
    for code, origins in report["by_language"].items():
        if owner_of(code, languages) == key:
            for found in origins.values():
                counts.setdefault(code, Counter()).update(found)
    names = sorted({name for found in counts.values() for name in found})
    if not names:
        return None
    sums = {name: sum(found[name] for found in counts.values()) for name in names}
    return Panel(
        name=f"orthographies_{key}",
        title="Who writes how",
        note="Clean rows of each variety by their most likely orthography, from the signs in "
        "corpus/orthography and what the document's other rows say; rows that nothing tells are "
        "not counted. The text stays as it was written.",
        alt="Bars by variety; " + ", ".join(f"{name} {rows:,}" for name, rows in sums.items()),
        figure=bars(
            {name: {c: found[name] for c, found in counts.items()} for name in names}, "rows"
        ),
        head=["variety", *names],
        rows=[[code, *(found[name] for name in names)] for code, found in counts.items()],
    )


def variants(key: str, report: Tree) -> Panel | None:
    """The suspected spelling variants of a language, as a table; None for none."""
    found = report["languages"].get(key, {}).get("variants", [])
    if not found:
        return None
    names = ("pairs_apart", "pairs_together", "pairs_linked", "likelihood_ratio")
    return Panel(
        name=f"variants_{key}",
        title="Suspected spelling variants",
        note="Letters that stand for each other in words otherwise alike, learned from the corpus "
        "without a profile. Spelling joins words of different documents, grammar words of the "
        "same; the likelihood ratio ranks that contrast and proves nothing: a speaker must judge. "
        "Linked pairs of words share a source word or a group of near-duplicates.",
        alt="",
        figure=None,
        head=[
            "one", "other", "in different documents", "in the same", "linked",
            "likelihood ratio", "examples",
        ],
        rows=[
            [row["one"] or "nothing", row["other"] or "nothing", *(row[n] for n in names),
             ", ".join(pair.replace(" ", "\u00a0~\u00a0") for pair in row["examples"])]
            for row in found
        ],
    )  # fmt: skip


def splits(key: str, report: Tree, languages: Languages) -> Panel | None:
    """Rows of each variety in train, validation and test; None where none was kept."""
    by_split = report["by_split"]
    codes = sorted({c for part in by_split.values() for c in part if owner_of(c, languages) == key})
    if not codes:
        return None
    parts = {
        name: {code: sum(by_split.get(name, {}).get(code, {}).values()) for code in codes}
        for name in SPLITS
    }
    sums = {name: sum(part.values()) for name, part in parts.items()}
    return Panel(
        name=f"splits_{key}",
        title="Train, validation and test",
        note="Whole groups of near-duplicates are drawn by the hash of their name; no test row "
        "resembles a training row on either side, which the stage checks.",
        alt="Bars by variety; " + ", ".join(f"{n} has {count:,} rows" for n, count in sums.items()),
        figure=bars(parts, "rows"),
        head=["variety", *SPLITS],
        rows=[[code, *(parts[name][code] for name in SPLITS)] for code in codes],
    )


def concentration(key: str, report: Tree) -> Panel | None:
    """The largest documents, origins, domains and varieties of the training text; None for none."""
    table: Rows = []
    groups: dict[str, list[Mark]] = {}
    for kind, found in report.items():
        largest = found["text"]["largest"]
        for name, share in sorted(largest.items(), key=lambda pair: (-pair[1], pair[0])):
            weight = found["weight"]["largest"].get(name)
            table.append([kind, name, share, weight])
            groups.setdefault(f"{kind}s" if kind != "variety" else "varieties", []).append(
                Mark(name, "", share)
            )
    if not table:
        return None
    many = {kind: found["text"]["effective"] for kind, found in report.items()}
    said = ", ".join(f"{kind} {value:.1f}" for kind, value in many.items())
    return Panel(
        name=f"concentration_{key}",
        title="How much of it is one book",
        note="Share of the human training text, in characters, that the largest documents, "
        "origins, domains and varieties have. As concentrated as so many of equal size (inverse "
        f"Simpson index): {said}. What is measured here is measured on such text. The table has "
        "the share of the weight in training too, which mix.most_share limits.",
        alt=f"Dots by share; the largest document is {table[0][1]} with {table[0][2]:.1%}.",
        figure=dots(groups, "share of the text", own=True),
        head=["kind", "name", "share of text", "share of weight"],
        rows=table,
    )
