"""What changed: base model against adapters, with and without synthetic rows, on human test text.

Bits per byte, not perplexity: it compares models that cut text differently. Every figure is of test
rows that no training row resembles (see split); every difference has a paired bootstrap interval.
What is measured of the answers is in train/metrics.py, of bits per byte in train/parts.py.
"""

from functools import partial
from itertools import product
from pathlib import Path

import pyarrow as pa

from corpus.declarations import paragraphs
from corpus.orthography import matching_key
from corpus.settings import Languages, settings
from corpus.shards import Shards
from corpus.stage import Output, run
from train.asking import (
    PLAIN,
    WAYS,
    Fold,
    Work,
    bits_report,
    chosen,
    tables,
    unlike,
    ways_of,
    with_orthography,
)
from train.examples import asked
from train.memory import repeated
from train.metrics import metrics
from train.parts import SPEAKERS
from train.questions import exam_of, examined
from train.systems import Models, speak, together, translate, translations
from train.translations import scores
from train.varied import varied

TASKS = ("answers", "text", *WAYS, "declarations", "made")  # the longest first
OWN = "own.model"  # the tokenizer's stage


@settings
class Evaluate:
    """How much is measured; the rows of each measure are the first of the one before."""

    most_texts: int  # test rows for bits per byte, chosen by hash of the id
    most_masked: int  # of them, where the base is an encoder: it takes a pass for each token
    most_pairs: int  # of them, for conditional bits per byte; of each other task's questions too
    most_translated: int  # of them, for the translators
    most_generated: int  # of them, for the models' own translations, or other answers
    most_edited: int  # test rows that TER is counted of; 0: none
    most_made: int  # of them, whose translation's bits are counted beside the human text's
    most_declared: int  # bytes of the Universal Declaration in each language that is asked for
    pieces: str | None  # SentencePiece model for spBLEU; null: that of stage tokenizer
    near: float  # Jaccard of keys from which on a text repeats one that was trained on, 0..1
    most_new_tokens: int  # that a model may say
    batch_tokens: int  # in a batch
    resamples: int  # of the bootstrap
    seed: int

    def __post_init__(self) -> None:
        if min(self.most_texts, self.most_masked, self.most_new_tokens, self.batch_tokens) < 1:
            raise ValueError(
                "most_texts, most_masked, most_new_tokens and batch_tokens must be at least 1, "
                f"got {self}"
            )
        counts = (self.most_pairs, self.most_translated, self.most_generated, self.seed)
        if min(*counts, self.most_edited, self.most_made, self.most_declared) < 0:
            raise ValueError(f"counts of rows and bytes and seed must be at least 0, got {self}")
        if not 0 < self.near <= 1:
            raise ValueError(f"near must be above 0 and at most 1, got {self.near}")
        if self.resamples < 100:
            raise ValueError(f"resamples must be at least 100, got {self.resamples}")


def evaluate(  # noqa: PLR0913
    params: Evaluate,
    languages: Languages,
    shards: Shards,
    language: str,
    test: pa.Table,
    mixture: pa.Table,
    spelling: pa.Table,
    declarations: Path,
    instructions: Path,
    adapters: Path,
    base: Path,
    tokenizer: Path,
    translator: Path,
    retrained: Path,
    varieties: Path,
) -> Output:
    """Bits and translations of each test row by each system, and what they add up to."""
    every = chosen(test, language, languages, len(test))
    rows = with_orthography(every[: params.most_texts], spelling)
    models = Models(adapters, base, tokenizer, translator / language, retrained)
    sides = Work(rows).pairs[: params.most_translated]
    found = together([partial(translate, *work, sides) for work in translations(models)], shards)
    for way, backward in WAYS.items():
        found["copy", way] = [asked(row, "{source}", backward)[0] for row in sides]
    key = matching_key(languages[language].orthography)
    declared = paragraphs(declarations, languages[language], params.most_declared)
    trained = [(key, keyed(mixture["target"], key)), (PLAIN, keyed(mixture["source"], PLAIN))]
    fresh = unlike(declared, trained, params.near)
    made = found.get(("translator", "to_target"), [])[: params.most_made]
    work = Work(rows, tuple(fresh), tuple(made))
    found |= together([partial(speak, *job, models, work, params) for job in jobs(work)], shards)
    bits, predictions = tables(work, found)
    more, by_variety = varied(params, every, models, varieties, shards)
    told = instructions / f"{language}.jsonl"
    exam = exam_of(adapters, every, mixture, told, params.most_pairs)
    spent, answers, by_task = examined(params, exam, models, key, shards)
    texts = len(found.get(("base bits", "text"), []))
    draw = (params.resamples, params.seed)
    pieces = Path(params.pieces) if params.pieces else tokenizer / OWN
    ways = ways_of(work.pairs, found, key)
    said = ways["to_target"].beside(ways["answers"])
    return Output(
        tables={
            "bits": pa.concat_tables([bits, *more, spent]),
            "predictions": pa.concat_tables([predictions, answers]),
        },
        report={
            "rows": {"text": texts, "pairs": len(work.pairs), "translated": len(sides)},
            "declarations_near_training": len(declared) - len(fresh),
            "bits_per_byte": bits_report(bits, work, draw),
            **scores(ways, metrics(pieces, params.most_edited, own=not params.pieces), draw),
            "memory": repeated(said.folded(), trained[0][1], params.near, draw),
            **({"varieties": by_variety} if by_variety else {}),
            **({"tasks": by_task} if by_task else {}),
        },
    )


def keyed(texts: pa.ChunkedArray, fold: Fold) -> list[str]:
    """The keys of the texts that are there."""
    return [fold(text) for text in texts.to_pylist() if text]


def jobs(work: Work) -> list[tuple[str, str]]:
    """System and task of what base and adapters are asked, the longest first."""
    there = [task for task in TASKS if work.texts(task)]
    return [(name, task) for task, name in product(there, SPEAKERS)]


if __name__ == "__main__":
    run(evaluate, Evaluate)
