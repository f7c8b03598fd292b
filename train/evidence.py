"""The figures that say how far results reach: whole documents, forgetting, other scores, memory."""

from collections.abc import Iterable

from corpus.results import HELD_OUT, Tree, bounds, difference, estimate
from train.figures import Mark, dots
from train.outcomes import CODES, SPEAKERS, SYSTEMS, WAYS, marked, rows_from
from train.panels import Panel, Rows

ADAPTERS = ("human", "mixed")
ROLES = {"pivot": "pivot language", "english": "English"}
METRICS = ("chrf", "bleu", "spbleu", "ter", "rouge_l")
PAIRS = {
    "translator_over_copy": "translator over copy",
    "synthetic_in_translator": "synthetic rows in translator",
}


def evidence(key: str, report: Tree) -> Iterable[Panel | None]:
    """All of them; None for what was not measured."""
    found = report["bits_per_byte"]
    return (
        reach(key, found),
        forgetting(key, found.get("forgetting", {})),
        made_text(key, found.get("made_text")),
        scores(key, report),
        memory(key, report.get("memory", {})),
    )


def reach(key: str, found: Tree) -> Panel | None:
    """The share of bits saved on known documents, whole held-out ones and other domains."""
    parts = found.get("by_held_out", {})
    documents = found.get("by_held_out_document", {})
    marks = [
        mark
        for label, some in [
            *((HELD_OUT[name], parts[name]) for name in HELD_OUT if name in parts),
            *((f"  {name}", documents[name]) for name in documents),
        ]
        for name in ADAPTERS
        for mark in marked(f"{label} ({some['rows']})", SPEAKERS[name], some["saved"].get(name))
    ]
    if not marks:
        return None
    return Panel(
        name=f"reach_{key}",
        title="Does it hold for other books?",
        note="Share of the base model's bits per byte that an adapter saves on target text: of "
        "documents that training also read, of whole documents held out (each below), of origins "
        "held out, and of the Universal Declaration of Human Rights in this language, another "
        "domain. Intervals of 95 % over segments; of the documents chosen, not of all documents. "
        "In brackets the segments.",
        alt="Dots with intervals: " + "; ".join(f"{m.label} {m.value:.1%}" for m in marks),
        figure=dots({"": marks}, "share of bits saved", 0),
        head=["text", "model", *CODES],
        rows=rows_from(marks),
    )


def forgetting(key: str, found: Tree) -> Panel | None:
    """What the adapters cost in languages that the base model knew."""
    rows: Rows = [
        [f"{ROLES[role]}, {some['rows']} paragraphs", SPEAKERS[name], estimate(some["base"], 3),
         estimate(some[name], 3), difference(some["change"][name], 3)]
        for role, some in sorted(found.items())
        for name in ADAPTERS
    ]  # fmt: skip
    marks = [
        mark
        for role, some in sorted(found.items())
        for name in ADAPTERS
        for mark in marked(ROLES[role], SPEAKERS[name], some["change"][name])
    ]
    if not marks:
        return None
    return Panel(
        name=f"forgetting_{key}",
        title="What was forgotten",
        note="Bits per byte of the Universal Declaration, which no stage adapts a model to, and "
        "which the base model has probably read: the adapter's less the base model's, paired "
        "bootstrap intervals of 95 %. Right of zero the adapter forgot.",
        alt="Dots with intervals: "
        + "; ".join(f"{m.label}, {m.group} {m.value:+.3f}" for m in marks),
        figure=dots({"": marks}, "change in bits per byte", 0),
        head=["text", "adapter", "base model", "adapter's", "change"],
        rows=rows,
    )


def made_text(key: str, found: Tree | None) -> Panel | None:
    """Human against machine text, as a table."""
    if not found:
        return None
    names = {"human": "human text", "made": "the same, by the translator"}
    return Panel(
        name=f"made_text_{key}",
        title="Human and machine text",
        note="Bits per byte of test rows' target text, and of what the translator makes of their "
        "sources. How much more the mixed adapter pays for human text, as a share of made text, "
        f"than the human one: {estimate(found['easier'], 3, '+')}; surely above zero means that "
        "synthetic rows taught it machine text.",
        alt="",
        figure=None,
        head=["text", *SPEAKERS.values()],
        rows=[
            [said, *(estimate(found[name][system], 3) for system in SPEAKERS)]
            for name, said in names.items()
        ],
    )


def scores(key: str, report: Tree) -> Panel | None:
    """Every metric of every system, plain and on the matching key, and what difference shows."""
    rows: Rows = [
        row
        for name in METRICS
        for way, title in WAYS.items()
        for row in scored(report.get(name, {}), way, title)
    ]
    if not rows:
        return None
    signatures = "; ".join(report[n]["signature"] for n in METRICS if n in report)
    return Panel(
        name=f"translation_scores_{key}",
        title="Translation by every score",
        note="In brackets bootstrap intervals of 95 %. On the key: of matching keys, under which "
        "two spellings of a word are one. Shows: the smallest difference of the two most alike "
        f"systems that these rows would show surely. Of TER less is better. {signatures}.",
        alt="",
        figure=None,
        head=["score", "direction", "rows", "system", "plain", "on the key", "shows"],
        rows=rows,
    )


def scored(found: Tree, way: str, title: str) -> Rows:
    """A metric's rows of the table in one direction."""
    plain, folded = found.get(way, {}), found.get("on_key", {}).get(way, {})
    return [
        [found["title"], title, plain["rows"], said, estimate(plain[name]),
         estimate(folded[name]) if name in folded else "–", plain["shows"]]
        for name, said in SYSTEMS.items()
        if bounds(plain.get(name))
    ]  # fmt: skip


def memory(key: str, found: Tree) -> Panel | None:
    """Outputs that repeat a training text, beside references that do."""
    table: Rows = [
        [said, found[name]["rows"], estimate(found[name]["outputs"], 3),
         estimate(found[name]["references"], 3), difference(found[name]["more"], 3),
         found[name]["mean_likeness"]]
        for name, said in SYSTEMS.items()
        if name in found
    ]  # fmt: skip
    marks = [
        Mark(SYSTEMS[name], group, *value)
        for name in SYSTEMS
        if name in found
        for group in ("outputs", "references")
        if (value := bounds(found[name][group]))
    ]
    if not marks:
        return None
    return Panel(
        name=f"memory_{key}",
        title="Said from memory",
        note="Share of translations near a training text (Jaccard of five-character shingles of "
        "the matching key at evaluate.near or above), and of the reference translations of the "
        "same rows: what people repeat too is formula, not memory. Wilson's 95 % intervals; the "
        "difference's is a paired bootstrap.",
        alt="Dots with intervals: "
        + "; ".join(f"{m.label}, {m.group} {m.value:.1%}" for m in marks),
        figure=dots({"": marks}, "share near a training text"),
        head=["system", "rows", "outputs", "references", "difference", "mean likeness"],
        rows=table,
    )


def ratings(key: str, report: Tree) -> Panel | None:
    """What native reviewers said of translations, as a table; None where nobody did."""
    table: Rows = []
    for scale, found in report.get("scales", {}).items():
        means = [(name, estimate(some)) for name, some in found["means"].items() if some["rows"]]
        apart = [
            (name, difference(some)) for name, some in found["differences"].items() if some["rows"]
        ]
        table += [[scale, *row] for row in means + apart]
        if means:
            table.append([scale, "agreement", estimate(found["agreement"])])
    if not table:
        return None
    return Panel(
        name=f"ratings_{key}",
        title="What native reviewers said",
        note=f"Translations of {report['segments']} test rows, blind, on scales of 1 to 5, by "
        f"{report['reviewers']} reviewers: means, paired differences, and Krippendorff's alpha "
        "(ordinal) as agreement. Bootstrap intervals of 95 % over segments. Below 0.67 of alpha "
        "Krippendorff would draw no conclusions.",
        alt="",
        figure=None,
        head=["scale", "of", "value"],
        rows=table,
    )
