"""Corpus chrF++ as the reports give it.

Source: Popović 2017, https://aclanthology.org/W17-4770
"""

from collections.abc import Sequence
from typing import Any

from sacrebleu.metrics.chrf import CHRF

DRAWS = 1000  # of the bootstrap


def corpus_chrf(made: Sequence[str], human: Sequence[str]) -> dict[str, Any]:
    """Corpus chrF++ of the texts, case folded, with its 95 % bootstrap interval; null for none."""
    if not made:
        return {"chrf": None, "low": None, "high": None, "signature": None}
    measure = CHRF(word_order=2, lowercase=True)
    score = measure.corpus_score(made, [human], n_bootstrap=DRAWS)
    return {
        "chrf": score.score,
        "low": float(score._mean - score._ci),
        "high": float(score._mean + score._ci),
        "signature": str(measure.get_signature()),
    }
