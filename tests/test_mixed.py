"""Laws and cases of segments that mix languages."""

from collections.abc import Sequence

import numpy as np
import pytest

from corpus.detection import Floats
from corpus.mixed import (
    Mixing,
    Part,
    Planted,
    figures,
    is_mixed,
    mixtures,
    parts,
    path,
    runs,
    windows_of,
)

HOW = Mixing(least_words=8, most_clear=0.98, window=6, switch=3.0, least_share=0.2, planted=50)
LABELS = ("nah", "spa")
NAHUATL = ["in", "tlacatl", "yaz", "in", "ichan", "quitoz", "in", "itlahtol", "nican"]
SPANISH = ["el", "hombre", "se", "va", "a", "su", "casa", "y", "dice", "la", "palabra"]


def by_words(texts: Sequence[str]) -> Floats:
    """Chances by the share of known words; what is unknown is noise."""
    known = [[sum(w in side for w in t.split()) for side in (NAHUATL, SPANISH)] for t in texts]
    rows = [
        [n / max(1, len(t.split())) for n in some] for t, some in zip(texts, known, strict=True)
    ]
    return np.array([[*row, 1 - sum(row)] for row in rows]).reshape(len(texts), 3)


@pytest.mark.parametrize(
    ("words", "languages"),
    [
        (NAHUATL, ["nah"]),
        (SPANISH, ["spa"]),
        (NAHUATL + SPANISH, ["nah", "spa"]),
        (SPANISH + NAHUATL, ["spa", "nah"]),
        (NAHUATL + SPANISH + NAHUATL, ["nah", "spa", "nah"]),
        ([*NAHUATL[:4], "casa", *NAHUATL[4:]], ["nah"]),  # a loan is no part
    ],
)
def test_parts(words: list[str], languages: list[str]) -> None:
    """A label for each part in its order; shares sum to one."""
    text = " ".join(words)
    (found,) = parts([text], by_words([text]), by_words, LABELS, HOW)
    assert found is not None
    assert [part.language for part in found] == languages
    assert sum(part.share for part in found) == pytest.approx(1)
    assert is_mixed(found, HOW.least_share) == (len(languages) > 1)


@pytest.mark.parametrize("text", ["", "in tlacatl", "уже " * 20])
def test_no_parts(text: str) -> None:
    """Where a text is short, or of no language asked, nothing is invented."""
    assert parts([text], by_words([text]), by_words, LABELS, HOW) == [None]
    assert parts([], by_words([]), by_words, LABELS, HOW) == []


def test_windows_and_paths() -> None:
    """Windows are few, however long a text is; one odd window changes no label."""
    assert len(windows_of(["atl"] * 9, 6)) == 5
    assert len(windows_of(["atl"] * 10000, 6)) <= 101
    odd = np.array([[0.9, 0.1]] * 3 + [[0.2, 0.8]] + [[0.9, 0.1]] * 3)
    assert path(odd, 3.0) == [0] * 7
    assert path(odd, 0.0) == [0, 0, 0, 1, 0, 0, 0]
    assert runs([0, 0, 1, 0], LABELS) == [Part("nah", 0.5), Part("spa", 0.25), Part("nah", 0.25)]


def test_mixtures() -> None:
    """Half of what is planted is pure, shares are of words, and the same twice."""
    sides = ([" ".join(NAHUATL)], [" ".join(SPANISH)])
    made = mixtures(sides, HOW, seed=1)
    assert made == mixtures(sides, HOW, seed=1)
    for text, known in made:
        words = text.split()
        assert len(words) >= HOW.least_words
        mine = sum(word in NAHUATL for word in words) / len(words)
        assert mine == pytest.approx(known, abs=0.01)
    assert {known in (0, 1) for _, known in made} == {True, False}
    assert mixtures(([], ["en la casa"]), HOW, seed=1) == []


def test_figures() -> None:
    """Recall and precision of the flag, and the mean error of the shares of true mixtures."""
    half, pure = [Part("nah", 0.5), Part("spa", 0.5)], [Part("nah", 1.0)]
    made = figures(
        [Planted(0.6, half), Planted(0.5, pure), Planted(1.0, pure), Planted(0.0, half)],
        "nah",
        0.2,
    )
    assert made["recall"]["rate"] == made["precision"]["rate"] == 0.5
    assert made["pure_flagged"]["rate"] == 0.5
    assert made["mean_error_of_share"] == pytest.approx((0.1 + 0.5) / 2)
    assert figures([], "nah", 0.2)["mean_error_of_share"] is None


def test_settings() -> None:
    """Values out of range are named."""
    with pytest.raises(ValueError, match="most_clear and least_share must be in"):
        Mixing(least_words=8, most_clear=1.5, window=6, switch=3.0, least_share=0.2, planted=1)
