"""Suspected spelling variants of a language: what stands for what, learned from its own texts.

Two words that differ in one short run of letters, as *calli* and *kalli*, are one word in two
spellings or two words. A document mostly keeps to one spelling, so a correspondence of spellings
joins words of different documents, and one of grammar (*nemi*, *nemih*) words of the same. What is
found is ranked by the likelihood ratio of that contrast (Dunning 1993, aclanthology.org/J93-1003).
Where the language has bitext or near-duplicates, one such pair of words at least must also share a
source word or a group of near-duplicate rows. No profile is read.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import regex

from corpus.orthography import matching_key
from corpus.settings import settings
from corpus.table import place

Row = dict[str, Any]
Pair = tuple[str, str]
PLAIN = matching_key(None)
WORD = regex.compile(r"[\p{L}\p{M}]+")  # str.isalpha knows no vowel sign and no combining mark


@settings
class Variants:
    """What is looked at, and how much is reported."""

    most_rows: int  # of a language, those of lowest hash
    least_context: int  # letters that two words must share
    most_letters: int  # in the run that differs
    most_alike: int  # words that share one context; more are grammar, not spelling
    source_words: int  # of each word: its closest ones on the source side
    least_dice: float  # of a word and a source word, by the rows they stand in, 0..1
    least_pairs: int  # pairs of words in different documents that a variant needs
    most_variants: int  # reported
    most_examples: int  # of each


def variants(rows: list[Row], groups: Mapping[str, str], params: Variants) -> list[Row]:
    """The correspondences of a language, likeliest first; see the module.

    Args:
        groups: the group of near-duplicates of each row's id.
    """
    chosen = sorted(rows, key=lambda row: (place("variants", row["id"]), row["id"]))
    split = [(row, *words_of(row)) for row in chosen[: params.most_rows]]
    documents = documents_of(split)
    apart: dict[Pair, list[Pair]] = defaultdict(list)
    together = Counter[Pair]()
    for words, runs in minimal_pairs(sorted(documents), params):
        if documents[words[0]] & documents[words[1]]:
            together[runs] += 1
        else:
            apart[runs].append(words)
    total = sum(map(len, apart.values()))
    many = {runs: some for runs, some in apart.items() if len(some) >= params.least_pairs}
    wanted = {word for some in many.values() for words in some for word in words}
    links = links_of(split, groups, wanted, params)
    found = [
        {
            **evidence(runs, some, links, params.most_examples),
            "pairs_together": together[runs],
            "likelihood_ratio": likelihood_ratio(
                len(some), len(some) + together[runs], total, total + together.total()
            ),
        }
        for runs, some in many.items()
    ]
    return best(found, any(links.values()))[: params.most_variants]


def evidence(
    runs: Pair, apart: list[Pair], links: Mapping[str, frozenset[str]], most_examples: int
) -> Row:
    """What the pairs of words in different documents say; those that are linked come first."""
    linked = [pair for pair in apart if not links[pair[0]].isdisjoint(links[pair[1]])]
    shown = [*linked, *(pair for pair in apart if pair not in set(linked))]
    return {
        "one": runs[0],
        "other": runs[1],
        "pairs_apart": len(apart),
        "pairs_linked": len(linked),
        "examples": [" ".join(pair) for pair in shown[:most_examples]],
    }


def best(found: list[Row], must_link: bool) -> list[Row]:
    """Those that documents tell apart and, where that can be known, a source word ties together."""
    likely = [
        row
        for row in found
        if row["likelihood_ratio"] > 0 and (row["pairs_linked"] or not must_link)
    ]
    return sorted(likely, key=lambda row: (-row["likelihood_ratio"], row["one"], row["other"]))


def words_of(row: Row) -> tuple[set[str], set[str]]:
    """The words of a row's target that do not stand in its source, and those of its source."""
    source = set(PLAIN(row["source"] or "").split())
    return {w for w in PLAIN(row["target"] or "").split() if WORD.fullmatch(w)} - source, source


def documents_of(split: Iterable[tuple[Row, set[str], set[str]]]) -> dict[str, set[str]]:
    """The documents of each word; a row without one is its own."""
    documents: dict[str, set[str]] = defaultdict(set)
    for row, words, _ in split:
        for word in words:
            documents[word].add(f"{row['origin']} {row['document'] or row['id']}")
    return documents


def links_of(
    split: Iterable[tuple[Row, set[str], set[str]]],
    groups: Mapping[str, str],
    wanted: set[str],
    params: Variants,
) -> dict[str, frozenset[str]]:
    """What ties each wanted word to others: its source words, its groups of near-duplicates."""
    members: dict[str, set[str]] = defaultdict(set)
    beside: dict[str, Counter[str]] = defaultdict(Counter)
    in_source, in_target = Counter[str](), Counter[str]()
    size = Counter(groups.values())
    for row, words, source in split:
        in_source.update(source)
        group = groups.get(row["id"], "")
        for word in words & wanted:
            in_target[word] += 1
            beside[word].update(source)
            if size[group] > 1:
                members[word].add(f" {group}")  # no word begins with a space
    return {
        word: closest(in_target[word], beside[word], in_source, params) | members[word]
        for word in sorted(wanted)
    }


def closest(
    rows: int, beside: Counter[str], in_source: Counter[str], params: Variants
) -> frozenset[str]:
    """The source words that stand beside a word of so many rows most often for their frequency."""
    dice = ((2 * n / (rows + in_source[other]), other) for other, n in beside.items())
    likely = [pair for pair in dice if pair[0] >= params.least_dice]
    best = sorted(likely, key=lambda pair: (-pair[0], pair[1]))[: params.source_words]
    return frozenset(other for _, other in best)


def minimal_pairs(words: list[str], params: Variants) -> Iterable[tuple[Pair, Pair]]:
    """Each two words that differ in one run of letters, and the two runs, in alphabetical order.

    >>> limits = Variants(9, 3, 2, 9, 1, 0.1, 1, 9, 9)
    >>> list(minimal_pairs(["ihuan", "iwan", "nemi"], limits))
    [(('ihuan', 'iwan'), ('hu', 'w'))]
    """
    contexts: dict[str, list[Pair]] = defaultdict(list)
    for word in words:
        for start, end in runs_of(len(word), params):
            contexts[f"{word[:start]} {word[end:]}"].append((word, word[start:end]))
    seen: set[Pair] = set()
    for alike in contexts.values():
        for (one, run), (other, next_run) in couples(alike, params.most_alike):
            if (one, other) not in seen and minimal(run, next_run):
                seen.add((one, other))
                yield (one, other), (min(run, next_run), max(run, next_run))


def couples(alike: list[Pair], most: int) -> Iterable[tuple[Pair, Pair]]:
    """Each two of the words in one context, none where these are too many."""
    if 1 < len(alike) <= most:
        for number, first in enumerate(alike):
            for second in alike[number + 1 :]:
                yield first, second


def runs_of(length: int, params: Variants) -> Iterable[tuple[int, int]]:
    """Where a run of letters may begin and end in a word, so that enough context is left."""
    for size in range(min(params.most_letters, length - params.least_context) + 1):
        for start in range(length - size + 1):
            yield start, start + size


def minimal(one: str, other: str) -> bool:
    """Whether two runs share neither their first nor their last letter."""
    return not (one and other) or (one[0] != other[0] and one[-1] != other[-1])


def likelihood_ratio(both: int, row: int, column: int, total: int) -> float:
    """Dunning's G² of a 2 × 2 table, negative where `both` is rarer than chance.

    >>> round(likelihood_ratio(10, 10, 20, 40), 2)
    17.26
    >>> likelihood_ratio(5, 10, 20, 40)
    0.0
    """
    cells = (
        (both, row, column),
        (row - both, row, total - column),
        (column - both, total - row, column),
        (total - row - column + both, total - row, total - column),
    )
    g2 = 2 * sum(n * math.log(n * total / (r * c)) for n, r, c in cells if n)
    return math.copysign(max(g2, 0.0), both * total - row * column) if g2 > 1e-9 else 0.0
