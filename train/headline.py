"""The few figures by which two runs are compared: what `dvc metrics diff` and `dvc exp show` list.

docs/experiments.md says what each name means and when a change is more than chance.
"""

from collections.abc import Sequence

from corpus.results import ALL_KINDS, Tree, bounds, kept_rates, rows_of, rows_read
from corpus.settings import Languages

DIGITS = {  # behind the point: a change that is not worth a look does not show
    "share_kept": 4,
    "rows_train": 0,
    "rows_synthetic": 0,
    "trusted_kept": 4,
    "junk_caught": 4,
    "identification_f1": 3,
    "bits_per_byte_base": 3,
    "bits_per_byte_adapter": 3,
    "bits_per_byte_adapter_margin": 3,
    "bits_per_byte_new_documents": 3,
    "forgetting": 3,
    "chrf_into": 2,
    "chrf_into_margin": 2,
    "chrf_into_with_synthetic": 2,
    "chrf_out_of": 2,
}
ADAPTER = "mixed"  # the adapter trained on all rows


def metrics(reports: Tree, active: Sequence[str], languages: Languages) -> Tree:
    """The figures of a project: by language where there are several, so that columns are shared."""
    found = {key: headline(reports, key, languages) for key in active}
    return found if len(active) > 1 else next(iter(found.values()))


def headline(reports: Tree, key: str, languages: Languages) -> dict[str, float]:
    """The figures of a language by name; what was not measured is left out.

    Args:
        reports: as corpus/results.py reads them.
    """
    found = {
        **corpus(reports, key, languages),
        **filters(reports, key, languages),
        **texts(reports["evaluate"][key]["bits_per_byte"]),
        **translations(reports["evaluate"][key]["chrf"]),
    }
    return {
        name: round(value, digits)
        for name, digits in DIGITS.items()
        if (value := found[name]) is not None
    }


def corpus(reports: Tree, key: str, languages: Languages) -> dict[str, float | None]:
    """How much text there is: share of the rows read that is kept, rows to train on."""
    read = rows_read(reports, key)
    kept = rows_of(reports["select"]["kept_by_language"], key, languages)
    return {
        "share_kept": kept / read if read else None,
        "rows_train": rows_of(reports["split"]["by_split"].get("train", {}), key, languages),
        "rows_synthetic": sum(reports["mix"]["languages"][key]["synthetic"].values()),
    }


def filters(reports: Tree, key: str, languages: Languages) -> dict[str, float | None]:
    """What the rules keep of trusted text and catch of planted junk, and how languages are told."""
    kept = [found for *_, found in kept_rates(reports["challenge"], key, languages, "trusted")]
    rows = sum(found["rows"] for found in kept)
    caught = reports["challenge"]["caught"].get(key, {}).get(ALL_KINDS, {})
    told = reports["identify"].get(key, {}).get("languages", {})
    return {
        "trusted_kept": sum(f["rate"] * f["rows"] for f in kept) / rows if rows else None,
        "junk_caught": value(caught.get("untrusted")),
        "identification_f1": value(told.get("macro_f1")),
    }


def texts(report: Tree) -> dict[str, float | None]:
    """Bits per byte of human test text, and what the pivot language's text costs more."""
    text = report.get("text", {})
    documents = report.get("by_held_out", {}).get("document", {})
    pivot = report.get("forgetting", {}).get("pivot", {})
    return {
        "bits_per_byte_base": value(text.get("base")),
        "bits_per_byte_adapter": value(text.get(ADAPTER)),
        "bits_per_byte_adapter_margin": margin(text.get(ADAPTER)),
        "bits_per_byte_new_documents": value(documents.get(ADAPTER)),
        "forgetting": value(pivot.get("change", {}).get(ADAPTER)),
    }


def translations(report: Tree) -> dict[str, float | None]:
    """chrF++ of the translator into the language, also with synthetic rows, and out of it."""
    into, out_of = (report.get(way, {}) for way in ("to_target", "to_source"))
    return {
        "chrf_into": value(into.get("translator")),
        "chrf_into_margin": margin(into.get("translator")),
        "chrf_into_with_synthetic": value(into.get("retrained")),
        "chrf_out_of": value(out_of.get("translator")),
    }


def value(tree: Tree | None) -> float | None:
    """What was measured, without its interval.

    >>> value({"value": 2.5, "least": 2.4, "most": 2.7}), value({"value": None}), value(None)
    (2.5, None, None)
    """
    found = bounds(tree)
    return found and found[0]


def margin(tree: Tree | None) -> float | None:
    """Half the width of the interval, the figure behind ±; None where there is none.

    >>> margin({"value": 2.5, "least": 2.25, "most": 2.75}), margin({"value": 2.5})
    (0.25, None)
    """
    _, low, high = bounds(tree) or (None, None, None)
    return None if low is None or high is None else (high - low) / 2
