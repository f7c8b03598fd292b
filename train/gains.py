"""What a method gains over the same human data without it, pooled over seeds, and the verdict.

Two things are left to chance: which test rows there are, and which training rows a seed drew. Each
draw of the bootstrap takes test rows with repetition, the same for all seeds and both systems
(paired), and one seed fewer than there are, with repetition: so few seeds drawn whole would make
intervals too narrow by the factor sqrt((seeds - 1) / seeds).

Sources: Koehn 2004, https://aclanthology.org/W04-3250 (paired bootstrap);
Rao & Wu 1988, https://doi.org/10.1080/01621459.1988.10478591 (one draw fewer)
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from train.statistics import LEVEL, verdict

Score = Callable[[np.ndarray], float]  # of the statistics' sums
VERDICTS = {"better": "helps", "worse": "hurts", "cannot tell": "can't tell"}


def gain(new: np.ndarray, old: np.ndarray, score: Score, draw: tuple[int, int]) -> dict[str, Any]:
    """The mean gain in a score of which more is better, its 95 % interval, and a verdict.

    Args:
        new: (seeds, n, k) statistics of n test rows by each seed's model; `old` has the same rows.
        draw: resamples and seed of the bootstrap.

    Returns:
        gain, least, most; by_seed; verdict: helps, hurts or can't tell.
    """
    if np.array_equal(new, old):
        by_seed, least, most = [0.0] * len(new), 0.0, 0.0
    else:
        sums = new.sum(axis=1), old.sum(axis=1)
        by_seed = [score(one) - score(other) for one, other in zip(*sums, strict=True)]
        least, most = np.quantile(drawn(new, old, score, draw), ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return {
        "gain": float(np.mean(by_seed)),
        "least": float(least),
        "most": float(most),
        "by_seed": by_seed,
        "verdict": VERDICTS[verdict(least, most, more_is_better=True)],
    }


def drawn(new: np.ndarray, old: np.ndarray, score: Score, draw: tuple[int, int]) -> np.ndarray:
    """(resamples,): the gain of each draw of test rows and seeds."""
    (resamples, seed), (seeds, count, _) = draw, new.shape
    generator = np.random.default_rng(seed)
    rows = generator.multinomial(count, np.full(count, 1 / count), size=resamples)
    weights = generator.multinomial(max(1, seeds - 1), np.full(seeds, 1 / seeds), size=resamples)
    gains = np.array(
        [
            [
                score(one) - score(other)
                for one, other in zip(rows @ some, rows @ others, strict=True)
            ]
            for some, others in zip(new, old, strict=True)
        ]
    )
    return np.average(gains, axis=0, weights=weights.T)
