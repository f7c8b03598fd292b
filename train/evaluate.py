"""What changed: base model against adapters, with and without synthetic rows, on human test text.

Bits per byte, not perplexity: it compares models that cut text differently. Every figure is of test
rows that no training row resembles (see split); every difference has a paired bootstrap interval.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from augment.engines import thot
from augment.translation import best_texts
from corpus.orthography import matching_key
from corpus.settings import Languages, owner_of, settings
from corpus.shards import Shards, map_shards
from corpus.stage import Output, run
from corpus.table import InputError, place
from train.adapt import PROMPT
from train.examples import Row, asked, pair_example
from train.scores import chrf_score, chrf_statistics, rate, signature, size
from train.statistics import compare, interval

if TYPE_CHECKING:
    from train.model import Speaker

ADAPTERS = ("human", "mixed")
SPEAKERS = ("base", *ADAPTERS)
WAYS = {"to_target": False, "to_source": True}  # backward?
TASKS = ("answers", "text", *WAYS)  # the longest first, so that workers end together
COLUMNS = ["id", "source", "target", "source_language", "language", "origin"]
BITS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("system", pa.string(), nullable=False),
        pa.field("task", pa.string(), nullable=False),  # text, to_target or to_source
        pa.field("bits", pa.float64(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
    ]
)
PREDICTIONS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("system", pa.string(), nullable=False),
        pa.field("task", pa.string(), nullable=False),
        pa.field("hypothesis", pa.string(), nullable=False),
        pa.field("chrf", pa.list_(pa.int64()), nullable=False),  # sacrebleu's counts; they add up
        pa.field("on_key", pa.list_(pa.int64()), nullable=False),  # the same of the matching keys
    ]
)
SAYING = 24  # answers that are made at once
Found = dict[tuple[str, str], list[Any]]  # by system and task, a value a row


@settings
class Evaluate:
    """How much is measured; the rows of each measure are the first of the one before."""

    most_texts: int  # test rows for bits per byte, chosen by hash of the id
    most_pairs: int  # of them, for conditional bits per byte
    most_translated: int  # of them, for the translators
    most_generated: int  # of them, for the models' own translations
    most_new_tokens: int  # that a model may say
    batch_tokens: int  # in a batch
    resamples: int  # of the bootstrap
    seed: int

    def __post_init__(self) -> None:
        if min(self.most_texts, self.most_new_tokens, self.batch_tokens) < 1:
            raise ValueError(
                f"most_texts, most_new_tokens and batch_tokens must be at least 1, got {self}"
            )
        if min(self.most_pairs, self.most_translated, self.most_generated, self.seed) < 0:
            raise ValueError(f"counts of rows and seed must be at least 0, got {self}")
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
    adapters: Path,
    base: Path,
    tokenizer: Path,
    translator: Path,
    retrained: Path,
) -> Output:
    """Bits and translations of each test row by each system, and what they add up to."""
    rows = chosen(test, language, languages, params.most_texts)
    models = Models(adapters, base, tokenizer, translator / language, retrained)
    pairs = [row for row in rows if row["source"]]
    tasks = TASKS if pairs else ("text",)
    jobs: list[Callable[[], Found]] = [
        partial(speak, name, task, models, rows, params) for task, name in product(tasks, SPEAKERS)
    ]
    sides = pairs[: params.most_translated]
    jobs += [partial(translate, *work, sides) for work in translations(models)]
    found: Found = {}
    for part in map_shards(do, jobs, shards, f"evaluate {language}"):
        found |= part
    for way in WAYS:
        found["copy", way] = [asked(row, "{source}", WAYS[way])[0] for row in sides]
    bits, predictions = tables(rows, found, languages[language].orthography)
    return Output(
        tables={"bits": bits, "predictions": predictions},
        report={
            "rows": {"text": len(rows), "pairs": len(pairs), "translated": len(sides)},
            "bits_per_byte": bits_report(bits, rows, params),
            "chrf": chrf_report(predictions, params),
        },
    )


def chosen(test: pa.Table, language: str, languages: Languages, most: int) -> list[Row]:
    """The test rows of a language that are measured, by lowest hash: they stay as the corpus grows.

    Raises:
        InputError: there is none.
    """
    rows = [
        row
        for row in test.select(COLUMNS).to_pylist()
        if row["target"] and owner_of(row["language"], languages) == language
    ]
    if not rows:
        raise InputError(
            f"the test split holds no text of language {language!r}; raise split's share of test"
        )
    return sorted(rows, key=lambda row: (place("evaluate", row["id"]), row["id"]))[:most]


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


def speak(system: str, task: str, models: Models, rows: list[Row], params: Evaluate) -> Found:
    """Bits of the texts or of the answers to prompts, or answers, by the base or an adapter."""
    from train.measure import bits, say, text_examples

    speaker, prompt = loaded(system, models)
    pairs = [row for row in rows if row["source"]]
    label = f"{system}: {task}"
    if task == "answers":
        prompts = [asked(row, prompt, backward=False)[0] for row in pairs[: params.most_generated]]
        return {(system, "to_target"): say(speaker, prompts, params.most_new_tokens, SAYING, label)}
    if task == "text":
        examples = text_examples(speaker, [row["target"] for row in rows])
        return {(system, "text"): bits(speaker, examples, params.batch_tokens, label)}
    examples = [
        pair_example(*asked(row, prompt, WAYS[task]), speaker.encode, speaker.separator)
        for row in pairs[: params.most_pairs]
    ]
    return {(f"{system} bits", task): bits(speaker, examples, params.batch_tokens, label)}


def tables(rows: list[Row], found: Found, orthography: str | None) -> tuple[pa.Table, pa.Table]:
    """The bits and the predictions of every system, a row a test row."""
    keys = {"to_target": matching_key(orthography), "to_source": matching_key(None)}
    pairs = [row for row in rows if row["source"]]
    bits: list[dict[str, Any]] = []
    predictions: list[dict[str, Any]] = []
    for (name, task), values in sorted(found.items(), key=lambda item: item[0]):
        system, _, is_bits = name.partition(" ")
        some = rows if task == "text" else pairs[: len(values)]
        for row, value in zip(some, values, strict=True):
            reference = row["target"] if task == "text" else asked(row, "{source}", WAYS[task])[1]
            head = {"id": row["id"], "system": system, "task": task}
            if task == "text" or is_bits:
                bits.append({**head, "bits": value, "bytes": size(reference)})
            else:
                plain = chrf_statistics(value, reference)
                folded = chrf_statistics(keys[task](value), keys[task](reference))
                predictions.append({**head, "hypothesis": value, "chrf": plain, "on_key": folded})
    return (
        pa.Table.from_pylist(bits, schema=BITS),
        pa.Table.from_pylist(predictions, schema=PREDICTIONS),
    )


def bits_report(bits: pa.Table, rows: list[Row], params: Evaluate) -> dict[str, Any]:
    """Bits per byte of each system by task, the share saved, and the text by variety and origin."""
    draw = (params.resamples, params.seed)
    report: dict[str, Any] = {}
    for task in ("text", *WAYS):
        of = {name: statistics(bits, name, task, ("bits", "bytes")) for name in SPEAKERS}
        if len(of["base"]):
            report[task] = spent(of, draw)
            report[task]["synthetic"] = compare(of["mixed"], of["human"], rate, False, draw)
    report["by_variety"] = parts(bits, rows, "language", draw)
    report["by_origin"] = parts(bits, rows, "origin", draw)
    return report


def spent(of: dict[str, np.ndarray], draw: tuple[int, int]) -> dict[str, Any]:
    """Bits per byte of each system, and the share of the base's that each adapter saves."""
    return {name: interval(some, rate, *draw) for name, some in of.items()} | {
        "saved": {
            name: interval(np.hstack([of[name], of["base"]]), saved, *draw) for name in ADAPTERS
        }
    }


def saved(sums: np.ndarray) -> float:
    """The share of the base's bits that a system saves; from bits and bytes of both."""
    return 1 - rate(sums[:2]) / rate(sums[2:])


def parts(
    bits: pa.Table, rows: list[Row], column: str, draw: tuple[int, int]
) -> dict[str, dict[str, Any]]:
    """Bits per byte of text and shares saved by the values of a column, with the texts of each."""
    part = np.array([row[column] for row in rows])  # every system has the texts in this order
    of = {name: statistics(bits, name, "text", ("bits", "bytes")) for name in SPEAKERS}
    report: dict[str, dict[str, Any]] = {}
    for value in sorted(set(part.tolist())):
        mine = {name: some[part == value] for name, some in of.items()}
        report[value] = {"rows": len(mine["base"])} | spent(mine, draw)
    return report


def chrf_report(predictions: pa.Table, params: Evaluate) -> dict[str, Any]:
    """chrF++ by task and system; translators on all pairs, the models' answers on the first few.

    Beside it, `on_key`: of matching keys, under which one word in two spellings is one word.
    """
    draw = (params.resamples, params.seed)
    whole = {"to_target": ("copy", "translator", "retrained"), "to_source": ("copy", "translator")}
    report: dict[str, Any] = {"signature": str(signature()), "on_key": {}}
    for task, systems in whole.items():
        for column, of_it in (("chrf", report), ("on_key", report["on_key"])):
            of = {name: statistics(predictions, name, task, (column,)) for name in systems}
            of_it[task] = scored(of, draw)
    few = ("copy", "translator", *SPEAKERS)
    of = {name: statistics(predictions, name, "to_target", ("chrf",)) for name in few}
    least = len(of["mixed"])
    report["answers"] = scored({name: some[:least] for name, some in of.items()}, draw)
    return report


def scored(of: dict[str, np.ndarray], draw: tuple[int, int]) -> dict[str, Any]:
    """chrF++ of each system that was there, and the comparisons that can be made among them."""
    of = {name: some for name, some in of.items() if len(some)}
    if not of:
        return {"rows": 0}
    report: dict[str, Any] = {"rows": len(of["copy"])}
    report |= {name: interval(some, chrf_score, *draw) for name, some in of.items()}
    pairs = {
        "translator_over_copy": ("translator", "copy"),
        "adapter_over_copy": ("mixed", "copy"),
        "adapter_over_base": ("mixed", "base"),
        "synthetic_in_translator": ("retrained", "translator"),
        "synthetic_in_adapter": ("mixed", "human"),
    }
    for name, (new, old) in pairs.items():
        if new in of and old in of:
            report[name] = compare(of[new], of[old], chrf_score, True, draw)
    return report


def statistics(table: pa.Table, system: str, task: str, columns: Sequence[str]) -> np.ndarray:
    """(n, k): the columns of a system's rows in a task, in the order of the table."""
    mine = pa.compute.and_(
        pa.compute.equal(table["system"], system), pa.compute.equal(table["task"], task)
    )
    some = table.filter(mine)
    if columns[0] in ("chrf", "on_key"):
        return np.array(some[columns[0]].to_pylist(), dtype=np.int64)
    return np.array([some[name].to_numpy() for name in columns]).T


if __name__ == "__main__":
    run(evaluate, Evaluate)
