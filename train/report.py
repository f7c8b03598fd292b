"""The whole run on one page that opens offline, with its figures, a data card and a model card.

Everything shown comes from the reports of the other stages and from their narrow tables; no text of
the corpus is read, so none whose terms forbid it is passed on.
"""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.figure import Figure

from corpus.results import SPLITS, Tree, read_reports
from corpus.settings import Languages, at_work, owner_of, settings
from corpus.stage import Output, run, write_json
from corpus.table import InputError, read
from train import distributions, filters, headline, outcomes, panels
from train.cards import data_card, hashed, model_card, rendered, shared
from train.compared import tables
from train.evidence import evidence, ratings
from train.figures import drawn, embedded
from train.outcomes import Curve
from train.panels import Facts, Panel
from train.statement import gaps_of, read_statement

CURVES = ("human", "mixed")
CHECK = "bits_per_byte"  # its column in a curve
SCORES = ["id", "language_score"]
MEASURES = [
    "id",
    "target_length",
    "source_length",
    "length_ratio",
    "target_letters",
    "target_repetition",
]


@settings
class Report:
    """How figures are drawn, and what only people know."""

    bins: int  # of a histogram
    smoothed_steps: int  # of the thick learning curve
    maintainer: str | None  # who answers questions; null: nobody is named
    cautions: dict[str, tuple[str, ...]]  # limits of use by language key, and for all: default

    def __post_init__(self) -> None:
        if min(self.bins, self.smoothed_steps) < 1:
            raise ValueError(
                "bins and smoothed_steps must be at least 1, "
                f"got {self.bins} and {self.smoothed_steps}"
            )
        if "default" not in self.cautions:
            raise ValueError(f"cautions needs the key 'default', got {sorted(self.cautions)}")


def report(  # noqa: PLR0913
    reports: Path,
    learning: Path,
    rows: Path,
    identify: Path,
    assess: Path,
    select: Path,
    split: Path,
    synthetic: Path,
    statements: Path,
    page: Path,
    data: Path,
    model: Path,
    metrics: Path,
    compared: Path,
    params: Report,
    active: tuple[str, ...],
    languages: Languages,
    out: Path,
) -> Output:
    """The page, its figures in `out`, and the two cards.

    Args:
        data: where the data card goes.
        model: where the model card goes.
        metrics: where the few figures go that `dvc metrics diff` compares.
        compared: the folder of the tables that `dvc plots diff` draws.

    Raises:
        InputError: a report or table is missing.
    """
    found = read_reports(reports, active)
    known = known_rows(rows, identify, assess, select)
    sections = {"": whole(found, active, languages)}
    for key in active:
        facts = facts_of(key, known, select, languages)
        curves = {name: read_curve(learning / key / f"{name}.csv") for name in CURVES}
        shown = [*corpus(key, found, facts, params, languages), *models(key, found, languages)]
        line = outcomes.learning(key, curves, params.smoothed_steps)
        sections[key] = [*shown, *([line] if line else []), *results(key, found)]
    folders = {**{name: split / name for name in SPLITS}, "synthetic": synthetic}
    hashes = {name: hashed(folder) for name, folder in folders.items()}
    said: Tree = {
        "cautions": [c for k in ("default", *active) for c in params.cautions.get(k, ())],
        "maintainer": params.maintainer,
        "hashes": hashes,
        "statements": {key: read_statement(statements, key) for key in active},
    }
    write_all(sections, shared(found, active, languages, said), (page, data, model), out)
    write_json(headline.metrics(found, active, languages), metrics)
    for name, table in tables(found, active, languages).items():
        put(table, compared / f"{name}.csv")
    return Output(
        report={
            "reviewed": found["mix"]["reviewed"],
            "figures": list(figures_of(sections)),
            "sha256": hashes,
            "maintainer": params.maintainer,
            "cautions": params.cautions,
            "statement_gaps": {key: gaps_of(told) for key, told in said["statements"].items()},
        }
    )


def known_rows(rows: Path, identify: Path, assess: Path, select: Path) -> pa.Table:
    """The scores of each row beside its language and whether it was kept."""
    table = read(rows, ["id", "language"])
    for folder, columns in (
        (identify, SCORES),
        (assess, MEASURES),
        (select / "ledger", ["id", "kept"]),
    ):
        table = table.join(read(folder, columns), "id", join_type="inner")
    return table


def facts_of(key: str, known: pa.Table, select: Path, languages: Languages) -> Facts:
    """What the figures of one language are drawn from."""
    rates = of_language(read(select / "rates"), key, languages)
    limits = read(select / "limits").filter(pc.field("language") == key).to_pylist()
    met = pc.unique(rates["trusted"]).to_pylist()  # limits that no row met are not drawn
    return Facts(
        rates=rates,
        scores=of_language(known, key, languages),
        limits=bounds_of(limits, trusted=True) if True in met else {},
        untrusted=bounds_of(limits, trusted=False) if False in met else {},
    )


def bounds_of(limits: list[dict[str, Any]], trusted: bool) -> dict[str, tuple[float, ...]]:
    """The limits of trusted origins or of the others, by rule."""
    return {
        row["rule"]: tuple(row[side] for side in ("least", "most") if row[side] is not None)
        for row in limits
        if row["trusted"] == trusted
    }


def of_language(table: pa.Table, key: str, languages: Languages) -> pa.Table:
    """The rows of one language."""
    codes = [c for c in pc.unique(table["language"]).to_pylist() if owner_of(c, languages) == key]
    return table.filter(pc.is_in(table["language"], value_set=pa.array(codes, pa.string())))


def read_curve(path: Path) -> Curve:
    """Steps, losses, phases and checks of a learning curve.

    Raises:
        InputError: it is missing or no such table.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        numbers = np.array([[float(row["step"]), float(row["loss"])] for row in lines])
        phases = [row["phase"] for row in lines]
        checks = {int(row["step"]): float(row[CHECK]) for row in lines if row.get(CHECK)}
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; run 'dvc repro' first") from None
    except (KeyError, TypeError, ValueError):
        raise InputError(
            f"{path} must have the columns step, loss, phase; run 'dvc repro'"
        ) from None
    steps, losses = numbers.reshape(-1, 2).T
    return steps, losses, phases, checks


def some(*found: Panel | None) -> Iterable[Panel]:
    """The panels that there was something to draw for."""
    return (panel for panel in found if panel)


def whole(found: Tree, active: tuple[str, ...], languages: Languages) -> list[Panel]:
    """The figures of all languages together."""
    keys = at_work(active, languages)
    lost = panels.lost(found, keys, languages)
    return list(some(lost, panels.reasons(found, keys, languages)))


def corpus(
    key: str, found: Tree, facts: Facts, params: Report, languages: Languages
) -> Iterable[Panel]:
    """The figures of a language's corpus."""
    return some(
        filters.kept(key, facts),
        filters.keep_rates(key, facts),
        filters.both_sides(key, found["challenge"], languages),
        distributions.lengths(key, facts, params.bins),
        distributions.scores(key, facts, params.bins),
        panels.identification(key, found["identify"].get(key, {}), languages),
        panels.abstention(key, found["identify"].get(key, {})),
        panels.orthographies(key, found["spelling"], languages),
        panels.variants(key, found["spelling"]),
        filters.pair_kinds(key, found["bitext"].get(key, {})),
        filters.pair_scores(key, found["bitext"].get(key, {})),
        panels.splits(key, found["split"], languages),
        panels.concentration(key, found["mix"]["languages"][key]["concentration"]),
    )


def models(key: str, found: Tree, languages: Languages) -> Iterable[Panel]:
    """The figures of a language's synthetic rows and tokenizer."""
    return some(
        outcomes.synthetic(key, found["validate"], languages),
        outcomes.gates(key, found["validate"]["languages"].get(key, {})),
        outcomes.fertility(key, found["tokenizer"]),
    )


def results(key: str, found: Tree) -> Iterable[Panel]:
    """The figures of a language's evaluation."""
    of = found["evaluate"][key]
    return [
        *some(outcomes.bits(key, of), outcomes.chrf(key, of)),
        *outcomes.differences(key, of),
        *some(*evidence(key, of), ratings(key, found["ratings"][key])),
    ]


def figures_of(sections: dict[str, list[Panel]]) -> dict[str, Figure]:
    """The figures by name; a panel may be a table alone."""
    shown = [panel for some in sections.values() for panel in some]
    return {panel.name: panel.figure for panel in shown if panel.figure}


def write_all(
    sections: dict[str, list[Panel]], facts: Tree, files: tuple[Path, Path, Path], out: Path
) -> None:
    """Draw the figures, write them, then the cards and the page: files appear whole or not."""
    pictures: dict[str, str] = {}
    for name, figure in figures_of(sections).items():
        svg = drawn(figure, "svg")
        (out / f"{name}.svg").write_bytes(svg)
        (out / f"{name}.png").write_bytes(drawn(figure, "png"))
        pictures[name] = embedded(svg)
    page, data, model = files
    cards = {data: data_card(facts), model: model_card(facts)}
    shown: dict[str, Any] = {
        **facts,
        "sections": sections,
        "pictures": pictures,
        "cards": {path.name: text for path, text in cards.items()},
    }
    for path, text in {**cards, page: rendered("index.html.j2", shown)}.items():
        put(text, path)


def put(text: str, path: Path) -> None:
    """Write a file that appears whole or not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, "utf-8")
    partial.replace(path)


if __name__ == "__main__":
    run(report, Report)
