"""What a segment counts, so that the score of a test set is of sums: chrF++ and bits per byte.

Source: Popović 2017, https://aclanthology.org/W17-4770 (chrF++);
Gao et al. 2020, https://arxiv.org/abs/2101.00027 (bits per byte)
"""

from typing import Any

import numpy as np


def chrf_statistics(hypothesis: str, reference: str) -> list[int]:
    """The counts of one segment that chrF++ is made of.

    Source: Popović 2017, https://aclanthology.org/W17-4770
    """
    counts: list[list[int]] = chrf()._extract_corpus_statistics([hypothesis], [[reference]])
    return [int(count) for count in counts[0]]


def chrf() -> Any:  # noqa: ANN401
    """The metric: chrF++ is chrF with word bigrams."""
    from sacrebleu.metrics.chrf import CHRF

    return CHRF(word_order=2)


def chrf_score(sums: np.ndarray) -> float:
    """chrF++ of summed counts, 0 to 100."""
    return float(chrf()._compute_f_score(sums))


def signature() -> Any:  # noqa: ANN401
    """What sacrebleu says of the metric, version and all."""
    metric = chrf()
    metric.corpus_score(["atl"], [["atl"]])  # it knows the number of references from a call
    return metric.get_signature()


def rate(sums: np.ndarray) -> float:
    """Bits per byte of summed bits and bytes."""
    return float(sums[0] / sums[1])


def size(text: str) -> int:
    """UTF-8 bytes of a text; that it ends costs bits too, and counts as one byte.

    >>> size("ātl")
    5
    """
    return len(text.encode()) + 1
