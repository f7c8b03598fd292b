"""A language's own prefixes and suffixes, learned from its bitext and no grammar.

Two words that stand for source words of the same beginning and differ at one end only are taken for
forms of one stem: *nikita* and *tikita*, both "see", show ni- and ti-. What does so on many
different stems is an affix.

Source: after Goldsmith 2001, https://aclanthology.org/J01-2001, with meaning as a further witness.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import NamedTuple

from corpus.settings import settings

ROOT = 4  # letters of a source word that its inflected forms share; shorter words are left out
CROWD = 60  # words of one meaning; more are no meaning
ROUNDS = 2


@settings
class Affixation:
    """What counts as an affix."""

    least_stem: int  # letters
    most_letters: int  # of an affix
    least_stems: int  # different stems that must bear it

    def __post_init__(self) -> None:
        if min(self.least_stem, self.most_letters, self.least_stems) < 1:
            raise ValueError("least_stem, most_letters and least_stems must be at least 1")


class Affixes(NamedTuple):
    """Learned affixes, each with the number of stems that bear it."""

    prefixes: Mapping[str, int]
    suffixes: Mapping[str, int]
    least_stem: int

    def cut(self, word: str) -> tuple[str, str, str]:
        """The longest known prefix, the stem and the longest known suffix.

        >>> Affixes({"ni": 9}, {"tl": 9}, 2).cut("nitlatl")
        ('ni', 'tla', 'tl')
        """
        ends = range(max(0, len(word) - self.least_stem), 0, -1)
        suffix = next((word[-n:] for n in ends if word[-n:] in self.suffixes), "")
        word = word.removesuffix(suffix)
        ends = range(max(0, len(word) - self.least_stem), 0, -1)
        prefix = next((word[:n] for n in ends if word[:n] in self.prefixes), "")
        return prefix, word.removeprefix(prefix), suffix


def affixes(meanings: Mapping[str, Iterable[str]], params: Affixation) -> Affixes:
    """The affixes that words show, given the source words that each stands for.

    Shared endings must not pass for shared stems, nor beginnings: what one end has taught is cut
    off before the other end is looked at again.
    """
    alike: dict[str, set[str]] = defaultdict(set)
    for word, sources in meanings.items():
        for source in sources:
            if len(source) >= ROOT:
                alike[source[: ROOT + 1]].add(word)
    groups = [sorted(group) for _, group in sorted(alike.items()) if len(group) <= CROWD]
    found = Affixes({}, {}, params.least_stem)
    for _ in range(ROUNDS):
        bare = [[word.removeprefix(found.cut(word)[0]) for word in group] for group in groups]
        found = found._replace(suffixes=ends(bare, params))
        bare = [[word.removesuffix(found.cut(word)[2])[::-1] for word in group] for group in groups]
        prefixes = {run[::-1]: stems for run, stems in ends(bare, params).items()}
        found = found._replace(prefixes=prefixes)
    return found


def ends(groups: Iterable[Iterable[str]], params: Affixation) -> dict[str, int]:
    """The ends of words that differ after a shared stem, with the number of such stems."""
    bearers: dict[str, set[str]] = defaultdict(set)
    for group in groups:
        for one, other in combinations(sorted(set(group)), 2):
            size = shared(one, other)
            left = one[size:], other[size:]
            if size >= params.least_stem and max(map(len, left)) <= params.most_letters:
                for end in filter(None, left):
                    bearers[end].add(one[:size])
    counts = sorted((end, len(stems)) for end, stems in bearers.items())
    return {end: count for end, count in counts if count >= params.least_stems}


def shared(one: str, other: str) -> int:
    """The letters that two words have in common at their beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))
