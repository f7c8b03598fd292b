"""Measures what the quality rules look at, and learns their limits from trusted text.

No rule knows a language: a measure is a share or a count over Unicode properties, and what is usual
is learned for each language from the origins that its people trust. `select` applies the limits.
"""

import shutil
import unicodedata
from collections import Counter
from collections.abc import Callable
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import regex
from fontTools.unicodedata import script

from corpus.orthography import matching_key
from corpus.settings import Language, owner_of, settings
from corpus.shards import Shards, map_shards
from corpus.stage import Output, run
from corpus.table import LIMITS, digest, read, read_shard, shard_paths, write_shard

Bound = Literal["least", "most", "both"]
COLUMNS = ["id", "document", "source", "target", "language", "origin"]
CLUSTER = regex.compile(r"\X")
ALONE = regex.compile(r"\p{Grapheme_Cluster_Break=Other}*")  # each character is a cluster
WINDOW = 10  # characters: a phrase; shorter ones repeat in any long text


@settings
class Assess:
    """How limits are learned from trusted text."""

    kept_share: float  # of a variety's trusted rows that each learned limit keeps, 0..1
    least_rows: int  # trusted rows of a variety that sets limits, and of a language that has any

    def __post_init__(self) -> None:
        if not 0 < self.kept_share <= 1:
            raise ValueError(f"kept_share must be above 0 and at most 1, got {self.kept_share}")
        if self.least_rows < 1:
            raise ValueError(f"least_rows must be at least 1, got {self.least_rows}")


def length(text: str) -> float:
    """Grapheme clusters: what a reader calls letters, however many code points each takes.

    >>> length("e\u0301"), length("ខ្ញុំ")
    (1.0, 1.0)
    """
    if ALONE.fullmatch(text):
        return float(len(text))
    return float(sum(1 for _ in CLUSTER.finditer(text)))


@lru_cache(maxsize=2)
def profile(text: str) -> Counter[str]:
    """How often each character stands in a text."""
    return Counter(text)


@cache
def category(character: str) -> str:
    """L letter or its mark, N digit, S space or control, else O."""
    major = unicodedata.category(character)[0]
    return {"L": "L", "M": "L", "N": "N", "Z": "S", "C": "S"}.get(major, "O")


def share(text: str, wanted: str) -> float:
    """The share of visible characters that are of a category; 0 where nothing is visible."""
    sums = Counter[str]()
    for character, count in profile(text).items():
        sums[category(character)] += count
    visible = sums.total() - sums["S"]
    return sums[wanted] / visible if visible else 0.0


@cache
def script_of(character: str) -> str | None:
    """The ISO 15924 script of a letter; null for what is no letter or common to scripts."""
    if unicodedata.category(character)[0] != "L":
        return None
    name = script(character)
    return None if name in ("Zyyy", "Zinh", "Zzzz") else name


def main_script(text: str) -> float | None:
    """The share of letters that are of the script of most; null where there is no letter.

    >>> main_script("тlатоа")
    0.8333333333333334
    """
    sums = Counter[str]()
    for character, count in profile(text).items():
        if name := script_of(character):
            sums[name] += count
    return max(sums.values()) / sums.total() if sums else None


def repetition(text: str) -> float:
    """The share of ten-character windows that stood in the text before; 0 in a shorter text.

    >>> repetition("amo amo amo amo amo"), repetition("tlajtolli")
    (0.6, 0.0)
    """
    windows = len(text) - WINDOW + 1
    if windows < 1:
        return 0.0
    return 1 - len({text[start : start + WINDOW] for start in range(windows)}) / windows


def longest_word(text: str) -> float:
    """Characters of the longest run without white space: addresses, glued or broken text."""
    return float(max(map(len, text.split()), default=0))


def length_ratio(source: str, target: str) -> float | None:
    """Length of the target to that of the source; null where the source is empty."""
    return length(target) / length(source) if source else None


def shared_words(source: str, target: str) -> float:
    """Jaccard of the two keys' words: 1 for an untranslated copy."""
    left, right = set(source.split()), set(target.split())
    return len(left & right) / len(left | right) if left | right else 1.0


SIDE: dict[str, tuple[Callable[[str], float | None], Bound]] = {
    "length": (length, "both"),
    "letters": (partial(share, wanted="L"), "least"),
    "digits": (partial(share, wanted="N"), "most"),
    "script": (main_script, "least"),
    "repetition": (repetition, "most"),
    "longest_word": (longest_word, "most"),
}
PAIR: dict[str, Bound] = {"length_ratio": "both", "shared_words": "most"}
RULES: dict[str, Bound] = {
    **{f"{side}_{name}": way for side in ("target", "source") for name, (_, way) in SIDE.items()},
    **PAIR,
    "repeats": "most",  # rows of the document with the same key: running heads, menus, refrains
}


def measured(rows: pa.Table, languages: dict[str, Language]) -> pa.Table:
    """Every measure of each row, null where its side is; and `spot`, equal for what repeats."""
    keys = {code: key_of(code, languages) for code in pc.unique(rows["language"]).to_pylist()}
    columns: dict[str, list[float | None]] = {rule: [] for rule in RULES if rule != "repeats"}
    spots = []
    for row in rows.to_pylist():
        source, target, key = row["source"], row["target"], keys[row["language"]]
        for side in ("target", "source"):
            for name, (measure, _) in SIDE.items():
                value = None if row[side] is None else measure(row[side])
                columns[f"{side}_{name}"].append(value)
        folded = [key(side) if side else "" for side in (source, target)]
        pair = source is not None and target is not None
        columns["length_ratio"].append(length_ratio(source, target) if pair else None)
        columns["shared_words"].append(shared_words(*folded) if pair else None)
        where = row["id"] if row["document"] is None else row["document"]
        spots.append(digest(row["origin"] or "", where, folded[1] or folded[0] or row["id"]))
    made = {rule: pa.array(values, pa.float64()) for rule, values in columns.items()}
    return pa.table({**{n: rows[n] for n in ("id", "language", "origin")}, **made, "spot": spots})


def key_of(code: str | None, languages: dict[str, Language]) -> Callable[[str], str]:
    """The matching key of a row's language; the safe default for one that is nobody's."""
    owner = owner_of(code, languages)
    return matching_key(languages[owner].orthography if owner else None)


def measure_shard(path: Path, folder: Path, languages: dict[str, Language]) -> Path:
    """Measure one shard and write it to the folder under its own name."""
    made = folder / path.name
    write_shard(measured(read_shard(path, COLUMNS), languages), made)
    return made


def with_repeats(scores: pa.Table) -> pa.Table:
    """The scores with `repeats`, counted over the whole corpus, in place of `spot`."""
    counts = scores["spot"].combine_chunks().dictionary_encode()
    places = counts.indices.to_numpy()
    repeats = np.bincount(places)[places] if len(places) else np.zeros(0)
    column = pa.array(repeats.astype(np.float64))
    return scores.drop_columns(["spot"]).append_column("repeats", column)


def learned(
    scores: pa.Table, trusted: list[str], languages: dict[str, Language], params: Assess
) -> tuple[pa.Table, dict[str, int]]:
    """The limits of each language with enough trusted rows, and the trusted rows of each.

    A language's limit is the loosest that any of its `voters` needs, so that no variety is judged
    by a larger one. A variety too small to vote has limits of its own, under its code: the looser
    of the language's and of what its own rows need. So one odd document widens a rule for its
    variety, never for the language. Too few rows teach nothing: no limit is fitted on another
    language's text.
    """
    known = scores.filter(pc.is_in(scores["origin"], value_set=pa.array(trusted, pa.string())))
    codes = pc.unique(known["language"]).to_pylist()
    limits, rows = [], {}
    for key in sorted(languages):
        own = {
            code: known.filter(pc.equal(known["language"], code))
            for code in sorted(filter(None, codes))
            if owner_of(code, languages) == key
        }
        rows[key] = sum(map(len, own.values()))
        if rows[key] >= params.least_rows:
            votes = voters(list(own.values()), params.least_rows)
            small = {code: [*votes, v] for code, v in own.items() if len(v) < params.least_rows}
            limits += [
                {"rule": rule, "language": name, **limit([v[rule] for v in some], way, params)}
                for name, some in {key: votes, **small}.items()
                for rule, way in RULES.items()
            ]
    return pa.Table.from_pylist(limits, schema=LIMITS), {k: n for k, n in rows.items() if n}


def voters(varieties: list[pa.Table], least_rows: int) -> list[pa.Table]:
    """The tables that set a language's limits: its large varieties, and the small ones as one.

    The small ones are left out where they are too few together; where no variety is large and
    they are the language, they are all of it.
    """
    large = [variety for variety in varieties if len(variety) >= least_rows]
    small = [variety for variety in varieties if len(variety) < least_rows]
    if sum(map(len, small)) >= least_rows:
        large.append(pa.concat_tables(small))
    return large


def limit(varieties: list[pa.ChunkedArray], way: Bound, params: Assess) -> dict[str, float]:
    """The observed values between which each variety has its share, on the sides asked for."""
    columns = [column.drop_null().to_numpy() for column in varieties]
    columns = [values for values in columns if len(values)]
    tail = (1 - params.kept_share) / (2 if way == "both" else 1)
    bounds = {}
    if columns and way != "most":
        bounds["least"] = min(float(np.quantile(v, tail, method="lower")) for v in columns)
    if columns and way != "least":
        bounds["most"] = max(float(np.quantile(v, 1 - tail, method="higher")) for v in columns)
    return bounds


def assess(  # noqa: PLR0913
    rows: Path,
    sources: pa.Table,
    params: Assess,
    languages: dict[str, Language],
    shards: Shards,
    out: Path,
) -> Output:
    """The measures of every row (`scores`) and the limits that trusted text sets (`limits`)."""
    parts = out / "parts"
    work = partial(measure_shard, folder=parts, languages=languages)
    map_shards(work, shard_paths(rows), shards, "assess")
    scores = with_repeats(read(parts))
    shutil.rmtree(parts)
    trusted = sources.filter(sources["trusted"])["origin"].unique().to_pylist()
    limits, counts = learned(scores, trusted, languages, params)
    bounds: dict[str, dict[str, dict[str, float | None]]] = {}
    for row in limits.to_pylist():
        sides = {name: row[name] for name in ("least", "most") if row[name] is not None}
        bounds.setdefault(row["language"], {})[row["rule"]] = sides
    return Output(
        tables={"scores": scores.drop_columns(["language", "origin"]), "limits": limits},
        report={"rows": len(scores), "trusted_rows": counts, "limits": bounds},
    )


if __name__ == "__main__":
    run(assess, Assess)
