"""Metrics against sacrebleu and brute force, in three scripts; counts that add up."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER

from corpus.table import InputError
from tests.models import pieces
from train.metrics import common, metrics, rouge_l

SAID = ["in tlācatl yōlqui ipan tepētl", "namoonni hundinuu bilisaa", "የሰው ልጅ ሁሉ ነፃ ሆኖ", "atl", ""]
WANTED = [
    "in tlācatl ōyōlqui ipan in tepētl",
    "namoonni hundinuu bilisaa ta'anii dhalatu.",
    "የሰው ልጅ ሁሉ ነፃ ሆኖ ይወለዳል።",
    "ក្មេងដើរ",
    "tetl",
]


@pytest.mark.parametrize(
    ("name", "theirs"),
    [("chrf", CHRF(word_order=2)), ("bleu", BLEU(tokenize="intl")), ("ter", TER())],
)
def test_sums_score_as_sacrebleu_does(name: str, theirs: CHRF | BLEU | TER) -> None:
    ours = metrics(None, 9)[name]
    counts = ours.counts(SAID, WANTED)
    assert len(counts) == len(SAID)
    assert ours.score(counts.sum(axis=0)) == pytest.approx(
        theirs.corpus_score(SAID, [WANTED]).score
    )
    assert ours.signature == str(theirs.get_signature())
    alone = np.vstack([ours.counts([one], [two]) for one, two in zip(SAID, WANTED, strict=True)])
    assert (alone == counts).all()
    assert ours.counts([], []).shape == (0, counts.shape[1])


def test_bleu_cuts_the_marks_of_any_script() -> None:
    cut = metrics(None, 0)["bleu"].counts
    assert cut(["ሆኖ ይወለዳል።"], ["ሆኖ ይወለዳል ።"])[0, 2] == 3  # words in common


def test_bleu_of_pieces_names_its_model(tmp_path: Path) -> None:
    pieces(tmp_path / "own")
    found = metrics(tmp_path / "own.model", 0)
    assert "ter" not in found
    ours = found["spbleu"]
    assert ours.into_only and not metrics(tmp_path / "own.model", 0, own=False)["spbleu"].into_only
    assert "tok:spm-" in ours.signature and not ours.on_key
    counts = ours.counts(SAID, WANTED)
    assert ours.score(ours.counts(WANTED, WANTED).sum(axis=0)) == pytest.approx(100)
    assert 0 < ours.score(counts.sum(axis=0)) < 100
    assert counts[2, 0] > found["bleu"].counts(SAID, WANTED)[2, 0]  # more pieces than words


def test_a_model_that_is_none_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist; run 'dvc repro tokenizer' first"):
        metrics(tmp_path / "none.model", 0)
    (tmp_path / "bad.model").write_text("ātl", "utf-8")
    with pytest.raises(InputError, match=r"bad.model is no SentencePiece model"):
        metrics(tmp_path / "bad.model", 0)


def longest(one: str, two: str) -> int:
    """The longest common subsequence by trying them all."""
    return max(
        size
        for size in range(len(one) + 1)
        for some in combinations(one, size)
        if "".join(some) in {"".join(other) for other in combinations(two, size)}
    )


@pytest.mark.parametrize("seed", range(20))
def test_common_is_the_longest_subsequence(seed: int) -> None:
    draw = np.random.default_rng(seed)
    one, two = ("".join(draw.choice(list("abc"), draw.integers(0, 8))) for _ in range(2))
    assert common(one, two) == longest(one, two) == common(two, one)


@pytest.mark.parametrize(
    ("said", "wanted", "score"),
    [
        ("In ĀTL", "in ātl", 1.0),
        ("bilisaa ta'anii", "bilisaa ta’anii", 0.5),  # two apostrophes are two words
        ("ልጅ፣ ሁሉ", "ልጅ ሁሉ", 1.0),
        ("क्षि", "क्ष", 0.0),  # vowel signs are part of a word
        ("1591 xihuitl", "1591", 2 / 3),
        ("...", "…", 0.0),
        ("", "atl", 0.0),
    ],
)
def test_rouge_l_finds_words_in_any_script(said: str, wanted: str, score: float) -> None:
    assert rouge_l(said, wanted) == pytest.approx(score)


def test_rouge_l_of_a_test_set_is_the_mean() -> None:
    ours = metrics(None, 0)["rouge_l"]
    sums = ours.counts(["in ātl", "tetl"], ["in ātl", "calli"]).sum(axis=0)
    assert ours.score(sums) == pytest.approx(50)
