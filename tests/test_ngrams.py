"""A proper distribution over bytes, in any script, whose bits add up."""

import numpy as np
import pytest

from train import ngrams

TEXTS = ["In ātl tlālli.", "xōchitl īhuān cuīcatl", "Bishaan jireenya dha", "ውሃ ሕይወት ነው", "ទឹក", ""]


def after(model: ngrams.Ngrams, context: bytes) -> np.ndarray:
    """The probability of each byte after a context."""
    order = len(model.tables)
    padded = (bytes([ngrams.END]) * order + context)[-(order - 1) :] if order > 1 else b""
    grams = np.array([int.from_bytes(padded + bytes([b])) for b in range(256)], dtype=np.uint64)
    return ngrams.probabilities(model, grams)


@pytest.mark.parametrize("order", [1, 2, 5, 8])
@pytest.mark.parametrize("discount", [0.0, 0.9, 1.0])
@pytest.mark.parametrize("weights", [[1.0] * 6, [1.0, 0.3, 2.5, 1.0, 0.1, 1.0]])
def test_probabilities_of_all_bytes_sum_to_one(
    order: int, discount: float, weights: list[float]
) -> None:
    model = ngrams.train(TEXTS, weights, order, discount)
    for context in (b"", "ā".encode(), b"tl", "ውሃ ".encode(), b"never seen", b"\x00"):
        found = after(model, context)
        assert found.sum() == pytest.approx(1)
        assert (found >= 0).all()


@pytest.mark.parametrize("order", [1, 3, 8])
def test_bits_of_a_text_are_those_of_its_bytes_and_its_end(order: int) -> None:
    model = ngrams.train(TEXTS, [1.0] * len(TEXTS), order, 0.8)
    for text in ("ātl īhuān tlālli", "bishaan", "ውሃ", "ទឹកស្អាត", ""):
        said = text.encode() + bytes([ngrams.END])
        spent = [-np.log2(after(model, said[:n])[byte]) for n, byte in enumerate(said)]
        assert ngrams.bits(model, [text])[0] == pytest.approx(sum(spent))


def test_texts_do_not_run_into_each_other() -> None:
    model = ngrams.train(TEXTS, [1.0] * len(TEXTS), 8, 0.9)
    alone = [ngrams.bits(model, [text])[0] for text in TEXTS]
    assert ngrams.bits(model, TEXTS) == pytest.approx(alone)
    turned = ngrams.train(TEXTS[::-1], [1.0] * len(TEXTS), 8, 0.9)
    assert ngrams.bits(turned, TEXTS) == pytest.approx(alone)


def test_counts_are_those_of_kneser_and_ney_by_hand() -> None:
    # "aab": bigrams ^a aa ab b$; a stands after two bytes, b and the end after one each: 2, 1, 1
    model = ngrams.train(["aab"], [1.0], 2, 0.5)
    alone = (2 - 0.5) / 4 + 3 * 0.5 / 4 / 256  # what the three discounts leave goes to all bytes
    assert after(model, b"b")[ord("a")] == pytest.approx(0.5 / 1 * alone)
    seen = (1 - 0.5) / 2 + 2 * 0.5 / 2 * alone
    assert after(model, b"a")[ord("a")] == pytest.approx(seen)


def test_a_weight_is_so_many_texts_and_no_text_is_no_knowledge() -> None:
    twice = ngrams.train([*TEXTS, *TEXTS], [1.0] * 12, 5, 0.0)
    heavy = ngrams.train(TEXTS, [2.0] * 6, 5, 0.0)
    assert ngrams.bits(heavy, TEXTS) == pytest.approx(ngrams.bits(twice, TEXTS))
    nothing = ngrams.train([], [], 8, 0.9)
    assert ngrams.bits(nothing, ["ātl"]) == pytest.approx([5 * 8])


@pytest.mark.parametrize(("order", "discount"), [(0, 0.5), (9, 0.5), (3, -0.1), (3, 1.1)])
def test_what_no_model_can_be_is_an_error(order: int, discount: float) -> None:
    with pytest.raises(ValueError, match="order must be 1 to 8 and discount 0 to 1"):
        ngrams.train(TEXTS, [1.0] * 6, order, discount)
