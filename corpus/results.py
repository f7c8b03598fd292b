"""What a run came to: the reports of all stages, and the few figures of each active language."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from corpus.settings import Languages, owner_of
from corpus.table import InputError

PAGE = "index.html"
STAGES = (
    "fetch",
    "gather",
    "clean",
    "identify",
    "assess",
    "dedup",
    "spelling",
    "bitext",
    "select",
    "challenge",
    "split",
    "translator",
    "backtranslate",
    "paraphrase",
    "codeswitch",
    "swap",
    "respell",
    "noise",
    "concatenate",
    "forward",
    "pivot",
    "validate",
    "sample",
    "mix",
    "base",
    "tokenizer",
)
BY_LANGUAGE = (
    "adapt",
    "retrain",
    "evaluate",
    "ratings",
    "contamination",
)  # a report for each active language
ALL_KINDS = "all kinds"  # of junk together
SPLITS = ("train", "validation", "test")
HELD_OUT = {  # how far a test row is from what was trained on
    "segment": "segments of known documents",
    "document": "whole documents held out",
    "origin": "origins held out",
    "declaration": "Universal Declaration, another domain",
}
NAMES = (("value", "rate", "difference", "spearman"), ("low", "least"), ("high", "most"))
Tree = dict[str, Any]
Lines = list[tuple[str, str]]  # a measure and its value


def read_reports(folder: Path, active: tuple[str, ...]) -> Tree:
    """The reports by stage; of the stages by language, by language within.

    Raises:
        InputError: one is missing or cannot be read.
    """
    whole = {stage: folder / f"{stage}.json" for stage in STAGES}
    parts = {
        stage: {key: folder / stage / f"{key}.json" for key in active} for stage in BY_LANGUAGE
    }
    paths = [*whole.values(), *(path for files in parts.values() for path in files.values())]
    if missing := [path for path in paths if not path.exists()]:
        more = f" and {len(missing) - 1} more reports do" if missing[1:] else " does"
        raise InputError(f"{missing[0]}{more} not exist; run 'dvc repro' first")
    found: Tree = {stage: read_json(path) for stage, path in whole.items()}
    for stage, files in parts.items():
        found[stage] = {key: read_json(path) for key, path in files.items()}
    return found


def read_json(path: Path) -> Tree:
    """One report.

    Raises:
        InputError: the file holds no report.
    """
    try:
        tree = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is no JSON ({error}); run 'dvc repro' first") from None
    if not isinstance(tree, dict):
        raise InputError(f"{path} must hold a report, got {type(tree).__name__}; run 'dvc repro'")
    return tree


def rows_of(tree: Mapping[str, Any], key: str, languages: Languages) -> int:
    """The rows of a language in counts by code and origin."""
    return sum(
        sum(origins.values()) for code, origins in tree.items() if owner_of(code, languages) == key
    )


def rows_read(reports: Tree, key: str) -> int:
    """The rows that a language's sources hold, the unreadable ones too."""
    sources = reports["gather"]["sources"].values()
    return sum(source["read"] for source in sources if source["language"] == key)


def estimate(tree: Mapping[str, Any] | None, digits: int = 2, sign: str = "") -> str:
    """A value with its interval, whichever names a stage has for them.

    >>> estimate({"value": 2.651, "least": 2.6, "most": 2.7})
    '2.65 [2.60, 2.70]'
    """
    found = bounds(tree)
    if found is None:
        return "not measured"
    value, low, high = (None if n is None else f"{n:{sign}.{digits}f}" for n in found)
    return f"{value}" if low is None else f"{value} [{low}, {high}]"


def bounds(tree: Mapping[str, Any] | None) -> tuple[float, float | None, float | None] | None:
    """Value, low and high of what a stage measured; null where it measured nothing."""
    value, low, high = (
        next((tree[name] for name in names if tree.get(name) is not None), None) if tree else None
        for names in NAMES
    )
    return None if value is None else (value, low, high)


def summary(reports: Tree, key: str, languages: Languages) -> Lines:
    """The figures of a language that a reader asks for first."""
    return [
        *corpus_lines(reports, key, languages),
        *identify_lines(reports["identify"].get(key, {}), key),
        *spelling_lines(reports["spelling"], key, languages),
        *bitext_lines(reports["bitext"].get(key, {})),
        *challenge_lines(reports["challenge"], key, languages),
        *synthetic_lines(reports, key),
        *model_lines(reports["evaluate"][key]),
        *contamination_lines(reports["contamination"][key]),
        *rating_lines(reports["ratings"][key]),
    ]


def corpus_lines(reports: Tree, key: str, languages: Languages) -> Lines:
    """Rows read, kept and split."""
    read = rows_read(reports, key)
    kept = rows_of(reports["select"]["kept_by_language"], key, languages)
    share = f" ({kept / read:.1%})" if read else ""
    splits = reports["split"]["by_split"]
    sizes = {name: rows_of(splits.get(name, {}), key, languages) for name in SPLITS}
    return [
        ("rows read", f"{read:,}"),
        ("rows kept", f"{kept:,}{share}"),
        (" / ".join(SPLITS), " / ".join(f"{size:,}" for size in sizes.values())),
        *concentration_lines(reports["mix"]["languages"][key]["concentration"]["document"]["text"]),
    ]


def concentration_lines(found: Tree) -> Lines:
    """How much of the training text is one document."""
    return [
        ("largest document", f"{name}, {share:.1%} of the training text")
        for name, share in sorted(found["largest"].items(), key=lambda pair: -pair[1])[:1]
    ] + (
        [("  as if so many of equal size", f"{found['effective']:.1f} of {found['units']}")]
        if found["units"]
        else []
    )


def identify_lines(report: Tree, key: str) -> Lines:
    """How well the language is told from others, beside the identifier off the shelf."""
    found = report.get("labels", {}).get(key)
    if not found:
        return [("identification", report.get("model", "not measured"))]
    theirs = (found.get("lid176") or {}).get("recall")
    fair = found.get("limit_chosen_on_other_folds", {})
    return [
        ("identification recall", estimate(found["recall"], 3)),
        ("  at false accepts", estimate(found["false_accepts"], 4)),
        ("  limit from other folds", estimate(fair.get("recall"), 3)),
        ("  lid.176, same rate", estimate(theirs, 3) if theirs else "does not know it"),
        ("  macro F1 of languages", estimate(report.get("languages", {}).get("macro_f1"), 3)),
    ]


def spelling_lines(report: Tree, key: str, languages: Languages) -> Lines:
    """The rows of each orthography, most first."""
    sums = Counter[str]()
    for code, origins in report["by_language"].items():
        if owner_of(code, languages) == key:
            for found in origins.values():
                sums.update(found)
    said = ", ".join(f"{name} {rows:,}" for name, rows in sums.most_common())
    return [("rows by orthography", said or "not told")]


def bitext_lines(report: Tree) -> Lines:
    """How well false pairs are told from true ones."""
    return [
        (
            "pair score AUC on planted false pairs",
            report.get("score") or estimate(report.get("auc"), 3),
        )
    ]


def challenge_lines(report: Tree, key: str, languages: Languages) -> Lines:
    """Both sides of the filters: junk caught, and the variety whose trusted text suffers most."""
    caught = report["caught"].get(key, {}).get(ALL_KINDS, {})
    kept = kept_rates(report, key, languages, "trusted")
    least = min(kept, key=lambda found: found[2]["rate"], default=None)
    return [
        ("planted junk caught, untrusted limits", estimate(caught.get("untrusted"), 3)),
        ("  trusted limits", estimate(caught.get("trusted"), 3)),
        (
            "trusted text kept, least variety",
            f"{estimate(least[2], 3)} of {least[0]}" if least else "not measured",
        ),
    ]


def kept_rates(
    report: Tree, key: str, languages: Languages, limits: str
) -> list[tuple[str, str, Tree]]:
    """Variety, origin, and the share of its trusted rows that all rules of some limits keep."""
    return [
        (code, origin, found[limits])
        for code, origins in report["kept"].items()
        if owner_of(code, languages) == key
        for origin, found in origins.items()
    ]


def synthetic_lines(reports: Tree, key: str) -> Lines:
    """Synthetic rows that passed, by method, and whether people have judged any."""
    methods = reports["validate"]["languages"].get(key, {}).get("methods", {})
    mixed = reports["mix"]["languages"][key]
    lines = [
        (f"synthetic, {name}", f"{found['kept']:,} kept of {found['measured']:,} made")
        for name, found in methods.items()
        if found["measured"]
    ]
    judged = f"{mixed['verdicts']:,} verdicts" if mixed["reviewed"] else "unreviewed"
    return [*lines, ("review by speakers", judged)]


def model_lines(report: Tree) -> Lines:
    """Bits per byte and chrF++, and what the synthetic rows changed."""
    text, chrf = report["bits_per_byte"].get("text", {}), report["chrf"]
    there, back, said = (chrf.get(n, {}) for n in ("to_target", "to_source", "answers"))
    saved = text.get("saved", {}).get("mixed")
    folded = chrf.get("on_key", {}).get("to_target", {})
    shows = there.get("shows")
    return [
        ("bits per byte, base model", estimate(text.get("base"), 3)),
        ("  adapter", estimate(text.get("mixed"), 3)),
        ("  share saved", estimate(saved, 3)),
        *reach_lines(report["bits_per_byte"].get("by_held_out", {})),
        *variety_lines(report["bits_per_byte"].get("by_variety", {})),
        ("  synthetic rows change it by", difference(text.get("synthetic"), 3)),
        *forgetting_lines(report["bits_per_byte"].get("forgetting", {})),
        ("chrF++ into it, translator", estimate(there.get("translator"))),
        ("  copy of the source", estimate(there.get("copy"))),
        ("  translator, spellings folded", estimate(folded.get("translator"))),
        ("  synthetic rows change it by", difference(there.get("synthetic_in_translator"))),
        ("  difference that shows", f"{shows:.2f}" if shows else "not measured"),
        ("chrF++ out of it, translator", estimate(back.get("translator"))),
        ("  copy of the target", estimate(back.get("copy"))),
        ("chrF++ into it, adapter, few rows", estimate(said.get("mixed"))),
        ("  base model", estimate(said.get("base"))),
        ("  copy of the source", estimate(said.get("copy"))),
        ("  synthetic rows change it by", difference(said.get("synthetic_in_adapter"))),
        *own_lines(report.get("varieties", {})),
        *task_lines(report.get("tasks", {})),
    ]


def own_lines(report: Tree) -> Lines:
    """What the adapter of a variety changes on its own text, in bits per byte or of answers."""
    over = (("the language's", "over_language"), ("as much training on all", "over_all"))
    return [
        (f"adapter of {code}, {task}, over {said}", difference(found[name], 3))
        for code, tasks in report.items()
        for task, found in tasks.items()
        for said, name in over
    ]


def task_lines(report: Tree) -> Lines:
    """What answers to a task's held-out questions cost, and ROUGE-L of the adapter's own."""
    lines: Lines = []
    for task, found in report.items():
        answers = found["rouge_l"]["answers"]
        lines += [
            (f"{task}: bits per byte, base model", estimate(found["bits_per_byte"]["base"], 3)),
            ("  adapter", estimate(found["bits_per_byte"]["mixed"], 3)),
            ("  ROUGE-L, adapter over base", difference(answers.get("adapter_over_base"))),
        ]
    return lines


def reach_lines(report: Tree) -> Lines:
    """The share of the base's bits that the adapter saves, by how far text is from training's."""
    return [
        (f"    {said}, {report[name]['rows']:,} texts", estimate(report[name]["saved"]["mixed"], 3))
        for name, said in HELD_OUT.items()
        if name in report
    ]


def forgetting_lines(report: Tree) -> Lines:
    """What the adapter costs in languages that the base model knew, in bits per byte."""
    return [
        (f"  forgotten, {role}", difference(found["change"]["mixed"], 3))
        for role, found in sorted(report.items())
    ]


def contamination_lines(report: Tree) -> Lines:
    """The share of each public test set that was trained on."""
    return [
        (f"test set {name}, lines trained on", estimate(found["lines_trained_on"], 3))
        for name, found in report.items()
    ] or [("public test sets looked for", "none")]


def rating_lines(report: Tree) -> Lines:
    """The mean adequacy that reviewers gave each system, of 5."""
    means = report.get("scales", {}).get("adequacy", {}).get("means", {})
    return [
        (f"adequacy by reviewers, {name}", estimate(found))
        for name, found in means.items()
        if found["rows"]
    ] or [("translations rated by speakers", "none")]


def variety_lines(report: Tree) -> Lines:
    """The share of the base's bits that the adapter saves in each variety's text."""
    return [
        (f"    {code}, {found['rows']:,} texts", estimate(found.get("saved", {}).get("mixed"), 3))
        for code, found in report.items()
    ]


def difference(tree: Mapping[str, Any] | None, digits: int = 2) -> str:
    """A difference with its interval and what that says.

    >>> difference({"difference": 0.06, "least": -0.2, "most": 0.3, "verdict": "cannot tell"})
    '+0.06 [-0.20, +0.30]: cannot tell'
    """
    said = (tree or {}).get("verdict")
    return estimate(tree, digits, "+") + (f": {said}" if said and bounds(tree) else "")


def results(folder: Path, active: tuple[str, ...], languages: Languages) -> list[str]:
    """The table of results as lines of text, and where the whole report is.

    Raises:
        InputError: a report is missing.
    """
    reports = read_reports(folder, active)
    lines = []
    for key in active:
        table = summary(reports, key, languages)
        width = max(len(measure) for measure, _ in table)
        lines += [f"{languages[key].name} ({key})"]
        lines += [f"  {measure:<{width}}  {value}" for measure, value in table] + [""]
    page = folder / PAGE
    return [*lines, f"report: {page}" if page.exists() else f"{page} is not there; run 'dvc repro'"]
