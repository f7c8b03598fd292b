"""Why a synthetic row is dropped: a limit of a gate, a leak, a twin, a quota.

Each function gives reasons as the ledger has them: in plain words, with value and limit.
"""

from collections.abc import Collection, Mapping, Sequence

from augment.gates import PLAIN, Scores
from augment.making import parents_of
from augment.protected import Protected, lost
from augment.review import Row
from corpus.leak import leaks
from corpus.orthography import matching_key
from corpus.settings import Language
from corpus.table import digest

Reason = tuple[str, object, object]  # reason, value, limit
REASONS = {
    "most_unseen": "words unseen in human text",
    "most_copied": "source copies the target",
    "least_language": "language unsure",
    "most_length": "lengths differ",
    "most_repeated": "repeats itself",
    "most_likeness": "too like its parent",
    "least_round_trip": "round trip lost it",
    "most_unknown": "words its engine did not know",
    "least_score": "its engine is unsure",
    "least_match": "sides do not match",
}


def misplaced(row: Row, parents: Collection[str]) -> Reason | None:
    """Why a row cannot be measured at all, or None.

    Args:
        parents: ids of the human training rows of its language.
    """
    if strange := [parent for parent in parents_of(row) if parent not in parents]:
        return "parent is no training row", strange[0], None
    sides = ["target"] if row["source"] is None else ["source", "target"]
    empty = [side for side in sides if not PLAIN(row[side] or "")]
    return (f"{empty[0]} has no word", None, None) if empty else None


def broken(scores: Scores, limits: Mapping[str, float | None]) -> Reason | None:
    """The first gate that a row fails, with value and limit, or None; a null value passes."""
    for name, limit in limits.items():
        bound, _, gate = name.partition("_")
        value = scores[gate]
        if limit is None or value is None:
            continue
        if value > limit if bound == "most" else value < limit:
            return REASONS[name], value, f"at {bound} {limit}"
    return None


def leaking(
    rows: Sequence[Row], held_out: Sequence[Row], language: Language, similarity: float
) -> dict[str, Reason]:
    """Rows that are near a validation or test row on either side."""
    found: dict[str, Reason] = {}
    for side, key in (("source", PLAIN), ("target", matching_key(language.orthography))):
        others = [key(row[side]) for row in held_out if row[side]]
        near = leaks([key(row[side] or "") for row in rows], others, similarity)
        for row, leak in zip(rows, near, strict=True):
            if leak:
                found.setdefault(
                    row["id"], ("near a held-out row", side, f"similarity below {similarity}")
                )
    return found


def pair_key(row: Row) -> tuple[str, str]:
    """Both sides without case and punctuation; spellings stay apart, for they are what is made."""
    return PLAIN(row["source"] or ""), PLAIN(row["target"] or "")


def twins(rows: Sequence[Row], human: Sequence[Row]) -> dict[str, Reason]:
    """Rows that say the same pair as a human row or as a row before them."""
    seen = {pair_key(row): row["id"] for row in human}
    found: dict[str, Reason] = {}
    for row in rows:
        first = seen.setdefault(pair_key(row), row["id"])
        if first != row["id"]:
            found[row["id"]] = ("duplicate", first, None)
    return found


def over_quota(
    rows: Sequence[Row], risk: Mapping[str, float | None], most: int
) -> dict[str, Reason]:
    """The rows of one method beyond its quota: those of highest risk, by hash where it is null."""
    ranked = sorted(rows, key=lambda row: (risk[row["id"]] or 0.0, digest("quota", row["id"])))
    ranks = any(value is not None for value in risk.values())
    limit = f"{most} rows {'of lowest risk' if ranks else 'by hash'}"
    return {row["id"]: ("over the quota", risk[row["id"]], limit) for row in ranked[most:]}


def unprotected(
    rows: Sequence[Row], parents: Mapping[str, Row], known: Protected
) -> tuple[dict[str, Reason], dict[str, dict[str, int]]]:
    """Rows whose target lost a protected expression of a parent's, and what became of each.

    Of each expression that a parent has: how often, how often its rows kept it, and how many went.
    """
    reasons: dict[str, Reason] = {}
    figures: dict[str, dict[str, int]] = {}
    for row in rows:
        parent = parents[row["parent"]]["target"] or ""
        met, gone = known.listed(parent), lost(parent, row["target"], known)
        for text in met:
            entry = figures.setdefault(text.casefold(), {"met": 0, "kept": 0, "rows_dropped": 0})
            entry["met"] += 1
            entry["kept"] += 1
        for text in gone:
            figures[text.casefold()]["kept"] -= 1
        for text in {text.casefold() for text in gone}:
            figures[text]["rows_dropped"] += 1
        if gone:
            reasons[row["id"]] = ("lost a protected expression", gone[0], "as often as its parent")
    return reasons, figures
