"""The figures about synthetic rows and models: gates, fertility, curves, bits per byte, chrF++."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from corpus.results import Tree, bounds, estimate
from corpus.settings import Languages, owner_of
from train.figures import Floats, Mark, bars, curves, dots
from train.panels import Panel, Rows

SPEAKERS = {"base": "base model", "human": "adapter, human rows", "mixed": "adapter, all rows"}
TASKS = {
    "text": "target text",
    "to_target": "target, given the source",
    "to_source": "source, given the target",
}
WAYS = {"to_target": "into it", "to_source": "out of it", "answers": "into it, few rows"}
SYSTEMS = {
    "copy": "copy of the input",
    "translator": "translator",
    "retrained": "translator + synthetic",
    **SPEAKERS,
}
COMPARED = {
    "translator_over_copy": "translator over copy",
    "synthetic_in_translator": "synthetic rows in translator",
    "adapter_over_copy": "adapter over copy",
    "adapter_over_base": "adapter over base model",
    "synthetic_in_adapter": "synthetic rows in adapter",
}
CODES = ("value", "low", "high")
GATE_COLUMNS = ("limit", "dropped", "kept_chrf", "dropped_chrf", "best_half", "worst_half")


def synthetic(key: str, report: Tree, languages: Languages) -> Panel | None:
    """Synthetic rows kept, and dropped by reason, for each method; None where none was made."""
    parts: dict[str, dict[str, float]] = {"kept": {}}
    for code, methods in report["kept_by_language"].items():
        if owner_of(code, languages) == key:
            add(parts["kept"], methods)
    for reason, codes in report["dropped_by_reason"].items():
        for code, methods in codes.items():
            if owner_of(code, languages) == key:
                add(parts.setdefault(reason, {}), methods)
    methods = sorted({method for part in parts.values() for method in part})
    if not methods:
        return None
    labels = [name for name, part in parts.items() if part]
    table: Rows = [[name, *(parts[name].get(m, 0) for m in methods)] for name in labels]
    dropped = {m: sum(parts[name].get(m, 0) for name in labels if name != "kept") for m in methods}
    shown = {"kept": {m: parts["kept"].get(m, 0) for m in methods}, "dropped": dropped}
    return Panel(
        name=f"synthetic_{key}",
        title="Synthetic rows that passed the gates",
        note="Each row names its parent, its method and the engine's hash; reasons are in the "
        "table.",
        alt="Bars by method: "
        + ", ".join(f"{m} keeps {shown['kept'][m]:,.0f}, drops {dropped[m]:,.0f}" for m in methods),
        figure=bars(shown, "synthetic rows"),
        head=["", *methods],
        rows=table,
    )


def add(sums: dict[str, float], counts: dict[str, int]) -> None:
    """Add counts to sums, name by name."""
    for name, count in counts.items():
        sums[name] = sums.get(name, 0) + count


def gates(key: str, report: Tree) -> Panel | None:
    """How well each gate ranks what an engine makes by true quality; None where not measured."""
    calibrated = {m: f for m, f in report.get("calibration", {}).items() if f.get("gates")}
    panels: dict[str, list[Mark]] = {}
    table: Rows = []
    for method, found in calibrated.items():
        measured = {name.replace("_", " "): gate for name, gate in found["gates"].items()}
        measured["all trusted gates"] = found["together"]
        marks = [Mark(n, "", *value) for n, gate in measured.items() if (value := bounds(gate))]
        if marks:
            panels[f"{method}, {found['rows']} rows"] = marks
        table += [
            [method, name, estimate(gate), *((gate or {}).get(column) for column in GATE_COLUMNS)]
            for name, gate in measured.items()
            if bounds(gate)
        ]
    if not panels:
        return None
    best = {
        name: max(marks, key=lambda mark: (abs(mark.value), mark.label))
        for name, marks in panels.items()
    }
    engines = "; ".join(f"{m}: {f['truth']}, {f['engine']}" for m, f in calibrated.items())
    return Panel(
        name=f"gates_{key}",
        title="Do the gates know good from bad?",
        note="Rank correlation of each gate's value with the true chrF++ of validation rows that "
        f"the method's engine made anew, with its bootstrap interval ({engines}). Values where "
        "more means worse should lie left of zero, round trip, language and score right of it; a "
        "gate whose interval reaches zero tells nothing here. Methods whose text no human text can "
        "be held against are not shown.",
        alt="Dots with intervals by gate; the strongest: "
        + "; ".join(f"{name}, {mark.label} at {mark.value:.2f}" for name, mark in best.items()),
        figure=dots(panels, "Spearman's rank correlation with true quality", 0),
        head=["method", "gate", "correlation", *(n.replace("_", " ") for n in GATE_COLUMNS)],
        rows=table,
    )


def fertility(key: str, report: Tree) -> Panel | None:
    """Tokens a word of each tokenizer, by variety; None where it was not measured."""
    found = report.get("fertility", {}).get(key, {}).get("validation", {})
    marks = [
        Mark(code, name, words["value"], words["least"], words["most"])
        for name, codes in found.items()
        for code, figures in codes.items()
        if (words := figures["tokens_per_word"])["value"] is not None
    ]
    if not marks:
        return None
    codes = list(dict.fromkeys(mark.label for mark in marks))
    values = {(mark.label, mark.group): mark.value for mark in marks}
    return Panel(
        name=f"fertility_{key}",
        title="Tokens a word",
        note="Of validation text: the base model's tokenizer, the same with tokens of the "
        "language appended, and one trained here for comparison, with bootstrap intervals of 95 %. "
        "Fewer is cheaper.",
        alt="Dots by variety; all varieties: "
        + ", ".join(f"{m.group} {m.value:.2f}" for m in marks if m.label == "all"),
        figure=dots({"": marks}, "tokens a word"),
        head=["variety", *found],
        rows=[[code, *(values.get((code, name)) for name in found)] for code in codes],
    )


HELD_OUT = ("held out, last", "held out, best")
Checks = dict[int, float]  # bits per byte of held-out text by step
Curve = tuple[Floats, Floats, list[str], Checks]  # steps, losses, phases


def learning(key: str, lines: dict[str, Curve], window: int) -> Panel | None:
    """The training losses; None where no step was made."""
    lines = {name: curve for name, curve in lines.items() if len(curve[0])}
    if not lines:
        return None
    breaks: dict[str, float] = {}
    pieces: dict[str, list[tuple[Floats, Floats]]] = {name: [] for name in lines}
    table: Rows = []
    for name, (steps, losses, phases, checks) in lines.items():
        for phase in dict.fromkeys(phases):
            some = [n for n, other in enumerate(phases) if other == phase]
            breaks.setdefault(phase, float(steps[some[0]]))
            pieces[name].append((steps[some], losses[some]))
            end = losses[some[-window:]]
            ends = [float(losses[some[0]]), float(np.mean(end))]
            held = [checks[step] for n in some if (step := int(steps[n])) in checks]
            held_out = (held[-1], min(held)) if held else (None, None)
            table.append([name, phase, len(some), *ends, *held_out])
    return Panel(
        name=f"learning_{key}",
        title="Learning curves",
        note=f"Training loss of the two adapters: thin each step, thick the mean of {window}. "
        "Causal: target text; tuning: translation both ways. The phases' losses do not compare, "
        "nor do they with other tokenizers: bits per byte do. Held out: bits per byte of a few "
        "validation rows at a phase's last check and at its best, of texts or of answers.",
        alt="Lines of loss by step: "
        + "; ".join(f"{n}, {phase}: {a:.2f} to {b:.2f}" for n, phase, _, a, b, *_ in table),
        figure=curves(pieces, breaks, window),
        head=["adapter", "phase", "steps", "first loss", "mean of the last", *HELD_OUT],
        rows=table,
    )


def marked(label: str, group: str, tree: Any) -> Iterable[Mark]:  # noqa: ANN401
    """A mark where a value was measured; a bare number has no interval."""
    tree = {"value": tree} if isinstance(tree, float | int) else tree
    if value := bounds(tree):
        yield Mark(label, group, *value)


def rows_from(marks: Iterable[Mark]) -> Rows:
    """Marks as a table."""
    return [[mark.label, mark.group, mark.value, mark.low, mark.high] for mark in marks]


def bits(key: str, report: Tree) -> Panel | None:
    """Bits per byte of base model and adapters; None where it was not measured."""
    found = report["bits_per_byte"]
    marks = [
        mark
        for task, title in TASKS.items()
        for name, speaker in SPEAKERS.items()
        for mark in marked(title, speaker, found.get(task, {}).get(name))
    ]
    groups = (("by_variety", "{}"), ("by_origin", "origin {}"), ("by_orthography", "spelled {}"))
    marks += [
        mark
        for part, label in groups
        for code, figures in found.get(part, {}).items()
        for name, speaker in SPEAKERS.items()
        for mark in marked(label.format(code), speaker, figures.get(name))
    ]
    if not marks:
        return None
    text = found.get("text", {})
    return Panel(
        name=f"bits_{key}",
        title="Bits per byte of human test text",
        note=f"Over {report['rows']['text']} test texts, with the full softmax and bootstrap "
        "intervals of 95 %; fewer is better, and tokenizers compare. Varieties, origins and "
        "orthographies: target text.",
        alt="Dots by task and variety; target text: "
        + ", ".join(f"{said} {estimate(text.get(name), 3)}" for name, said in SPEAKERS.items()),
        figure=dots({"": marks}, "bits per byte"),
        head=["text", "model", *CODES],
        rows=rows_from(marks),
    )


def chrf(key: str, report: Tree) -> Panel | None:
    """chrF++ of each system, both ways; None where it was not measured."""
    found = report["chrf"]
    panels = {}
    for way, title in WAYS.items():
        some = found.get(way, {})
        marks = [m for n, said in SYSTEMS.items() for m in marked(said, "", some.get(n))]
        if marks:
            panels[f"{title}: {some['rows']} rows"] = marks
    if not panels:
        return None
    return Panel(
        name=f"chrf_{key}",
        title="Translation",
        note=f"chrF++ (sacrebleu {found['signature']}) with bootstrap intervals of 95 %; more is "
        "better. A system below the copy of its input has not learned to translate.",
        alt=". ".join(
            f"{title}: " + ", ".join(f"{m.label} {m.value:.1f}" for m in marks)
            for title, marks in panels.items()
        ),
        figure=dots(panels, "chrF++"),
        head=["direction", "system", *CODES],
        rows=[[t, m.label, m.value, m.low, m.high] for t, marks in panels.items() for m in marks],
    )


def differences(key: str, report: Tree) -> list[Panel]:
    """What changed, each as a difference on the same test rows."""
    found = report["chrf"]
    scored = {
        f"{title}: {said}": found.get(way, {}).get(name)
        for way, title in WAYS.items()
        for name, said in COMPARED.items()
    }
    saved = {
        f"synthetic rows, {title}": report["bits_per_byte"].get(task, {}).get("synthetic")
        for task, title in TASKS.items()
    }
    return [
        panel
        for panel in (
            compared(f"changes_chrf_{key}", "chrF++", "right", scored),
            compared(f"changes_bits_{key}", "bits per byte", "left", saved),
        )
        if panel
    ]


def compared(name: str, unit: str, better: str, trees: dict[str, Tree | None]) -> Panel | None:
    """Differences in one unit with their verdicts; None where none was measured."""
    some = {label: tree for label, tree in trees.items() if tree and bounds(tree)}
    if not some:
        return None
    marks = [mark for label, tree in some.items() for mark in marked(label, "", tree)]
    table: Rows = [
        [label, estimate(tree, 3, "+"), tree.get("detectable"), tree["verdict"]]
        for label, tree in some.items()
    ]
    return Panel(
        name=name,
        title=f"What changed, in {unit}",
        note=f"Differences on the same test rows, paired bootstrap intervals of 95 %; {better} of "
        "zero is better, and an interval that holds zero cannot tell. The table says which "
        "difference so many rows would show 80 times in 100.",
        alt="Dots with intervals: " + "; ".join(f"{n} {d}, {v}" for n, d, _, v in table),
        figure=dots({"": marks}, f"difference in {unit}", 0),
        head=["comparison", "difference", "detectable", "verdict"],
        rows=table,
    )
