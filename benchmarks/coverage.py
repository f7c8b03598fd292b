"""How often the ablation's verdict is wrong where no method has any effect; 1 in 20 is promised.

python -m benchmarks.coverage

Both systems are measured on the same test rows. A row's difference has a part that all seeds share
and a part of its own, as large; beside the rows, seeds differ by so many times the error that the
rows leave, which is what another draw of training rows does.
"""

import numpy as np

from train.gains import gain
from train.scores import rate

ROWS = 250
SEEDS = (3, 5, 10)
SPREADS = (0, 1, 2, 4, 8)  # of seeds, in errors from rows
WORLDS = 1000
RESAMPLES = 400


def world(
    generator: np.random.Generator, seeds: int, spread: float
) -> tuple[np.ndarray, np.ndarray]:
    """Statistics of two systems that are equally good, (seeds, rows, 2) each."""
    old = np.array([[generator.normal(0, 1, ROWS), np.ones(ROWS)]] * seeds)
    shared, own = generator.normal(0, 1, ROWS), generator.normal(0, 1, (seeds, ROWS))
    new = old.copy()
    new[:, 0] += shared + own + generator.normal(0, spread / np.sqrt(ROWS), (seeds, 1))
    return new.swapaxes(1, 2), old.swapaxes(1, 2)


def wrong(seeds: int, spread: float) -> float:
    """The share of worlds in which the verdict sees an effect."""
    generator = np.random.default_rng(0)
    found = (
        gain(*world(generator, seeds, spread), rate, (RESAMPLES, 0))["verdict"]
        for _ in range(WORLDS)
    )
    return sum(verdict != "can't tell" for verdict in found) / WORLDS


def main() -> None:
    """Print a line for each number of seeds."""
    print(f"wrong verdicts by spread of seeds: {', '.join(map(str, SPREADS))}")
    for seeds in SEEDS:
        print(f"  {seeds:2} seeds: {', '.join(f'{wrong(seeds, some):.3f}' for some in SPREADS)}")


if __name__ == "__main__":
    main()
