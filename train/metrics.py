"""Scores of translations, each a sum of what segments count, with the signature it is published by.

Papineni et al. 2002 (BLEU), Goyal et al. 2022 (spBLEU: BLEU of pieces), Snover et al. 2006 (TER),
Lin 2004 (ROUGE-L), Popović 2017 (chrF++). No metric here takes words to be Latin: BLEU cuts by
Unicode's punctuation, ROUGE-L finds words in any script. Of text without spaces between words
(Khmer) only chrF++ and spBLEU see the parts.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import regex

from corpus.orthography import WORD
from corpus.table import InputError

Counts = Callable[[Sequence[str], Sequence[str]], np.ndarray]
TOKEN = regex.compile(rf"{WORD.pattern}|\p{{N}}+")  # a word or a number


@dataclass(frozen=True)
class Metric:
    """A score of translations."""

    title: str
    counts: Counts  # (n, k) of n hypotheses and their references
    score: Callable[[np.ndarray], float]  # of their sum, 0 to 100; TER may be above
    more_is_better: bool
    signature: str
    on_key: bool = True  # whether it means something of matching keys
    into_only: bool = False  # its pieces are of the low-resource language
    most: int | None = None  # segments that it is counted of: TER takes 15 ms each


def metrics(pieces: Path | None, most_edited: int, own: bool = True) -> dict[str, Metric]:
    """The metrics by name.

    Args:
        pieces: a SentencePiece model, for spBLEU; null: none.
        most_edited: segments that TER is counted of; 0: none.
        own: the pieces are of the low-resource language alone.

    Raises:
        InputError: it is no such model.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF
    from sacrebleu.metrics.ter import TER

    found = {
        "chrf": sacrebleus("chrF++", CHRF(word_order=2)),
        "bleu": sacrebleus("BLEU", BLEU(tokenize="intl")),
        "rouge_l": rouge(),
    }
    if pieces is not None:
        found["spbleu"] = replace(spbleu(pieces), into_only=own)
    if most_edited:
        found["ter"] = replace(sacrebleus("TER", TER()), more_is_better=False, most=most_edited)
    return found


def sacrebleus(title: str, metric: Any) -> Metric:  # noqa: ANN401
    """A metric of sacrebleu."""
    metric.corpus_score(["atl"], [["atl"]])  # it knows the number of references from a call
    return Metric(
        title,
        partial(extracted, metric),
        partial(aggregated, metric),
        True,
        str(metric.get_signature()),
    )


def extracted(metric: Any, said: Sequence[str], wanted: Sequence[str]) -> np.ndarray:  # noqa: ANN401
    """(n, k): what sacrebleu counts of each segment."""
    if not said:
        return np.empty((0, len(metric._extract_corpus_statistics([""], [[""]])[0])))
    return np.array(metric._extract_corpus_statistics(said, [wanted]), dtype=float)


def aggregated(metric: Any, sums: np.ndarray) -> float:  # noqa: ANN401
    """What sacrebleu scores a test set of these sums."""
    return float(metric._aggregate_and_compute([sums.tolist()]).score)


def spbleu(pieces: Path) -> Metric:
    """BLEU of SentencePiece's pieces; its signature names the model by its hash.

    With the model that this project trained it compares systems of this project alone.

    Source: Goyal et al. 2022, https://doi.org/10.1162/tacl_a_00474
    """
    from sacrebleu.metrics.bleu import BLEU
    from sentencepiece import SentencePieceProcessor

    if not pieces.is_file():
        raise InputError(
            f"{pieces} does not exist; run 'dvc repro tokenizer' first, or mend evaluate.pieces"
        )
    try:
        model = SentencePieceProcessor(model_file=str(pieces))
    except RuntimeError:
        raise InputError(f"{pieces} is no SentencePiece model") from None
    plain = sacrebleus("spBLEU", BLEU(tokenize="none", force=True))
    name = f"tok:spm-{hashlib.sha256(pieces.read_bytes()).hexdigest()[:12]}"

    def counts(said: Sequence[str], wanted: Sequence[str]) -> np.ndarray:
        cut = [[" ".join(one) for one in model.encode(list(some), out_type=str)]
               for some in (said, wanted)]  # fmt: skip
        return plain.counts(*cut)

    signature = plain.signature.replace("tok:none", name)
    return replace(plain, counts=counts, signature=signature, on_key=False)


def rouge() -> Metric:
    """ROUGE-L of words in any script."""
    return Metric("ROUGE-L", rouge_counts, mean, True, rouge_signature())


def rouge_counts(said: Sequence[str], wanted: Sequence[str]) -> np.ndarray:
    """(n, 2): ROUGE-L's F1 of each segment, and one; the score of a test set is their mean.

    Source: Lin 2004, https://aclanthology.org/W04-1013
    """
    rows = [(rouge_l(*two), 1.0) for two in zip(said, wanted, strict=True)]
    return np.array(rows).reshape(-1, 2)


def rouge_l(said: str, wanted: str) -> float:
    """The words in common, in order, over the mean length; 0 where there are no words.

    >>> rouge_l("in tlācatl yōlqui", "in yōlqui tlācatl")
    0.6666666666666666
    """
    one, two = (TOKEN.findall(text.casefold()) for text in (said, wanted))
    return 2 * common(one, two) / (len(one) + len(two)) if one or two else 0.0


def common(one: Sequence[str], two: Sequence[str]) -> int:
    """Length of the longest common subsequence, a bit a word.

    Source: Hyyrö 2004, Bit-parallel LCS-length computation revisited, AWOCA

    >>> common("abcab", "bcba")
    3
    """
    places: dict[str, int] = {}
    for at, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << at
    whole = left = (1 << len(one)) - 1
    for word in two:
        met = left & places.get(word, 0)
        left = ((left + met) | (left - met)) & whole
    return len(one) - left.bit_count()


def mean(sums: np.ndarray) -> float:
    """The mean of shares summed beside their number, times 100."""
    return 100 * float(sums[0] / sums[1])


def rouge_signature() -> str:
    """What is ours in ROUGE-L, in sacrebleu's manner."""
    return f"nrefs:1|case:folded|f:1|tok:words|version:milpa-{version('milpa')}"
