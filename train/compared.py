"""The tables that `dvc plots diff` draws of two runs, a bar each: rows, reasons, gates, bits."""

import csv
from collections.abc import Iterable
from io import StringIO

from corpus.results import SPLITS, Tree, rows_of, rows_read
from corpus.settings import Languages
from corpus.stage import rounded
from train.headline import ADAPTER, value

Bars = Iterable[tuple[str, float]]  # what stands beside a bar, and its length
REACH = {  # how far test text is from what was trained on, short enough for an axis
    "segment": "known documents",
    "document": "new documents",
    "origin": "new origins",
    "declaration": "another domain",
}


def tables(reports: Tree, active: tuple[str, ...], languages: Languages) -> dict[str, str]:
    """Each table as CSV by name, its two columns named as dvc.yaml names the axes."""
    made = {
        "rows": ("part", "rows", rows),
        "dropped": ("reason", "rows", dropped),
        "gates": ("method", "share_passed", gates),
        "bits": ("text", "bits_per_byte", bits),
    }
    return {
        name: text(
            (what, length),
            [
                (f"{key}: {label}", amount)
                for key in active
                for label, amount in bars(reports, key, languages)
            ],
        )
        for name, (what, length, bars) in made.items()
    }


def rows(reports: Tree, key: str, languages: Languages) -> Bars:
    """Rows read, kept, in each split, and synthetic ones in the mixture."""
    yield "read", rows_read(reports, key)
    yield "kept", rows_of(reports["select"]["kept_by_language"], key, languages)
    for name in SPLITS:
        yield name, rows_of(reports["split"]["by_split"].get(name, {}), key, languages)
    yield "synthetic", sum(reports["mix"]["languages"][key]["synthetic"].values())


def dropped(reports: Tree, key: str, languages: Languages) -> Bars:
    """Rows that select dropped, by reason."""
    for reason, codes in sorted(reports["select"]["dropped_by_reason"].items()):
        if count := rows_of(codes, key, languages):
            yield reason, count


def gates(reports: Tree, key: str, languages: Languages) -> Bars:
    """The share of each method's rows that passed every gate."""
    methods = reports["validate"]["languages"].get(key, {}).get("methods", {})
    for method, found in sorted(methods.items()):
        if found["measured"]:
            yield method, found["passed"] / found["measured"]


def bits(reports: Tree, key: str, languages: Languages) -> Bars:
    """What the adapter spends on human test text: all, by distance from training's, by variety."""
    found = reports["evaluate"][key]["bits_per_byte"]
    parts = {
        "all test text": found.get("text", {}),
        **{REACH[name]: part for name, part in found.get("by_held_out", {}).items()},
        **found.get("by_variety", {}),
        **{f"{role}, known before": p for role, p in found.get("forgetting", {}).items()},
    }
    for name, part in parts.items():
        if (spent := value(part.get(ADAPTER))) is not None:
            yield name, spent


def text(head: tuple[str, str], lines: Iterable[tuple[str, float]]) -> str:
    """A table as CSV."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([head, *((name, rounded(amount)) for name, amount in lines)])
    return out.getvalue()
