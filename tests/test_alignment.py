"""Laws of word alignment: against a plain loop, on words that mean each other, on odd input."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from corpus.alignment import Side, evidence, learn, links, numbered, thinned

PAIRS = [
    ("in calli", "la casa"),
    ("calli uei", "casa grande"),
    ("in atl", "el agua"),
    ("atl uei", "agua grande"),
    ("in calli atl", "la casa agua"),
]


def sides(pairs: list[tuple[str, str]]) -> list[tuple[Side, int]]:
    """Both sides of the pairs as numbers."""
    return [numbered([pair[n].split() for pair in pairs]) for n in (0, 1)]


def plain(pairs: list[tuple[str, str]], rounds: int, strength: float) -> dict[str, float]:
    """Expected counts of (given, made) by the textbook's loops, with the same smoothing."""
    words = Counter(w for _, made in pairs for w in made.split())
    size = len(words) + 1
    share = {w: (n + 0.5) / (words.total() + 0.5 * size) for w, n in words.items()}
    belief: dict[tuple[str, str], float] = defaultdict(lambda: 1.0)
    counts: dict[tuple[str, str], float] = {}
    for _ in range(rounds):
        counts = defaultdict(float)
        for given, made in pairs:
            for m in made.split():
                some = ["", *given.split()]
                total = sum(belief[g, m] for g in some)
                for g in some:
                    counts[g, m] += belief[g, m] / total
        seen: dict[str, float] = defaultdict(float)
        for (g, _), count in counts.items():
            seen[g] += count
        belief = defaultdict(
            float,
            {
                (g, m): (count + strength * share[m]) / (seen[g] + strength)
                for (g, m), count in counts.items()
            },
        )
    return {f"{g} {m}": count for (g, m), count in counts.items()}


def test_it_counts_as_the_textbook_does() -> None:
    (given, many), (made, more) = sides(PAIRS)
    lexicon = learn(given, made, (many, more), 4, 1.0)
    names = [[""], [""]]
    for n in (0, 1):
        names[n] += list(dict.fromkeys(w for pair in PAIRS for w in pair[n].split()))
    left, right = np.divmod(lexicon.keys, more)
    found = {
        f"{names[0][a]} {names[1][b]}": count
        for a, b, count in zip(left, right, lexicon.counts, strict=True)
    }
    expected = plain(PAIRS, 4, 1.0)
    assert found.keys() == expected.keys()
    for name, count in expected.items():
        assert found[name] == pytest.approx(count), name


def test_a_word_that_means_the_other_has_evidence() -> None:
    (given, many), (made, more) = sides(PAIRS * 5)
    lexicon = learn(given, made, (many, more), 5, 1.0)
    for n in range(len(PAIRS)):
        own = evidence(lexicon, given.take(np.array([n])), made.take(np.array([n])))
        assert own.mean() > 0
    casa, agua = made.take(np.array([0])), made.take(np.array([2]))
    right = evidence(lexicon, given.take(np.array([0])), casa)[1]
    wrong = evidence(lexicon, given.take(np.array([0])), agua)[1]  # agua, of in calli
    assert right > 0 > wrong


def test_links_join_null_and_every_given_word() -> None:
    given, made = (
        Side(np.array([5, 6, 7]), np.array([2, 1])),
        Side(np.array([8, 9]), np.array([2, 0])),
    )
    left, right, degree = links(given, made)
    assert left.tolist() == [0, 5, 6, 0, 5, 6]
    assert right.tolist() == [8, 8, 8, 9, 9, 9]
    assert degree.tolist() == [3, 3]


def test_no_words_are_no_evidence() -> None:
    empty = Side(np.empty(0, np.int64), np.zeros(2, np.int64))
    some = Side(np.array([1, 2]), np.array([1, 1]))
    lexicon = learn(empty, some, (1, 3), 2, 1.0)
    assert len(evidence(lexicon, some, empty)) == 0
    nothing = learn(some, empty, (3, 1), 2, 1.0)
    assert len(evidence(nothing, empty, empty)) == 0


def test_thinned_keeps_short_texts_and_spreads_over_long_ones() -> None:
    side = Side(np.arange(13), np.array([3, 10, 0]))
    thin = thinned(side, 4)
    assert thin.sizes.tolist() == [3, 4, 0]
    assert thin.words.tolist() == [0, 1, 2, 3, 5, 8, 10]
