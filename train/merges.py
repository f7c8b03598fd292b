"""Byte-pair merges of weighted words, learned with counts that are kept true as words change.

Source: Gage 1994; Sennrich et al. 2016, https://arxiv.org/abs/1508.07909
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise

Pair = tuple[str, str]
Word = tuple[str, ...]


def joined(left: str, right: str, prefix: str) -> str:
    """The token that a merge makes; `prefix` stands before tokens inside a word.

    >>> joined("tla", "##toa", "##"), joined("##to", "##a", "##"), joined("tla", "toa", "")
    ('tlatoa', '##toa', 'tlatoa')
    """
    return left + right.removeprefix(prefix)


def learn(
    counts: dict[Word, int], known: set[str], limits: tuple[int, int], prefix: str
) -> list[Pair]:
    """The merges, commonest first, ties by spelling; none makes a token that is known.

    Args:
        limits: most merges, least occurrences.
    """
    most, least_count = limits
    words = [list(word) for word in counts]
    weights = list(counts.values())
    pairs: Counter[Pair] = Counter()
    places: defaultdict[Pair, set[int]] = defaultdict(set)
    for number, word in enumerate(words):
        note(word, weights[number], number, pairs, places)
    heap = [(-count, pair) for pair, count in pairs.items()]
    heapq.heapify(heap)
    merges: list[Pair] = []
    known = set(known)
    while heap and len(merges) < most:
        negative, pair = heapq.heappop(heap)
        if -negative != pairs[pair] or joined(*pair, prefix) in known:
            continue
        if -negative < least_count:
            break
        merges.append(pair)
        known.add(joined(*pair, prefix))
        touched: set[Pair] = set()
        for number in places.pop(pair):
            touched |= replace(words, number, (pair, prefix), weights[number], (pairs, places))
        for other in touched:
            if pairs[other] > 0:
                heapq.heappush(heap, (-pairs[other], other))
    return merges


def note(
    word: Sequence[str],
    weight: int,
    number: int,
    pairs: Counter[Pair],
    places: defaultdict[Pair, set[int]],
) -> None:
    """Count the neighbours in a word."""
    for pair in pairwise(word):
        pairs[pair] += weight
        places[pair].add(number)


def replace(
    words: list[list[str]],
    number: int,
    merge: tuple[Pair, str],
    weight: int,
    index: tuple[Counter[Pair], defaultdict[Pair, set[int]]],
) -> set[Pair]:
    """Merge a pair in a word and keep the counts true; returns the pairs whose count changed."""
    pairs, places = index
    old = words[number]
    new = merged(old, *merge)
    for gone in pairwise(old):
        pairs[gone] -= weight
    note(new, weight, number, pairs, places)
    words[number] = new
    return {*pairwise(old), *pairwise(new)}


def merged(word: Sequence[str], pair: Pair, prefix: str) -> list[str]:
    """The word with each `pair` joined, from left to right.

    >>> merged(["t", "l", "a", "t", "l"], ("t", "l"), "")
    ['tl', 'a', 'tl']
    """
    made: list[str] = []
    at = 0
    while at < len(word):
        if tuple(word[at : at + 2]) == pair:
            made.append(joined(*pair, prefix))
            at += 2
        else:
            made.append(word[at])
            at += 1
    return made
