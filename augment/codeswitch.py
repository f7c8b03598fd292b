"""Code-switched text: some words of one side replaced by those of the other that they stand for.

Only words that a lexicon links surely, in both directions, are replaced; neighbours whose partners
are neighbours too are replaced as one span, in the other language's order.

    codeswitched(rows, Words(lexicon, guard), params) -> Made

Source: Song et al. 2019, https://aclanthology.org/N19-1044
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

import pyarrow as pa

from augment.lexicon import Learning, Lexicon, Word, free, learned, opens
from augment.made import Guard, Made, Patch, gathered, guard, patched
from augment.making import Row, chance, child, lowest, pairs_of, share_of
from corpus.settings import Languages, rows_of, settings
from corpus.stage import Output, run
from corpus.table import SYNTHETIC, canonical, digest

METHOD = "codeswitch"
SPACE = " \t\n\u00a0\u200b"
Pair = tuple[int, int]  # places of two linked words: on the changed side, on the other


@settings
class Codeswitch:
    """Which words are replaced, in how many rows."""

    most_rows: int  # tried per language, chosen by hash of the id; 0: none
    side: Literal["source", "target"]  # whose words are replaced by the other's
    share: float  # of a row's words, above 0, at most 1; at least one word
    least_confidence: float  # that two words stand for each other, both ways, 0 to 1
    lexicon: Learning

    def __post_init__(self) -> None:
        if self.most_rows < 0:
            raise ValueError(f"most_rows must be at least 0, got {self.most_rows}")
        if not 0 < self.share <= 1:
            raise ValueError(f"share must be above 0 and at most 1, got {self.share}")
        if not 0 <= self.least_confidence <= 1:
            raise ValueError(f"least_confidence must be 0 to 1, got {self.least_confidence}")


class Words(NamedTuple):
    """What the method knows of a language's words."""

    lexicon: Lexicon
    guard: Guard


class Side(NamedTuple):
    """A side of a row."""

    text: str
    words: list[Word]

    def apart(self, place: int) -> bool:
        """Whether more than space parts a word from the one before."""
        return bool(self.text[self.words[place - 1].end : self.words[place].start].strip(SPACE))


def codeswitch(  # noqa: PLR0913
    train: pa.Table,
    protected: Path,
    monolingual_share: str,
    params: Codeswitch,
    active: tuple[str, ...],
    languages: Languages,
) -> Output:
    """Rows with words of the other side, for training pairs whose source is not held back."""
    share = share_of(monolingual_share)
    rows, report = [], {}
    for key, human in rows_of(train, active, languages).items():
        pairs = pairs_of(human, share)
        chosen = lowest(pairs, params.most_rows, METHOD)
        if chosen:
            lexicon = learned(pairs, languages[key].orthography, params.lexicon)
            tool = Words(lexicon, guard(protected, key, languages[key]))
            made = codeswitched(chosen, tool, params)
            rows += made.rows
            report[key] = made.report()
    table = canonical(pa.Table.from_pylist(rows, schema=SYNTHETIC))
    return Output({"rows": table}, {"languages": report})


def codeswitched(rows: Sequence[Row], tool: Words, params: Codeswitch) -> Made:
    """The rows with some words of one side in the other side's language."""
    return gathered(rows, (switched(row, tool, params) for row in rows), tool.guard)


def switched(row: Row, tool: Words, params: Codeswitch) -> Row | str:
    """The row with some of its words replaced, or why it has none."""
    if not (row["source"] and row["target"]):
        return "one side only"
    source, target = map(Side, (row["source"], row["target"]), tool.lexicon.words(row))
    pairs = [
        (link.source, link.target)
        for link in tool.lexicon.links(source.words, target.words)
        if link.confidence >= params.least_confidence
    ]
    mine, yours, known = source, target, tool.guard.source
    if params.side == "target":
        mine, yours, known = target, source, tool.guard.target
        pairs = [(there, here) for here, there in pairs]
    outside = free(mine.words, known.spans(mine.text))
    able = [p for p in pairs if p[0] in outside and mine.words[p[0]].key != yours.words[p[1]].key]
    if not able:
        return "no word is linked surely"
    most = max(1, round(params.share * len(mine.words)))
    chosen = sorted(chance(METHOD, row["id"]).sample(sorted(able), min(most, len(able))))
    patches = [patch(run, mine, yours) for run in runs(chosen, mine, yours)]
    engine = f"{METHOD}@{digest(tool.lexicon.name, params.side)}"
    return child(row, METHOD, engine, **{params.side: patched(mine.text, patches)})


def runs(chosen: Sequence[Pair], mine: Side, yours: Side) -> list[list[Pair]]:
    """The pairs of words in runs that are neighbours on both sides, in whatever order; else alone.

    >>> from augment.lexicon import words
    >>> texts = "iztac calli ihuan", "casa blanca y"
    >>> one, two = (Side(text, words(text, None)) for text in texts)
    >>> runs([(0, 1), (1, 0), (2, 2)], one, two)
    [[(0, 1), (1, 0), (2, 2)]]
    >>> runs([(0, 0), (1, 2)], one, two)
    [[(0, 0)], [(1, 2)]]
    """
    found: list[list[Pair]] = []
    for pair in chosen:
        if found and found[-1][-1][0] + 1 == pair[0] and not mine.apart(pair[0]):
            found[-1].append(pair)
        else:
            found.append([pair])
    return [part for run in found for part in ([run] if joined(run, yours) else [[p] for p in run])]


def joined(run: Sequence[Pair], yours: Side) -> bool:
    """Whether the partners of a run's words are one stretch of the other side."""
    places = sorted(there for _, there in run)
    return all(b == a + 1 and not yours.apart(b) for a, b in pairwise(places))


def patch(run: Sequence[Pair], mine: Side, yours: Side) -> Patch:
    """A run's words in the other language, with a capital where the sentence needs one."""
    first, last = min(there for _, there in run), max(there for _, there in run)
    text = yours.text[yours.words[first].start : yours.words[last].end]
    start, end = mine.words[run[0][0]].start, mine.words[run[-1][0]].end
    if mine.text[start].isupper():
        text = text[0].upper() + text[1:]
    elif mine.text[start].islower() and opens(yours.text, yours.words, first):
        text = text[0].lower() + text[1:]
    return Patch(start, end, text)


if __name__ == "__main__":
    run(codeswitch, Codeswitch)
