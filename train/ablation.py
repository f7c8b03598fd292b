"""Which augmentation method helped: cheap models with and without each, at equal human data.

For each size of human data and each seed some training pairs are drawn as the human pairs, others
as monolingual text, one side hidden. Translators are trained on those pairs alone; each method
makes what rows it can of that little world, with those translators; and a phrase-based translator
and a language model over bytes are trained on the human rows, and again with a method's rows added.
All are measured on the same test rows. Chance comes from hashes and seeds, so a size holds the
smaller ones, and what was measured once is found again by its inputs (augment/cache.py).
"""

import shutil
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from augment import engine
from augment.engines import thot
from augment.making import Row, lowest
from augment.translation import Pair
from augment.translator import longest
from corpus.settings import Languages, rows_of, settings
from corpus.shards import Shards, map_shards
from corpus.stage import Output, run
from corpus.table import InputError
from train import ngrams
from train.gains import gain
from train.gains_page import forest, page_of
from train.little import Measured, Task, chrf_of, measure, translators
from train.methods import Method, World, checked, made
from train.scores import chrf_score, rate, signature

SCRATCH = Path("scratch", "ablation")  # outside every output: a killed run finds its translators
BASELINE = "human rows alone"


@settings
class Ablation:
    """How much human data, which methods, what is measured."""

    sizes: tuple[int | None, ...]  # human pairs, those of a smaller size among them; null: all
    seeds: tuple[int, ...]  # of the draw of human and monolingual rows
    monolingual_rows: int  # pairs whose source is hidden from all that is trained and made
    pivot_rows: int  # others, whose target is hidden
    most_tokens: int  # words and marks on a side of a pair; longer ones are left out
    most_test: int  # test pairs, chosen by hash of the id
    order: int  # bytes of the language model's longest n-gram
    discount: float  # of its counts, 0 to 1
    human_weight: float  # of a human text in the language model, where a synthetic one has 1
    resamples: int  # of the bootstrap
    bootstrap_seed: int
    methods: dict[str, Method]  # by the name that the table gives them

    def __post_init__(self) -> None:
        if not self.sizes or min((n for n in self.sizes if n is not None), default=2) < 2:
            raise ValueError(f"sizes must be null or at least 2, got {self.sizes}")
        if len(set(self.seeds)) < 2 or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds must be two or more, all different, got {self.seeds}")
        if min(self.monolingual_rows, self.pivot_rows, self.bootstrap_seed) < 0:
            raise ValueError("monolingual_rows, pivot_rows and bootstrap_seed must be at least 0")
        if min(self.most_tokens, self.most_test) < 1 or self.resamples < 100:
            raise ValueError("need most_tokens and most_test of at least 1, resamples of 100")
        if not 1 <= self.order <= ngrams.MOST_ORDER or not 0 <= self.discount <= 1:
            raise ValueError(
                f"order must be 1 to {ngrams.MOST_ORDER} and discount 0 to 1, "
                f"got {self.order} and {self.discount}"
            )
        if self.human_weight < 1:
            raise ValueError(f"human_weight must be at least 1, got {self.human_weight}")
        checked(self.methods)


@dataclass(frozen=True)
class Draw:
    """The human data of one size and seed."""

    size: int | None
    seed: int
    pairs: list[Row]
    alone: list[Row]  # the rest of the rows: one side is null

    @property
    def targets(self) -> list[str]:
        """All human text in the language: the language model learns it, whatever the method."""
        return [row["target"] for row in (*self.pairs, *self.alone) if row["target"]]


def ablation(  # noqa: PLR0913
    params: Ablation,
    languages: Languages,
    engines: engine.Engines,
    shards: Shards,
    language: str,
    train: pa.Table,
    test: pa.Table,
    spelling: pa.Table,
    cleaned: Path,
    clusters: Path,
    rules: Path,
    protected: Path,
    page: Path,
    figure: Path,
) -> Output:
    """No table: a report of each method's gains, a page to read, and a figure."""
    rows = pairs_of(train, language, languages, params.most_tokens)
    held_out = lowest(pairs_of(test, language, languages, None), params.most_test, "ablation test")
    draws = [drawn(rows, params, *some) for some in product(params.sizes, params.seeds)]
    too_large = sorted({d.size for d in draws if len(d.pairs) < (d.size or 2)}, key=str)
    draws = [draw for draw in draws if draw.size not in too_large]
    if not draws or not held_out:
        raise InputError(
            f"{language!r} has {len(rows)} training and {len(held_out)} test pairs: too few for "
            "ablation.sizes beside its monolingual_rows and pivot_rows"
        )
    sides = [(row["source"], row["target"]) for row in held_out]
    kept = (spelling, cleaned, clusters, rules, protected)
    little = World(language, languages, engines, one_worker(shards), [], *kept, SCRATCH)
    jobs = [Job(draw, params.methods, little, sides) for draw in draws]
    order = sorted(range(len(jobs)), key=lambda n: -len(jobs[n].draw.pairs))
    found = map_shards(prepare, [jobs[n] for n in order], shards, f"methods {language}")
    rows_made = dict(zip(order, found, strict=True))
    tasks = {
        (n, name): task(draw, some, sides, params)
        for n, draw in enumerate(draws)
        for name, some in {BASELINE: [], **rows_made[n]}.items()
    }
    measured = all_measured(tasks, shards, language)
    report = {
        "test_rows": len(sides),
        "signature": str(signature()),
        "sizes_left_out": too_large,
        "sizes": {
            str(count or "all"): of_size(count, draws, rows_made, measured, params)
            for count in params.sizes
            if count not in too_large
        },
    }
    written(page, page_of(languages[language].name, report, params.methods).encode())
    written(figure, forest(report))
    shutil.rmtree(SCRATCH / language, ignore_errors=True)
    return Output(report=report)


def written(path: Path, content: bytes) -> None:
    """Put a file in place, its folder made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def one_worker(shards: Shards) -> Shards:
    """The same, for what runs inside a worker."""
    return Shards(**{**vars(shards), "workers": 1, "runner": "pool"})


def pairs_of(table: pa.Table, language: str, languages: Languages, most: int | None) -> list[Row]:
    """The pairs of a language; those with more tokens on a side are left out."""
    rows = rows_of(table, [language], languages)[language]
    pairs = [row for row in rows if row["source"] and row["target"]]
    return [row for row in pairs if most is None or longest(row) <= most]


def drawn(rows: list[Row], params: Ablation, size: int | None, seed: int) -> Draw:
    """The rows of one size and seed, by hash: monolingual ones first, the same for all sizes."""
    order = lowest(rows, None, f"ablation {seed}")
    hidden = params.monolingual_rows + params.pivot_rows
    targets = [{**row, "source": None} for row in order[: params.monolingual_rows]]
    sources = [{**row, "target": None} for row in order[params.monolingual_rows : hidden]]
    human = order[hidden:][:size]
    return Draw(size, seed, sorted(human, key=lambda row: row["id"]), targets + sources)


@dataclass(frozen=True)
class Job:
    """The making of all methods' rows for one draw."""

    draw: Draw
    methods: dict[str, Method]
    little: World  # what all draws share
    test: list[Pair]


def prepare(job: Job) -> dict[str, list[Row]]:
    """Each method's rows; on the way the translator of human rows alone is measured."""
    pairs = [(row["source"], row["target"]) for row in job.draw.pairs]
    folder = translators(pairs, SCRATCH / job.little.language, job.little.language)
    chrf_of(pairs, job.test, folder / job.little.language / "forward")
    rows = [*job.draw.pairs, *job.draw.alone]
    world = World(**{**vars(job.little), "rows": rows, "translator": folder})
    found = {name: made(name, method, world) for name, method in job.methods.items()}
    engine.loaded.cache_clear()  # a worker lives on: the next draw has other translators
    thot.load.cache_clear()
    return found


def task(draw: Draw, synthetic: list[Row], test: list[Pair], params: Ablation) -> Task:
    """What is trained for a method of a draw: human rows, and the method's."""
    fit = [row for row in synthetic if row["source"] and row["target"]]
    fit = [row for row in fit if longest(row) <= params.most_tokens]
    pairs = sorted([*draw.pairs, *fit], key=lambda row: row["id"])
    human = draw.targets
    new = new_texts(draw, synthetic)
    return Task(
        pairs=[(row["source"], row["target"]) for row in pairs],
        texts=human + new,
        weights=[1.0] * len(human) + [1 / params.human_weight] * len(new),
        test=test,
        order=params.order,
        discount=params.discount,
    )


def new_texts(draw: Draw, synthetic: list[Row]) -> list[str]:
    """The targets that no human wrote: a method that makes sources has none."""
    human = set(draw.targets)
    return [row["target"] for row in synthetic if row["target"] and row["target"] not in human]


Key = tuple[int, str]  # draw, and method


def all_measured(tasks: dict[Key, Task], shards: Shards, language: str) -> dict[Key, Measured]:
    """What each task measures, the longest first, so that workers end together."""
    order = sorted(tasks, key=lambda key: (-len(tasks[key].pairs), key))
    found = map_shards(measure, [tasks[key] for key in order], shards, f"ablation {language}")
    return dict(zip(order, found, strict=True))


def of_size(
    count: int | None,
    draws: list[Draw],
    rows_made: dict[int, dict[str, list[Row]]],
    measured: dict[Key, Measured],
    params: Ablation,
) -> dict[str, Any]:
    """The baseline and each method's gains at one size of human data, pooled over its seeds."""
    mine = [n for n, draw in enumerate(draws) if draw.size == count]
    of = {name: [measured[n, name] for n in mine] for name in (BASELINE, *params.methods)}
    methods: dict[str, Any] = {}
    for name, method in params.methods.items():
        some = [rows_made[n][name] for n in mine]
        methods[name] = {
            "rows": [len(rows) for rows in some],
            "texts": [len(new_texts(draws[n], rows)) for n, rows in zip(mine, some, strict=True)],
            **gains(of[name], of[BASELINE], params),
        }
        if method.control is not None:
            methods[name]["over_control"] = gains(of[name], of[method.control], params)
    return {
        "pairs": [len(draws[n].pairs) for n in mine],
        "targets": [len(draws[n].targets) for n in mine],
        "chrf": [chrf_score(one.chrf.sum(axis=0)) for one in of[BASELINE]],
        "bits_per_byte": [-rate(one.bits.sum(axis=0)) for one in of[BASELINE]],
        "methods": methods,
    }


def gains(new: list[Measured], old: list[Measured], params: Ablation) -> dict[str, Any]:
    """The gain in chrF++, and in bits per byte saved."""
    draw = (params.resamples, params.bootstrap_seed)
    chrf, bits = (
        tuple(np.stack([vars(one)[name] for one in some]) for some in (new, old))
        for name in ("chrf", "bits")
    )
    return {
        "chrf": gain(chrf[0], chrf[1], chrf_score, draw),
        "bits_per_byte": gain(bits[0], bits[1], rate, draw),
    }


if __name__ == "__main__":
    run(ablation, Ablation)
