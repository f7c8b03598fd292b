"""The ablation as a page to read and a figure: each method's gain, its interval, its verdict."""

from collections.abc import Mapping
from typing import Any

from train.figures import Mark, dots, drawn
from train.gains import VERDICTS
from train.methods import Method

MEASURES = {"chrf": ("chrF++", 2), "bits_per_byte": ("bits per byte saved", 4)}  # decimals
HEAD = """# Which augmentation helped: {language}

{test} test pairs, {seeds} seeds. A gain is over the same human data without the method; above 0 is
better. In brackets its 95 % interval, of test rows and seeds drawn anew. Of {tests} verdicts some
{chance:.0f} would not be *can't tell* by chance alone, had no method any effect.
How to read this: docs/ablation.md.
"""


def page_of(language: str, report: Mapping[str, Any], methods: Mapping[str, Method]) -> str:
    """Markdown: for each size of human data a table with a line a method."""
    sizes = report["sizes"]
    told = [
        one
        for size in sizes.values()
        for found in size["methods"].values()
        for one in found_gains(found)
    ]
    parts = [
        HEAD.format(
            language=language,
            test=report["test_rows"],
            seeds=len(next(iter(sizes.values()))["pairs"]),
            tests=len(told),
            chance=0.05 * len(told),
        )
    ]
    parts += [table(name, size, methods) for name, size in sizes.items()]
    return "\n".join(parts)


def found_gains(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The gains that could be other than 0, over human rows alone and over a control."""
    lines = [found, *([found["over_control"]] if "over_control" in found else [])]
    return [line[m] for line in lines for m in MEASURES if any(line[m]["by_seed"])]


def table(name: str, size: Mapping[str, Any], methods: Mapping[str, Method]) -> str:
    """The table of one size."""
    pairs, targets = (round(sum(size[key]) / len(size[key])) for key in ("pairs", "targets"))
    chrf, bits = (sum(size[key]) / len(size[key]) for key in ("chrf", "bits_per_byte"))
    lines = [
        f"## {pairs:,} human pairs" + (" (all)" if name == "all" else ""),
        "",
        f"Without augmentation: chrF++ {chrf:.2f} from the pairs, {bits:.4f} bits per byte from "
        f"{targets:,} human texts.",
        "",
        "| method | rows | of new text | gain in chrF++ | | bits per byte saved | |",
        "|---|--:|--:|---|---|---|---|",
    ]
    for method, found in size["methods"].items():
        lines.append(line(method, found, found))
        if (control := methods[method].control) is not None:
            lines.append(line(f"… over {control}", found, found["over_control"]))
    return "\n".join(lines) + "\n"


def line(name: str, found: Mapping[str, Any], gains: Mapping[str, Any]) -> str:
    """One line of a table."""
    counts = (round(sum(found[key]) / len(found[key])) for key in ("rows", "texts"))
    cells = [name, *(f"{count:,}" for count in counts)]
    for measure, (_, decimals) in MEASURES.items():
        cells += told(gains[measure], decimals)
    return f"| {' | '.join(cells)} |"


def told(gain: Mapping[str, Any], decimals: int) -> list[str]:
    """A gain with its interval, and the verdict; a dash where the model's data are the same."""
    if not any(gain["by_seed"]):
        return ["0", "–"]
    value, least, most = (f"{gain[key]:+.{decimals}f}" for key in ("gain", "least", "most"))
    verdict = gain["verdict"]
    strong = verdict != VERDICTS["cannot tell"]
    return [f"{value} [{least}, {most}]", f"**{verdict}**" if strong else verdict]


def forest(report: Mapping[str, Any]) -> bytes:
    """A picture of all gains with their intervals, a colour a size of human data."""
    panels = {
        title: [
            Mark(
                method,
                f"{size} pairs",
                found[measure]["gain"],
                found[measure]["least"],
                found[measure]["most"],
            )
            for size, of_size in report["sizes"].items()
            for method, found in of_size["methods"].items()
        ]
        for measure, (title, _) in MEASURES.items()
    }
    unit = "gain over the same human data; right of the line is better"
    return drawn(dots(panels, unit, 0.0, own=True, shared=False), "svg")
