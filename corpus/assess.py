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

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import regex
from fontTools.unicodedata import script

from corpus.limits import Bound, Learning, by_language, learned
from corpus.orthography import matching_key
from corpus.settings import Language, owner_of, settings
from corpus.shards import Shards, map_shards
from corpus.stage import Output, run
from corpus.table import LIMITS, counts, digest, read, read_shard, shard_paths, write_shard
from corpus.wordorder import Order, folded, in_order, trusted_text

COLUMNS = ["id", "document", "source", "target", "language", "origin"]
CLUSTER = regex.compile(r"\X")
ALONE = regex.compile(r"\p{Grapheme_Cluster_Break=Other}*")  # each character is a cluster
WINDOW = 10  # characters: a phrase; shorter ones repeat in any long text


@settings
class Assess:
    """How limits and the order of words are learned from trusted text."""

    limits: Learning
    word_order: Order

    def __post_init__(self) -> None:
        if unknown := sorted(self.limits.kept_share.keys() - RULES.keys() - {"default"}):
            raise ValueError(f"kept_share has unknown {unknown}; rules are {sorted(RULES)}")


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
    """L letter or its mark, N digit, S space or control, else O, as letters of private use are."""
    name = unicodedata.category(character)
    if name in ("Cc", "Cf"):
        return "S"
    return {"L": "L", "M": "L", "N": "N", "Z": "S"}.get(name[0], "O")


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


def word_length(text: str) -> float | None:
    """Mean characters of a run without white space; null where there is none.

    >>> word_length("in tlajtolli")
    5.5
    """
    words = text.split()
    return sum(map(len, words)) / len(words) if words else None


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
    "word_length": (word_length, "both"),
}
PAIR: dict[str, Bound] = {"length_ratio": "both", "shared_words": "most"}
RULES: dict[str, Bound] = {
    **{f"{side}_{name}": way for side in ("target", "source") for name, (_, way) in SIDE.items()},
    **PAIR,
    "word_order": "least",  # see corpus/fluency.py
    "repeats": "most",  # rows of the document with the same key: running heads, menus, refrains
}


WHOLE = ("word_order", "repeats")  # what takes more than the row to measure


def measured(rows: pa.Table, languages: dict[str, Language]) -> pa.Table:
    """Every measure of each row, null where its side is; and `spot`, equal for what repeats."""
    keys = {code: key_of(code, languages) for code in pc.unique(rows["language"]).to_pylist()}
    columns: dict[str, list[float | None]] = {rule: [] for rule in RULES if rule not in WHOLE}
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


def assess(  # noqa: PLR0913
    rows: Path,
    sources: pa.Table,
    params: Assess,
    active: tuple[str, ...],
    languages: dict[str, Language],
    shards: Shards,
    out: Path,
) -> Output:
    """The measures of every row (`scores`), limits that trusted text sets (`limits`), `order`."""
    paths = shard_paths(rows)
    trusted = sources.filter(sources["trusted"])["origin"].unique().to_pylist()
    measure = partial(measure_shard, folder=out / "parts", languages=languages)
    map_shards(measure, paths, shards, "assess")
    scores = with_repeats(read(out / "parts"))
    text = folded(trusted_text(rows, trusted, languages), params.word_order.folds)
    in_order(paths, scores, text, params.word_order, active, languages, shards, out)
    odds = read(out / "odds")
    for name in odds.column_names:
        scores = scores.append_column(name, odds[name])
    for name in ("parts", "odds"):
        shutil.rmtree(out / name)
    limits, suggested = learned(scores, trusted, RULES, languages, params.limits)
    return Output(
        tables={
            "scores": scores.drop_columns(["language", "origin"]),
            "limits": pa.Table.from_pylist(limits, schema=LIMITS),
        },
        report={
            "rows": len(scores),
            "trusted_rows": counts(text, "key"),
            "limits": by_language(limits),
            "suggested_limits": by_language(suggested),
        },
    )


if __name__ == "__main__":
    run(assess, Assess)
