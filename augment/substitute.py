"""Paraphrase by near-synonyms: a target word replaced by another that stands for the same word.

The evidence is the bilingual lexicon: two target words that confident links tie to the same source
words in like shares. The new word must bear the same affixes as the old one, so that the sentence
still agrees: stems are swapped, affixes stay, and only forms that the variety's own text has are
written, never one that nobody wrote.

    substituted(rows, Tool(lexicon, affixes, guard), params) -> Made

Source: Bannard and Callison-Burch 2005, https://aclanthology.org/P05-1074
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from augment.affixes import Affixation, Affixes, affixes
from augment.lexicon import Learning, Lexicon, free
from augment.made import Guard, Made, Patch, gathered, patched
from augment.making import Row, chance, child
from augment.respell import cased
from corpus.settings import settings
from corpus.table import digest

METHOD = "substitute"


@settings
class Substitute:
    """Which words are replaced, on what evidence."""

    most_rows: int  # tried per language, chosen by hash of the id; 0: none
    share: float  # of a row's words that are replaced at most; at least one
    least_confidence: float  # of the link of a word that is replaced, 0 to 1
    least_links: int  # confident links of the new word with the same source word
    least_similarity: float  # cosine of the source words that both words stand for, 0 to 1
    most_likeness: float  # letters in common, 0 to 1; above it, another spelling of the same word
    affixes: Affixation
    lexicon: Learning

    def __post_init__(self) -> None:
        if self.most_rows < 0 or self.least_links < 1:
            raise ValueError("most_rows must be at least 0 and least_links at least 1")
        for name in ("share", "least_confidence", "least_similarity", "most_likeness"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be 0 to 1, got {getattr(self, name)}")


class Tool(NamedTuple):
    """What the method knows of a language."""

    lexicon: Lexicon
    affixes: Affixes
    words: Mapping[str, Sequence[str]]  # target words by the source word that they stand for
    forms: Mapping[tuple[str, str], str]  # the commonest writing, by variety and key
    guard: Guard


def tool_of(lexicon: Lexicon, guard: Guard, params: Substitute) -> Tool:
    """What the training pairs teach the method."""
    by_source: dict[str, list[str]] = defaultdict(list)
    for key, sources in sorted(lexicon.meanings.items()):
        for source, links in sources.items():
            if links >= params.least_links:
                by_source[source].append(key)
    written: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in lexicon.pairs:
        for word in lexicon.words(row)[1]:
            written[row["language"], word.key][row["target"][slice(*word[:2])].lower()] += 1
    forms = {
        key: min(found, key=lambda form: (-found[form], form)) for key, found in written.items()
    }
    return Tool(lexicon, affixes(lexicon.meanings, params.affixes), by_source, forms, guard)


def substituted(rows: Sequence[Row], tool: Tool, params: Substitute) -> Made:
    """The rows with some target words replaced by near-synonyms."""
    return gathered(rows, (reworded(row, tool, params) for row in rows), tool.guard)


def reworded(row: Row, tool: Tool, params: Substitute) -> Row | str:
    """The row with some of its target words replaced, or why it has none."""
    if not (row["source"] and row["target"]):
        return "one side only"
    source, target = tool.lexicon.words(row)
    outside = free(target, tool.guard.target.spans(row["target"]))
    sure = [
        link
        for link in tool.lexicon.links(source, target)
        if link.confidence >= params.least_confidence and link.target in outside
    ]
    if not sure:
        return "no word is linked surely"
    able = {
        link.target: form
        for link in sure
        for key in synonyms(target[link.target].key, source[link.source].key, tool, params)[::-1]
        if (form := tool.forms.get((row["language"], key)))
    }  # the likest of those that the variety has
    if not able:
        return "no near-synonym with the same affixes"
    most = max(1, round(params.share * len(target)))
    chosen = chance(METHOD, row["id"]).sample(sorted(able), min(most, len(able)))
    text = row["target"]
    patches = [
        Patch(start, end, cased(able[place], text[start:end]))
        for place in chosen
        for start, end, _ in [target[place]]
    ]
    engine = f"{METHOD}@{digest(tool.lexicon.name)}"
    return child(row, METHOD, engine, target=patched(text, patches))


def synonyms(word: str, meaning: str, tool: Tool, params: Substitute) -> list[str]:
    """Words that stand for the same source words and bear the same affixes, the likest first.

    A word of other affixes lends its stem, if the stem with the word's own affixes is a word too.
    What is shorter than a stem is left alone: it is mostly grammar, as *no* and *never*.
    """
    prefix, stem, suffix = tool.affixes.cut(word)
    own = tool.lexicon.meanings.get(word, Counter())
    least = tool.affixes.least_stem
    if own[meaning] < params.least_links or len(stem) < least:
        return []
    found: dict[str, float] = {}
    for other in tool.words.get(meaning, ()):
        middle = tool.affixes.cut(other)[1]
        likeness = SequenceMatcher(None, stem, middle, autojunk=False).ratio()
        similarity = cosine(own, tool.lexicon.meanings[other])
        alike = similarity >= params.least_similarity and likeness <= params.most_likeness
        if alike and len(middle) >= least:
            made = f"{prefix}{middle}{suffix}"
            found[made] = max(similarity, found.get(made, 0.0))
    return sorted(found, key=lambda made: (-found[made], made))


def cosine(one: Mapping[str, int], other: Mapping[str, int]) -> float:
    """How alike two counts are, 0 to 1.

    >>> cosine({"agua": 3}, {"agua": 1})
    1.0
    """
    shared = sum(one[key] * other[key] for key in one.keys() & other.keys())
    return shared / (math.hypot(*one.values()) * math.hypot(*other.values())) if shared else 0.0
