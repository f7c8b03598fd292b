"""Laws of the confusion matrix, its intervals, the abstention curve and priors."""

import json

import numpy as np
import pytest

from corpus.combine import combined
from corpus.confusion import abstention, by_document, by_length, grouped, placed, rates, told
from corpus.detection import at_prior, calibration_error, reliability
from corpus.proof import precision, precision_at

CLASSES = ("nah", "spa", "noise", "other")


def test_figures_by_hand() -> None:
    """Precision, recall and F1 of a matrix that can be checked by eye."""
    true = placed(["nah", "nah", "nah", "spa", "glg"], CLASSES)
    found = placed(["nah", "nah", "spa", "spa", "nah"], CLASSES)
    made = told(CLASSES, true, found, ["a", "a", "b", "c", "d"], seed=1)
    assert set(made["classes"]) == {"nah", "spa", "other"}  # of noise there is no text
    nah = made["classes"]["nah"]
    assert (nah["segments"], nah["documents"]) == (3, 2)
    assert nah["recall"]["value"] == nah["precision"]["value"] == pytest.approx(2 / 3)
    assert nah["taken_for"] == {"nah": 2, "spa": 1}
    assert made["macro_f1"]["value"] == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)
    assert made == told(CLASSES, true, found, ["a", "a", "b", "c", "d"], seed=1)


def test_intervals_are_over_documents() -> None:
    """One bad book of two widens the interval; the same errors spread over all books do not."""
    true = np.zeros(200, dtype=np.int64)
    found = np.repeat([0, 3], 100)
    one_bad = told(CLASSES, true, found, ["good"] * 100 + ["bad"] * 100, seed=1)
    spread = told(CLASSES, true, found, [str(n % 20) for n in range(200)], seed=1)
    of_one, of_all = (made["classes"]["nah"]["recall"] for made in (one_bad, spread))
    assert of_one["value"] == of_all["value"] == 0.5
    assert (of_one["low"], of_one["high"]) == (0.0, 1.0)
    assert (of_all["low"], of_all["high"]) == (0.5, 0.5)


def test_order_changes_nothing() -> None:
    """Figures follow the segments, not their order."""
    chance = np.random.default_rng(1)
    true, found = chance.integers(4, size=(2, 90))
    documents = [str(n) for n in chance.integers(9, size=90)]
    order = chance.permutation(90)
    again = told(CLASSES, true[order], found[order], [documents[n] for n in order], 1)
    assert again == told(CLASSES, true, found, documents, 1)
    counts = by_document(true, found, documents, 4)
    assert counts.sum() == 90
    assert (rates(counts.sum(axis=0))["recall"] <= 1).all()


def test_other_is_what_is_left() -> None:
    """The chances of all other languages count together, however many they are."""
    chances = grouped(np.array([[0.4, 0.1, 0.0], [0.6, 0.5, 0.0]]))
    assert chances[:, -1].tolist() == pytest.approx([0.5, 0.0])
    assert chances.argmax(axis=1).tolist() == [3, 0]


def test_abstention() -> None:
    """Coverage falls as the limit rises; who says nothing makes no mistake."""
    chances = np.array([[0.95, 0.05], [0.6, 0.4], [0.45, 0.55]])
    curve = abstention(chances, np.array([0, 1, 1]))
    coverage = [point["coverage"]["rate"] for point in curve]
    assert coverage == sorted(coverage, reverse=True)
    assert curve[0]["accuracy"]["rate"] == pytest.approx(2 / 3)
    assert curve[-1]["accuracy"] == {"count": 0, "of": 0, "rate": None, "low": None, "high": None}


def test_bands_of_length() -> None:
    """Every segment is in one band; a text without words is in none."""
    zeros = np.zeros(5, dtype=np.int64)
    bands = by_length(CLASSES, zeros, zeros, np.array([0, 1, 4, 11, 90]))
    assert [band["segments"] for band in bands] == [1, 1, 0, 2]
    assert [band["macro_f1"] for band in bands] == [1.0, 1.0, None, 1.0]


def test_priors() -> None:
    """Scores true for equal shares are true for any share after the shift."""
    chance = np.random.default_rng(1)
    positive = np.arange(60000) % 2 == 0
    odds = chance.normal(np.where(positive, 1.0, -1.0), np.sqrt(2.0))  # log-odds of equal shares
    scores = 1 / (1 + np.exp(-odds))
    for prior in (0.5, 0.01):
        found = reliability(scores, positive, prior)
        assert found is not None
        assert found["calibration_error"] < 0.02
        assert sum(part["weight"] for part in found["bins"]) == pytest.approx(1)
    assert calibration_error(np.full(60000, 0.9), positive) == pytest.approx(0.4)
    assert reliability(scores, np.ones(60000, bool), 0.5) is None
    assert at_prior(np.array([0.0, 1.0]), 0.5).tolist() == pytest.approx([0, 1])


def test_precision_at_the_prior() -> None:
    """Caswell et al.: what looks precise on a balanced test is not where the language is rare."""
    positive = np.repeat([True, False], 1000)
    accepted = np.concatenate([np.arange(1000) < 900, np.arange(1000) < 10])
    documents = [str(n % 40) for n in range(2000)]
    found = {p: precision_at(p, accepted, positive, documents) for p in (0.5, 0.01)}
    for prior, made in found.items():
        assert made is not None
        known = made["precision"]
        expected = precision(prior, np.array([0.9]), np.array([0.01]))[0]
        assert known["value"] == pytest.approx(expected)
        assert known["low"] < known["value"] < known["high"]
    assert precision_at(0.5, accepted, np.ones(2000, bool), documents) is None


@pytest.mark.parametrize(("informed", "chosen"), [(True, 3), (False, 0)])
def test_another_model_is_combined_where_it_helps(informed: bool, chosen: int) -> None:
    """One that knows the language brings recall in every fold; one that guesses is left out."""
    chance = np.random.default_rng(1)
    positive, fold = np.arange(6000) % 2 == 0, np.arange(6000) % 3
    truth = np.where(positive, 1.5, -1.5)
    ours, theirs = truth + chance.normal(size=6000), chance.normal(size=6000)
    if informed:
        theirs += truth
    odds, documents = np.column_stack([ours, theirs]), [str(n % 30) for n in range(6000)]
    made = combined(odds, positive, fold, documents, 0.01)
    assert made is not None
    assert json.loads(json.dumps(made))["chosen_in_folds"] == chosen  # plain numbers
    assert (made["gain_in_recall"]["low"] > 0) == informed
    if not informed:
        assert made["as_chosen"] == made["alone"]
    assert combined(odds, np.ones(6000, bool), fold, documents, 0.01) is None
