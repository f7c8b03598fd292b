"""Laws of naive Bayes over runs of letters, on a few lines of the UDHR in five scripts."""

import numpy as np
import pytest
from pydantic import ValidationError

from benchmarks.bayes import Bayes, learn, probabilities, runs

HOW = Bayes(most_letters=4, bucket_bits=16, smoothing=0.01)
LEARNED = [
    ("khm", "មនុស្សទាំងអស់ កើតមកមានសេរីភាព និងសមភាព"),
    ("amh", "የሰው ልጅ ሁሉ ሲወለድ ነጻና በክብርና በመብትም እኩልነት ያለው ነው"),
    ("arb", "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق"),
    ("nhn", "nochi tlakamej uan siuamej kipiaj manoj kuali tlakatisej"),
    ("spa", "todos los seres humanos nacen libres e iguales en dignidad"),
]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("សេរីភាព", "khm"),
        ("በመብትም", "amh"),
        ("الحقوق", "arb"),
        ("tlakamej kipiaj", "nhn"),
        ("seres libres", "spa"),
    ],
)
def test_words_that_were_learned_are_told(text: str, label: str) -> None:
    model = learn(LEARNED, HOW)
    chances = probabilities(model, [text])[0]
    assert model.labels[chances.argmax()] == label
    assert chances.sum() == pytest.approx(1)


def test_what_nobody_learned_tells_nothing() -> None:
    chances = probabilities(learn(LEARNED, HOW), ["ᚠᚢᚦ"])[0]
    assert chances == pytest.approx(np.full(5, 1 / 5), abs=0.2)  # only the two spaces tell


def test_the_order_of_examples_changes_nothing() -> None:
    texts = [text for _, text in LEARNED]
    one, two = learn(LEARNED, HOW), learn(LEARNED[::-1], HOW)
    assert np.array_equal(probabilities(one, texts), probabilities(two, texts))


def test_a_batch_gives_what_each_text_gives() -> None:
    model = learn(LEARNED, HOW)
    texts = [text[:n] for _, text in LEARNED for n in range(0, 30, 2)] * 8  # more than a batch
    alone = np.concatenate([probabilities(model, [text]) for text in texts])
    assert probabilities(model, texts) == pytest.approx(alone)


def test_runs_stay_inside_their_text() -> None:
    owners, buckets = runs(["ab", "", "c"], Bayes(most_letters=2, bucket_bits=20, smoothing=1.0))
    assert np.bincount(owners).tolist() == [4 + 3, 2 + 1, 3 + 2]  # runs of 1, of 2; spaces around
    alone = [runs([text], Bayes(most_letters=2, bucket_bits=20, smoothing=1.0))[1] for text in "c"]
    assert sorted(buckets[owners == 2]) == sorted(alone[0])


def test_nothing_to_ask_is_an_empty_answer() -> None:
    assert probabilities(learn(LEARNED, HOW), []).shape == (0, 5)


def test_probabilities_by_hand() -> None:
    model = learn([("a", "x"), ("b", "y")], Bayes(most_letters=1, bucket_bits=20, smoothing=1.0))
    # each has two spaces and its letter; three runs are known, so totals are 3 + 3
    spaces = (3 / 6) ** 2
    mine, other = spaces * 2 / 6, spaces * 1 / 6
    assert probabilities(model, ["x"])[0] == pytest.approx([mine / (mine + other), 1 / 3])


@pytest.mark.parametrize("wrong", [{"most_letters": 0}, {"bucket_bits": 31}, {"smoothing": 0.0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises((ValidationError, ValueError)):
        Bayes(**{"most_letters": 4, "bucket_bits": 18, "smoothing": 0.1, **wrong})
