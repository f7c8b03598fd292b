"""What a method gains over the same human data without it, pooled over seeds, and the verdict.

Two things are left to chance: which test rows there are, and which training rows a seed drew. The
bootstrap over test rows, the same for all seeds and both systems (paired), gives the variance that
is the rows'; the spread of the seeds' gains gives that which is the draws'. Their sum has few
degrees of freedom where the seeds differ, for there are few: so a t interval, with as many as
Welch and Satterthwaite count. What a seed shares with its rows counts twice, on the safe side.

Sources: Koehn 2004, https://aclanthology.org/W04-3250 (paired bootstrap);
Satterthwaite 1946, https://doi.org/10.2307/3002019 (degrees of freedom)
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.stats import t

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
    sums = new.sum(axis=1), old.sum(axis=1)
    by_seed = [score(one) - score(other) for one, other in zip(*sums, strict=True)]
    half = 0.0 if np.array_equal(new, old) else half_width(by_seed, drawn(new, old, score, draw))
    least, most = float(np.mean(by_seed)) - half, float(np.mean(by_seed)) + half
    return {
        "gain": float(np.mean(by_seed)),
        "least": least,
        "most": most,
        "by_seed": by_seed,
        "verdict": VERDICTS[verdict(least, most, more_is_better=True)],
    }


def half_width(by_seed: Sequence[float], draws: np.ndarray) -> float:
    """Half the 95 % interval of the mean gain, from rows and seeds; two seeds at least.

    Args:
        draws: (resamples,) the mean gain on test rows drawn anew.
    """
    rows, seeds = float(np.var(draws, ddof=1)), float(np.var(by_seed, ddof=1)) / len(by_seed)
    whole = rows + seeds
    if whole == 0:
        return 0.0
    share = seeds / whole
    freedom = 1 / (share**2 / (len(by_seed) - 1) + (1 - share) ** 2 / (len(draws) - 1))
    return float(t.ppf((1 + LEVEL) / 2, freedom)) * math.sqrt(whole)


def drawn(new: np.ndarray, old: np.ndarray, score: Score, draw: tuple[int, int]) -> np.ndarray:
    """(resamples,): the mean gain of the seeds on each draw of test rows."""
    (resamples, seed), (_, count, _) = draw, new.shape
    generator = np.random.default_rng(seed)
    rows = generator.multinomial(count, np.full(count, 1 / count), size=resamples)
    gains = np.array(
        [
            [
                score(one) - score(other)
                for one, other in zip(rows @ some, rows @ others, strict=True)
            ]
            for some, others in zip(new, old, strict=True)
        ]
    )
    return np.asarray(gains.mean(axis=0))
