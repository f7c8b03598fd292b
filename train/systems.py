"""The systems that are measured: translators, base model and adapters, and what each finds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from augment.engines import thot
from augment.translation import best_texts
from corpus.shards import Shards, map_shards
from corpus.table import InputError
from train.asking import WAYS, Found, Work
from train.examples import Row, asked, languages_of
from train.prompts import PROMPT
from train.sides import Asked

if TYPE_CHECKING:
    from train.evaluate import Evaluate
    from train.model import Speaker

SAYING = 24  # answers that are made at once


@dataclass(frozen=True)
class Models:
    """Where the models lie."""

    adapters: Path
    base: Path
    tokenizer: Path
    translator: Path
    retrained: Path


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


def translate(system: str, task: str, folder: Path, rows: list[Row]) -> Found:
    """Translations of the rows by a phrase-based model.

    Raises:
        InputError: the model is not there.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} does not exist; run 'dvc repro' or 'dvc pull' first")
    sources = [asked(row, "{source}", WAYS[task])[0] for row in rows]
    return {(system, task): best_texts(thot.load(folder)(sources))}


def together(jobs: Sequence[Callable[[], Found]], shards: Shards) -> Found:
    """What the jobs find, side by side: the longest first, so that workers end together."""
    found: Found = {}
    for part in map_shards(do, jobs, shards, "evaluate"):
        found |= part
    return found


def do(job: Callable[[], Found]) -> Found:
    """What a job finds: a function that a worker can import."""
    return job()


@lru_cache(3)  # a worker keeps its models from task to task, not those of many varieties
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


def speak(system: str, task: str, models: Models, work: Work, params: "Evaluate") -> Found:
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
