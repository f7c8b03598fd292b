"""Continued BPE: tokens learned from a language's text, appended after the base's own merges.

The new merges have the lowest priority, and none makes a token that the base has. So the base's
segmentation is kept and only refined: each new token stands for a fixed run of base tokens.
"""

import heapq
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import regex

from corpus.table import InputError

WORD = regex.compile(r"\p{Zs}?[\p{L}\p{M}]+(?:['’ʼ`´\p{L}\p{M}]*[\p{L}\p{M}])?")
Pair = tuple[str, str]


def extend(
    tokenizer_json: str, texts: Iterable[str], most_tokens: int, least_count: int
) -> tuple[str, dict[str, list[int]]]:
    """The tokenizer with up to `most_tokens` new tokens, and each new token's base token ids.

    Args:
        tokenizer_json: a tokenizer.json of the BPE kind, byte-level or not.
        least_count: occurrences that a merge needs.

    Raises:
        InputError: the tokenizer is not of the BPE kind.

    Source: Gage 1994; Sennrich et al. 2016, https://arxiv.org/abs/1508.07909
    """
    from tokenizers import Tokenizer

    tree = json.loads(tokenizer_json)
    model = tree["model"]
    if model.get("type") != "BPE":
        raise InputError(
            f"tokenizer.new_tokens: the base's tokenizer is {model.get('type')}, "
            "only BPE can be extended; set it to null"
        )
    tokenizer = Tokenizer.from_str(tokenizer_json)
    words = word_counts(tokenizer, texts)
    merges = learn(words, set(tokenizer.get_vocab()), most_tokens, least_count)
    for added in tree["added_tokens"]:  # else they would be numbered anew, after the new tokens
        model["vocab"].setdefault(added["content"], added["id"])
    first = max(model["vocab"].values(), default=-1) + 1
    paired = not model["merges"] or not isinstance(model["merges"][0], str)
    model["merges"] += [list(m) if paired else " ".join(m) for m in merges]
    pieces: dict[str, list[int]] = {}
    for number, (left, right) in enumerate(merges):
        pieces[left + right] = [
            i for part in (left, right) for i in pieces.get(part) or [model["vocab"][part]]
        ]
        model["vocab"][left + right] = first + number
    return json.dumps(tree, ensure_ascii=False), pieces


def word_counts(tokenizer: Any, texts: Iterable[str]) -> dict[tuple[str, ...], int]:  # noqa: ANN401
    """How often each word occurs, as base tokens; a word is what no merge may cross.

    Only letters, marks and apostrophes inside a word count: no new token glues a sign to a word.
    """
    found = Counter(word for text in texts for word in WORD.findall(text))
    counts: Counter[tuple[str, ...]] = Counter()
    names = sorted(found)
    codes = tokenizer.encode_batch(names, add_special_tokens=False)
    for name, code in zip(names, codes, strict=True):
        parts: defaultdict[int | None, list[str]] = defaultdict(list)
        for token, word in zip(code.tokens, code.word_ids, strict=True):
            parts[word].append(token)
        for part in parts.values():
            counts[tuple(part)] += found[name]
    return dict(counts)


def learn(
    counts: dict[tuple[str, ...], int], known: set[str], most: int, least_count: int
) -> list[Pair]:
    """The merges, commonest first, ties by spelling; none makes a token that is known."""
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
        if -negative != pairs[pair] or "".join(pair) in known:
            continue
        if -negative < least_count:
            break
        merges.append(pair)
        known.add("".join(pair))
        touched: set[Pair] = set()
        for number in places.pop(pair):
            touched |= replace(words, number, pair, weights[number], (pairs, places))
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
    pair: Pair,
    weight: int,
    index: tuple[Counter[Pair], defaultdict[Pair, set[int]]],
) -> set[Pair]:
    """Merge `pair` in a word and keep the counts true; returns the pairs whose count changed."""
    pairs, places = index
    old = words[number]
    new = merged(old, pair)
    for gone in pairwise(old):
        pairs[gone] -= weight
    note(new, weight, number, pairs, places)
    words[number] = new
    return {*pairwise(old), *pairwise(new)}


def merged(word: Sequence[str], pair: Pair) -> list[str]:
    """The word with each `pair` joined, from left to right.

    >>> merged(["t", "l", "a", "t", "l"], ("t", "l"))
    ['tl', 'a', 'tl']
    """
    made: list[str] = []
    at = 0
    while at < len(word):
        if tuple(word[at : at + 2]) == pair:
            made.append(word[at] + word[at + 1])
            at += 2
        else:
            made.append(word[at])
            at += 1
    return made
