"""Four kinds of figure, each a pure function from plain numbers, and their files, byte for byte.

Labels are codes and names of our own, so that one font has every letter; colours are Okabe and
Ito's, told apart by colour-blind readers, and every colour has a shape or a hatch of its own.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

Floats = NDArray[np.float64]
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555")
SHAPES = ("o", "s", "D", "^", "v", "P", "X")
HATCHES = ("", "///", "---", "xxx", "\\\\\\", "|||", "+++")  # lines: circles are large files
WIDTH = 8.0  # inches
STYLE: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same widths on every machine
    "svg.fonttype": "none",  # letters stay text: a page of paths is three times as large
    "font.size": 10,
    "svg.hashsalt": "milpa",  # ids of SVG elements from content, not from chance
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "hatch.linewidth": 0.5,
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Mark:
    """A measured value at a label, of a group that has one colour."""

    label: str
    group: str
    value: float
    low: float | None = None
    high: float | None = None


def styled(
    columns: int, heights: Sequence[float], height: float, shared: bool = False
) -> tuple[Figure, list[Axes]]:
    """An empty figure with its axes, one after the other; `shared` if on one scale.

    Args:
        heights: of the rows of axes, to each other.
    """
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(
        len(heights), columns, squeeze=False, sharex=shared, height_ratios=heights
    )
    return figure, list(axes.flat)


def dots(
    panels: Mapping[str, Sequence[Mark]],
    unit: str,
    line: float | None = None,
    own: bool = False,
    shared: bool = True,
) -> Figure:
    """Values with their intervals, a line a label, panels side by side on the same labels.

    Args:
        line: where no difference or chance lies, or what was asked for.
        own: each panel has labels of its own; panels stand one below the other.
        shared: all panels are on one scale; not where they are of different units.
    """
    with mpl.rc_context(STYLE):
        marks = [mark for some in panels.values() for mark in some]
        groups = list(dict.fromkeys(mark.group for mark in marks))
        labels = [
            list(dict.fromkeys(mark.label for mark in (some if own else marks)))
            for some in panels.values()
        ]
        columns = 1 if own else min(len(panels), 4)
        each = max(0.28, 0.17 * len(groups))
        heights = [each * len(some) + 0.7 for some in labels[::columns]]
        whole = sum(heights) + (0.4 if len(groups) > 1 else 0.2)
        figure, axes = styled(columns, heights, whole, shared)
        for number, (title, some) in enumerate(panels.items()):
            dot_panel(axes[number], some, labels[number], groups)
            axes[number].set_title(title)
            axes[number].tick_params(labelleft=number % columns == 0, labelbottom=True)
            if line is not None:
                axes[number].axvline(line, color="black", linewidth=0.8, linestyle=":")
        for empty in axes[len(panels) :]:
            empty.set_axis_off()
        figure.supxlabel(unit, fontsize=10)
        legend(figure, axes[0], len(groups))
    return figure


def dot_panel(
    axes: Axes, marks: Sequence[Mark], labels: Sequence[str], groups: Sequence[str]
) -> None:
    """Draw the marks of one panel."""
    for number, group in enumerate(groups):
        some = [mark for mark in marks if mark.group == group]
        shift = (number - (len(groups) - 1) / 2) * 0.7 / len(groups)
        places = [labels.index(mark.label) + shift for mark in some]
        values = [mark.value for mark in some]
        low = [mark.value if mark.low is None else mark.low for mark in some]
        high = [mark.value if mark.high is None else mark.high for mark in some]
        colour = COLOURS[number % len(COLOURS)]
        axes.hlines(places, low, high, color=colour)
        shape = SHAPES[number % len(SHAPES)]
        axes.plot(values, places, shape, color=colour, markersize=5, label=group)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)


def bars(parts: Mapping[str, Mapping[str, float]], unit: str) -> Figure:
    """Stacked horizontal bars, the sum at the end of each.

    Args:
        parts: by group, by label.
    """
    with mpl.rc_context(STYLE):
        labels = list(dict.fromkeys(label for part in parts.values() for label in part))
        figure, (axes,) = styled(1, [1], 0.34 * len(labels) + (1.2 if len(parts) > 1 else 0.9))
        left = np.zeros(len(labels))
        for number, (group, part) in enumerate(parts.items()):
            width = np.array([float(part.get(label, 0)) for label in labels])
            axes.barh(
                labels, width, left=left, label=group, height=0.7,
                color=COLOURS[number % len(COLOURS)], hatch=HATCHES[number % len(HATCHES)],
                edgecolor="white", linewidth=0.5,
            )  # fmt: skip
            left += width
        for place, total in enumerate(left):
            axes.annotate(
                f"{total:,.0f}", (total, place), (4, 0), textcoords="offset points", va="center"
            )
        axes.set_ylim(len(labels) - 0.4, -0.6)
        axes.margins(x=0.1)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.grid(axis="x", color="#dddddd", linewidth=0.6)
        axes.set_xlabel(unit)
        legend(figure, axes, len(parts))
    return figure


@dataclass(frozen=True)
class Axis:
    """What a histogram counts along, and the limits to draw on it."""

    unit: str
    edges: Floats
    log: bool = False  # of the values' axis
    limits: tuple[float, ...] = ()  # of trusted origins
    untrusted: tuple[float, ...] = ()


def histograms(panels: Mapping[str, tuple[Axis, Mapping[str, Floats]]]) -> Figure:
    """How often values fall in each bin, by group; counts on a logarithmic axis."""
    with mpl.rc_context(STYLE):
        figure, axes = styled(1, [1] * len(panels), 2.4 * len(panels) + 0.3)
        for place, (title, (axis, groups)) in zip(axes, panels.items(), strict=True):
            for number, (group, values) in enumerate(groups.items()):
                inside = np.clip(values, axis.edges[0], axis.edges[-1])
                place.hist(
                    inside, axis.edges.tolist(), label=group,
                    histtype="step" if number else "stepfilled", color=COLOURS[number],
                    alpha=1 if number else 0.55, linewidth=1.4,
                )  # fmt: skip
            for limits, dashes in ((axis.limits, "--"), (axis.untrusted, ":")):
                for limit in limits:
                    place.axvline(limit, color="black", linestyle=dashes, linewidth=1)
            if axis.log:
                place.set_xscale("log")
            place.set_yscale("symlog", linthresh=1)
            place.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
            place.set_title(title)
            place.set_xlabel(axis.unit)
            place.set_ylabel("rows")
        legend(figure, axes[0], max(len(groups) for _, groups in panels.values()))
    return figure


def curves(
    lines: Mapping[str, Sequence[tuple[Floats, Floats]]],
    breaks: Mapping[str, float],
    window: int,
) -> Figure:
    """Losses by step, thin as they are, thick as the mean of the last `window` of their phase.

    Args:
        lines: by name, the steps and losses of each phase.
        breaks: steps at which a phase begins, by its name.
    """
    with mpl.rc_context(STYLE):
        figure, (axes,) = styled(1, [1], 3.6)
        for number, (name, phases) in enumerate(lines.items()):
            colour, shape = COLOURS[number % len(COLOURS)], SHAPES[number % len(SHAPES)]
            for place, (steps, losses) in enumerate(phases):
                axes.plot(steps, losses, color=colour, linewidth=0.6, alpha=0.5)
                axes.plot(
                    steps, trailing(losses, window), color=colour, linewidth=1.8, marker=shape,
                    markevery=max(1, len(steps) // 8), markersize=5, label="" if place else name,
                )  # fmt: skip
        for name, step in breaks.items():
            axes.axvline(step, color="black", linestyle=":", linewidth=1)
            axes.annotate(
                name, (step, 1), (3, -3), xycoords=("data", "axes fraction"),
                textcoords="offset points", va="top",
            )  # fmt: skip
        axes.set_xlabel("step")
        axes.set_ylabel("training loss, nats a token")
        axes.grid(color="#dddddd", linewidth=0.6)
        legend(figure, axes, len(lines))
    return figure


def trailing(values: Floats, window: int) -> Floats:
    """The mean of each value and those before it, `window` in all as far as there are so many.

    >>> trailing(np.array([4.0, 2.0, 0.0]), 2)
    array([4., 3., 1.])
    """
    sums = np.cumsum(np.concatenate([[0.0], values]))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - window)
    means: Floats = (sums[ends] - sums[starts]) / (ends - starts)
    return means


def legend(figure: Figure, axes: Axes, groups: int) -> None:
    """Name the groups above the axes, where there are several."""
    if groups > 1:
        handles, names = axes.get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper left", ncols=min(groups, 5))


def drawn(figure: Figure, kind: Literal["svg", "png"]) -> bytes:
    """The file of a figure, without dates and versions."""
    unsigned = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}
    file = BytesIO()
    with mpl.rc_context(STYLE):
        figure.savefig(file, format=kind, dpi=150, metadata=unsigned[kind])
    return file.getvalue()


def embedded(svg: bytes) -> str:
    """An SVG as an address that needs no file and no network."""
    return f"data:image/svg+xml;base64,{b64encode(svg).decode('ascii')}"
