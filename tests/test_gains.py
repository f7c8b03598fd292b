"""No effect is 0, a planted one is found, and intervals hold what they promise."""

import numpy as np
import pytest

from train.gains import gain, half_width
from train.scores import rate

DRAW = (400, 0)


def world(
    generator: np.random.Generator, effect: float, seeds: int, spread: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Statistics of two systems on 60 rows; the new one scores so much more, give or take."""
    hard = generator.normal(0, 1, 60)
    old = np.array([[hard + generator.normal(0, 0.3, 60), np.ones(60)] for _ in range(seeds)])
    shift = effect + generator.normal(0, spread, (seeds, 1))
    new = old.copy()
    new[:, 0] += shift + generator.normal(0, 0.3, (seeds, 60))
    return new.swapaxes(1, 2), old.swapaxes(1, 2)


def test_equal_results_gain_exactly_nothing() -> None:
    new, _ = world(np.random.default_rng(1), 0.0, 3)
    found = gain(new, new, rate, DRAW)
    assert (found["gain"], found["least"], found["most"]) == (0.0, 0.0, 0.0)
    assert found["by_seed"] == [0.0, 0.0, 0.0]
    assert found["verdict"] == "can't tell"


@pytest.mark.parametrize(("effect", "verdict"), [(0.5, "helps"), (-0.5, "hurts")])
def test_a_planted_effect_is_found(effect: float, verdict: str) -> None:
    found = gain(*world(np.random.default_rng(2), effect, 3), rate, DRAW)
    assert found["verdict"] == verdict
    assert found["least"] < effect < found["most"]
    assert found["gain"] == pytest.approx(np.mean(found["by_seed"]))


def test_three_seeds_of_one_sign_prove_little_where_they_differ() -> None:
    assert half_width([1.13, 0.42, 1.07], np.zeros(400)) == pytest.approx(0.98, abs=0.01)
    assert half_width([1.0, 1.0, 1.0], np.zeros(400)) == 0.0
    rows = np.random.default_rng(0).normal(0, 1, 10000)
    assert half_width([1.0, 1.0, 1.0], rows) == pytest.approx(1.96, abs=0.05)


def test_the_order_of_seeds_says_nothing_and_the_same_draw_says_the_same() -> None:
    new, old = world(np.random.default_rng(3), 0.2, 3)
    assert gain(new, old, rate, DRAW) == gain(new, old, rate, DRAW)
    turned = gain(new[::-1], old[::-1], rate, DRAW)
    assert turned["gain"] == pytest.approx(gain(new, old, rate, DRAW)["gain"])


@pytest.mark.parametrize("spread", [0.0, 0.1, 1.0])
def test_without_an_effect_few_intervals_exclude_zero(spread: float) -> None:
    generator = np.random.default_rng(4)
    told = [gain(*world(generator, 0.0, 3, spread), rate, DRAW)["verdict"] for _ in range(120)]
    wrong = sum(verdict != "can't tell" for verdict in told)
    assert wrong <= 120 * 0.1  # 0.05 is promised
