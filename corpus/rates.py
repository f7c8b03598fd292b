"""How much of its rows each rule keeps, by variety and origin: what filters must prove."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.detection import share
from corpus.settings import Languages, owner_of
from corpus.table import InputError

Mask = npt.NDArray[np.bool_]
RATES = pa.schema(  # how much of its rows each rule keeps
    [
        pa.field("rule", pa.string(), nullable=False),
        pa.field("language", pa.string()),
        pa.field("origin", pa.string()),
        pa.field("trusted", pa.bool_(), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),
        pa.field("kept", pa.int64(), nullable=False),
        pa.field("rate", pa.float64(), nullable=False),
        pa.field("low", pa.float64(), nullable=False),  # Wilson's 95 % interval
        pa.field("high", pa.float64(), nullable=False),
    ]
)


BY_DOCUMENT = RATES.insert(3, pa.field("document", pa.string()))  # where it drops a row


def keep_rates(parts: pa.Table, passes: dict[str, Mask], kept: Mask) -> pa.Table:
    """How much each rule by itself, and all with duplicates (`select`), keep of each part.

    Args:
        parts: language, origin and trusted of each row, and whatever else parts them.
        passes: (n,) by rule, which rows it keeps.
        kept: (n,) which rows are kept after all.
    """
    rates = []
    for rule, mask in {**passes, "select": kept}.items():
        grouped = parts.append_column("kept", pa.array(mask.astype(np.int64)))
        sums = grouped.group_by(parts.column_names).aggregate([("kept", "sum"), ([], "count_all")])
        for row in sums.sort_by([(n, "ascending") for n in parts.column_names]).to_pylist():
            good, rows = row.pop("kept_sum"), row.pop("count_all")
            rates.append({"rule": rule, **row, **rate(good, rows)})
    return pa.Table.from_pylist(
        rates, schema=BY_DOCUMENT if "document" in parts.column_names else RATES
    )


def rate(kept: int, rows: int) -> dict[str, Any]:
    """A share with its interval of 95 %."""
    found = share(kept, rows)
    return {"rows": rows, "kept": kept, **{name: found[name] for name in ("rate", "low", "high")}}


def check_kept(
    rates: pa.Table, documents: pa.Table, least_kept: dict[str, float], languages: Languages
) -> None:
    """Check that each rule keeps enough of each variety's trusted rows, as far as is sure.

    Args:
        documents: the rates by document, to name the one that suffers most.

    Raises:
        InputError: the whole interval of one lies below the least.
    """
    sums: dict[tuple[str, str], list[int]] = {}
    for row in rates.filter(rates["trusted"]).to_pylist():
        total = sums.setdefault((row["rule"], row["language"]), [0, 0])
        total[0] += row["kept"]
        total[1] += row["rows"]
    for (rule, code), (kept, rows) in sums.items():
        least = least_kept.get(rule, least_kept["default"])
        found = rate(kept, rows)
        if rule != "select" and found["high"] < least:
            key = owner_of(code, languages) or "default"
            raise InputError(
                f"rule {rule!r} keeps {found['rate']:.3f} "
                f"[{found['low']:.3f}, {found['high']:.3f}] of the {rows} trusted "
                f"rows of {code}, least_kept is {least}; "
                f"{worst(documents, rule, code)}; widen "
                f"select.limits.{key}.{rule} in params.yaml or lower select.least_kept.{rule}"
            )


def worst(documents: pa.Table, rule: str, code: str) -> str:
    """The document of which a rule drops most rows of a variety, with how many."""
    here = pc.and_(pc.equal(documents["rule"], rule), pc.equal(documents["language"], code))
    rows = documents.filter(pc.and_(here, documents["trusted"])).to_pylist()
    most = min(rows, key=lambda r: (r["kept"] - r["rows"], r["origin"], r["document"] or ""))
    return f"most of them in {most['document']!r}, which keeps {most['kept']} of {most['rows']}"


def compact(rates: pa.Table) -> dict[str, Any]:
    """The rates by rule, variety and origin where something was dropped; all are in the table."""
    tree: dict[str, Any] = {}
    for row in rates.filter(pc.less(rates["rate"], 1)).to_pylist():
        places = tree.setdefault(row["rule"], {}).setdefault(row["language"] or "none", {})
        places[row["origin"]] = {n: row[n] for n in ("rows", "rate", "low", "high")}
    return tree
