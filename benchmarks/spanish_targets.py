"""Prints how many targets are in the pivot: `python -m benchmarks.spanish_targets axolotl`.

An independent count beside that of identify: no model, only the words of both columns. Reads
data/clean/rows, data/identify/scores, data/select/ledger; the argument is the origin.
"""

import sys
from collections import Counter
from collections.abc import Set as AbstractSet

import duckdb
import numpy as np

from corpus.orthography import matching_key

COPY = 0.5  # word Jaccard of the two sides from which one copies the other
PIVOT, LEAN = 1.0, 0.3  # mean log-odds of a target's words: e times as often in sources
QUERY = """
select r.source, r.target, i.language, i.swapped, l.kept, l.reason,
  split_part(source_language, '_', 1)
from 'data/clean/rows/*.parquet' r
join 'data/identify/scores/*.parquet' i using (id)
join 'data/select/ledger/*.parquet' l using (id)
where r.origin = ? and source is not null and target is not null order by id
"""
KINDS = {
    "equal": "the two sides are equal but for case and signs",
    "copy": f"word Jaccard of the sides is at least {COPY}",
    "pivot": f"words stand in sources more (mean log-odds over {PIVOT})",
    "lean": f"words stand in sources more (mean log-odds over {LEAN})",
    "labelled": "identify's best label of the target is the pivot",
    "both": "labelled so, and 'pivot' or 'lean'",
}


def odds(words: AbstractSet[str], other: AbstractSet[str], counts: list[Counter[str]]) -> float:
    """Mean log-odds that the words of a target are of the source column, its own row left out."""
    sources, targets = counts
    each = [
        np.log((sources[w] - (w in other) + 0.5) / (targets[w] - 1 + 0.5)) for w in sorted(words)
    ]
    return float(np.mean(each))


def kind(
    source: AbstractSet[str], target: AbstractSet[str], counts: list[Counter[str]]
) -> str | None:
    """What a row's words say of its target; null: that it is in its own language."""
    if source == target:
        return "equal"
    if len(source & target) / len(source | target) >= COPY:
        return "copy"
    value = odds(target, source, counts)
    return "pivot" if value > PIVOT else "lean" if value > LEAN else None


def main(origin: str) -> None:
    """Print for each kind of row what select did with it."""
    key = matching_key(None)
    rows = duckdb.execute(QUERY, [origin]).fetchall()
    words = [(frozenset(key(row[0]).split()), frozenset(key(row[1]).split())) for row in rows]
    counts = [Counter(word for sides in words for word in sides[n]) for n in (0, 1)]
    found: dict[str, Counter[str]] = {name: Counter() for name in KINDS}
    for (_, _, label, swapped, kept, reason, pivot), (source, target) in zip(
        rows, words, strict=True
    ):
        fate = "kept" if kept else f"dropped: {reason}"
        said = kind(source, target, counts) if target else None
        names = [said] if said else []
        if label == pivot:
            names += ["labelled", *(["both"] if said in ("pivot", "lean") else [])]
        for name in names:
            found[name].update([fate, *(["(marked swapped)"] if swapped else [])])
    print(f"{origin}: {len(rows)} rows with both sides")
    for name, fates in found.items():
        total = sum(n for fate, n in fates.items() if not fate.startswith("("))
        print(f"{name}: {total}  # {KINDS[name]}")
        for fate, n in fates.most_common():
            print(f"  {n:5} {fate}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "axolotl")
