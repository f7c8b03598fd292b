"""What changed: base model against adapters, with and without synthetic rows, on human test text.

Bits per byte, not perplexity: it compares models that cut text differently. Every figure is of test
rows that no training row resembles (see split); every difference has a paired bootstrap interval.
What is measured of the answers is in train/metrics.py, of bits per byte in train/parts.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from augment.engines import thot
from augment.translation import best_texts
from corpus.declarations import paragraphs
from corpus.orthography import matching_key
from corpus.settings import Languages, settings
from corpus.shards import Shards, map_shards
from corpus.stage import Output, run
from corpus.table import InputError
from train.asking import (
    PLAIN,
    WAYS,
    Fold,
    Found,
    Work,
    bits_report,
    chosen,
    tables,
    unlike,
    ways_of,
    with_orthography,
)
from train.examples import Row, asked, languages_of
from train.memory import repeated
from train.metrics import metrics
from train.parts import SPEAKERS
from train.prompts import PROMPT
from train.sides import Asked
from train.translations import scores

if TYPE_CHECKING:
    from train.model import Speaker

TASKS = ("answers", "text", *WAYS, "declarations", "made")  # the longest first
OWN = "own.model"  # the tokenizer's stage
SAYING = 24  # answers that are made at once


@settings
class Evaluate:
    """How much is measured; the rows of each measure are the first of the one before."""

    most_texts: int  # test rows for bits per byte, chosen by hash of the id
    most_masked: int  # of them, where the base is an encoder: it takes a pass for each token
    most_pairs: int  # of them, for conditional bits per byte
    most_translated: int  # of them, for the translators
    most_generated: int  # of them, for the models' own translations
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


@dataclass(frozen=True)
class Models:
    """Where the models lie."""

    adapters: Path
    base: Path
    tokenizer: Path
    translator: Path
    retrained: Path


def evaluate(  # noqa: PLR0913
    params: Evaluate,
    languages: Languages,
    shards: Shards,
    language: str,
    test: pa.Table,
    mixture: pa.Table,
    spelling: pa.Table,
    declarations: Path,
    adapters: Path,
    base: Path,
    tokenizer: Path,
    translator: Path,
    retrained: Path,
) -> Output:
    """Bits and translations of each test row by each system, and what they add up to."""
    rows = with_orthography(chosen(test, language, languages, params.most_texts), spelling)
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
    texts = len(found.get(("base bits", "text"), []))
    draw = (params.resamples, params.seed)
    pieces = Path(params.pieces) if params.pieces else tokenizer / OWN
    ways = ways_of(work.pairs, found, key)
    said = ways["to_target"].beside(ways["answers"])
    return Output(
        tables={"bits": bits, "predictions": predictions},
        report={
            "rows": {"text": texts, "pairs": len(work.pairs), "translated": len(sides)},
            "declarations_near_training": len(declared) - len(fresh),
            "bits_per_byte": bits_report(bits, work, draw),
            **scores(ways, metrics(pieces, params.most_edited, own=not params.pieces), draw),
            "memory": repeated(said.folded(), trained[0][1], params.near, draw),
        },
    )


def keyed(texts: pa.ChunkedArray, fold: Fold) -> list[str]:
    """The keys of the texts that are there."""
    return [fold(text) for text in texts.to_pylist() if text]


def jobs(work: Work) -> list[tuple[str, str]]:
    """System and task of what base and adapters are asked, the longest first."""
    there = [task for task in TASKS if work.texts(task)]
    return [(name, task) for task, name in product(there, SPEAKERS)]


def together(jobs: Sequence[Callable[[], Found]], shards: Shards) -> Found:
    """What the jobs find, side by side: the longest first, so that workers end together."""
    found: Found = {}
    for part in map_shards(do, jobs, shards, "evaluate"):
        found |= part
    return found


def translations(models: Models) -> list[tuple[str, str, Path]]:
    """System, task and folder of each translator; the retrained one has one way only.

    There are none where the language has too few pairs to train one.
    """
    if not thot.trained(models.translator):
        return []
    return [
        ("translator", "to_target", models.translator / "forward"),
        ("retrained", "to_target", models.retrained / "forward"),
        ("translator", "to_source", models.translator / "backward"),
    ]


def do(job: Callable[[], Found]) -> Found:
    """What a job finds: a function that a worker can import."""
    return job()


def translate(system: str, task: str, folder: Path, rows: list[Row]) -> Found:
    """Translations of the rows by a phrase-based model.

    Raises:
        InputError: the model is not there.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} does not exist; run 'dvc repro' or 'dvc pull' first")
    sources = [asked(row, "{source}", WAYS[task])[0] for row in rows]
    return {(system, task): best_texts(thot.load(folder)(sources))}


@cache  # a worker loads it once for all its tasks
def loaded(system: str, models: Models) -> "tuple[Speaker, str]":
    """The base or an adapter over it, and what the adapters were asked with.

    Raises:
        InputError: a model or the prompt is not there.
    """
    from train.adapters import load_adapter
    from train.model import load_base, one_thread

    one_thread()
    speaker = (
        load_base(models.base, models.base)
        if system == "base"
        else load_adapter(models.base, models.tokenizer, models.adapters / system)
    )
    if not (models.adapters / PROMPT).exists():
        raise InputError(f"{models.adapters} holds no {PROMPT}; run 'dvc repro adapt' first")
    return speaker, (models.adapters / PROMPT).read_text("utf-8")


def speak(system: str, task: str, models: Models, work: Work, params: Evaluate) -> Found:
    """Bits of the texts or of the answers to prompts, or answers, by the base or an adapter.

    What a family does not do is not there: an encoder answers nothing, an encoder-decoder has no
    bits of a text. An encoder reads fewer texts: it takes a pass for each token.
    """
    from train.measure import answer_bits, say, text_bits

    speaker, prompt = loaded(system, models)
    label = f"{system}: {task}"
    some = work.pairs[: params.most_generated if task == "answers" else params.most_pairs]
    sides = [asked(row, prompt, WAYS.get(task, False)) for row in some]
    ways = [languages_of(row, WAYS.get(task, False)) for row in some]
    prompts = [Asked(text, *way) for (text, _), way in zip(sides, ways, strict=True)]
    if task == "answers":
        answers = say(speaker, prompts, params.most_new_tokens, SAYING, label)
        return {(system, "to_target"): answers} if answers else {}
    if task in WAYS:
        wanted = [answer for _, answer in sides]
        spent = answer_bits(speaker, prompts, wanted, params.batch_tokens, label)
    else:
        texts = [text for _, text in work.texts(task)]
        texts = texts[: params.most_masked] if speaker.family == "encoder" else texts
        spent = text_bits(speaker, texts, params.batch_tokens, label)
    return {(f"{system} bits", task): spent} if spent else {}


if __name__ == "__main__":
    run(evaluate, Evaluate)
