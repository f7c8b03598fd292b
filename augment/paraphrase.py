"""Paraphrases of training targets, in four ways, each a method of its own name in `origin`.

- `paraphrase`: a round trip, target to pivot and back. Through a weak translator this damages
  meaning more often than it rewords.
- `reword`: another of the n-best translations of the row's human source, the likest to the target
  that still differs enough.
- `instruct`: what an instruction model makes of the target; the prompt is the engine's.
- `substitute`: near-synonyms of the bilingual lexicon (augment/substitute.py).

validate's gates and the reviewers have the last word on all of them.

    reworded(rows, Tool(method, engine, ask, guard), bounds) -> Made
    substituted(rows, Tool(lexicon, affixes, …), params) -> Made

Sources: Mallinson et al. 2017, https://aclanthology.org/E17-1083 (round trip);
Hu et al. 2019, https://aclanthology.org/N19-1090 (rewording by translating the source).
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from augment.engine import Engines, directed, n_best, name_of, opened, ready, translate
from augment.engines.thot import Thot
from augment.lexicon import learned
from augment.made import Guard, Made, guard
from augment.making import Row, lowest, share_of, shown
from augment.reword import Bounds, Tool, distance, reason, reworded
from augment.substitute import Substitute, substituted, tool_of
from augment.translation import Direction
from corpus.rates import rate
from corpus.settings import Language, Languages, rows_of, settings
from corpus.shards import Shards
from corpus.stage import Output, run
from corpus.table import SYNTHETIC, InputError, canonical, digest

NOTHING = Made([], Counter(), Counter())
Outcome = tuple[Made, dict[str, Any]]  # with figures of the way's own


@settings
class RoundTrip:
    """A round trip through the pivot."""

    engines: tuple[str, ...]  # names in `engines`; of several the one that rewords most is taken
    trial_rows: int  # that several engines are tried on, chosen by hash of the id
    most_rows: int  # tried per language, chosen by hash of the id; 0: none

    def __post_init__(self) -> None:
        if not self.engines:
            raise ValueError("engines must name at least one engine")
        if self.most_rows < 0 or self.trial_rows < 1:
            raise ValueError(
                "most_rows must be at least 0 and trial_rows at least 1, "
                f"got {self.most_rows} and {self.trial_rows}"
            )


@settings
class Reword:
    """Another of the best translations of the source."""

    engine: str  # a name in `engines`
    best: int  # translations of a source that are looked at
    most_rows: int

    def __post_init__(self) -> None:
        if self.most_rows < 0 or self.best < 1:
            raise ValueError("most_rows must be at least 0 and best at least 1")


@settings
class Instruct:
    """A model that rewords as it is told."""

    engine: str | None  # a name in `engines`, whose prompt asks for a paraphrase; null: none
    most_rows: int

    def __post_init__(self) -> None:
        if self.most_rows < 0:
            raise ValueError(f"most_rows must be at least 0, got {self.most_rows}")
        if self.most_rows and self.engine is None:
            raise ValueError("most_rows is above 0, but engine names none")


@settings
class Paraphrase:
    """The four ways, and how far a new target is from its parent in the first three."""

    bounds: Bounds
    round_trip: RoundTrip
    reword: Reword
    instruct: Instruct
    substitute: Substitute


class Corpus(NamedTuple):
    """The training rows of one language and what rewords them."""

    key: str
    language: Language
    rows: list[Row]  # with a target; a source that is held back is null
    guard: Guard
    engines: Engines
    translator: Path
    shards: Shards


def round_trip(corpus: Corpus, params: Paraphrase) -> Outcome:
    """Targets through the pivot and back, by the engine that rewords most rows within bounds."""
    parents = lowest(corpus.rows, params.round_trip.most_rows, "paraphrase")
    names = params.round_trip.engines if parents else ()
    tools = {name: tool for name in names if (tool := there_and_back(corpus, name))}
    if not tools:
        return NOTHING, {}
    trials = {}
    if len(tools) > 1:
        few = lowest(corpus.rows, params.round_trip.trial_rows, "trial")
        trials = {name: trial(few, tool, params.bounds) for name, tool in tools.items()}
    best = max(tools, key=lambda name: merit(trials.get(name, {})))
    return reworded(parents, tools[best], params.bounds), {"trials": trials}


def there_and_back(corpus: Corpus, name: str) -> Tool | None:
    """The engine of that name as a round trip; null where it is not ready."""
    language = corpus.key, corpus.language
    both = [
        opened(name, language, way, corpus.engines, corpus.translator)
        for way in ("backward", "forward")
    ]
    if not all(map(ready, both)):
        return None

    def ask(rows: list[Row]) -> list[list[str]]:
        texts = [row["target"] for row in rows]
        for engine in both:
            label = f"paraphrase {engine.direction.way}"
            texts = [best.text for best in translate(engine, texts, corpus.shards, label)]
        return [[text] for text in texts]

    named = f"round-trip@{digest(*map(name_of, both))}"
    return Tool("paraphrase", named, ask, corpus.guard)


def trial(rows: list[Row], tool: Tool, bounds: Bounds) -> dict[str, Any]:
    """How many of the rows an engine rewords within bounds, and how far those are from the old."""
    texts = [offer[0] for offer in tool.ask(rows)]
    pairs = [(row["target"], text) for row, text in zip(rows, texts, strict=True)]
    useful = [distance(*pair) for pair in pairs if reason(*pair, bounds) is None]
    mean = sum(useful) / len(useful) if useful else None
    return {"within_bounds": rate(len(useful), len(rows)), "mean_distance": mean}


def merit(trial: dict[str, Any]) -> tuple[float, float]:
    """What engines are compared by: the share within bounds, then the distance."""
    if not trial:
        return 0.0, 0.0
    return trial["within_bounds"]["rate"], trial["mean_distance"] or 0.0


def reword(corpus: Corpus, params: Paraphrase) -> Outcome:
    """Other translations of human sources."""
    asked = params.reword
    parents = lowest((row for row in corpus.rows if row["source"]), asked.most_rows, "reword")
    if not parents:
        return NOTHING, {}
    language = corpus.key, corpus.language
    engine = opened(asked.engine, language, "forward", corpus.engines, corpus.translator)
    if not ready(engine):
        return NOTHING, {}

    def ask(rows: list[Row]) -> list[list[str]]:
        texts = [row["source"] for row in rows]
        found = n_best(engine, texts, asked.best, corpus.shards, "reword")
        return [[other.text for other in best] for best in found]

    tool = Tool("reword", name_of(engine), ask, corpus.guard)
    return reworded(parents, tool, params.bounds), {}


def instruct(corpus: Corpus, params: Paraphrase) -> Outcome:
    """What an instruction model makes of targets.

    Raises:
        InputError: the engine is one that can only translate from the pivot.
    """
    name = params.instruct.engine
    parents = lowest(corpus.rows, params.instruct.most_rows, "instruct")
    if name is None or not parents:
        return NOTHING, {}
    within = Direction(corpus.key, corpus.key, "forward")
    engine = directed(name, within, corpus.engines, corpus.translator / corpus.key)
    if isinstance(engine.spec, Thot):
        raise InputError(
            f"params.yaml: paraphrase.instruct.engine {name!r} is of kind 'thot', which takes no "
            "instruction; name one with a prompt"
        )

    def ask(rows: list[Row]) -> list[list[str]]:
        texts = [row["target"] for row in rows]
        return [[best.text] for best in translate(engine, texts, corpus.shards, "instruct")]

    tool = Tool("instruct", name_of(engine), ask, corpus.guard)
    return reworded(parents, tool, params.bounds), {}


def substitute(corpus: Corpus, params: Paraphrase) -> Outcome:
    """Near-synonyms for words of targets."""
    pairs = [row for row in corpus.rows if row["source"]]
    parents = lowest(pairs, params.substitute.most_rows, "substitute")
    if not parents:
        return NOTHING, {}
    lexicon = learned(pairs, corpus.language.orthography, params.substitute.lexicon)
    tool = tool_of(lexicon, corpus.guard, params.substitute)
    figures = {
        "prefixes": tool.affixes.prefixes,
        "suffixes": tool.affixes.suffixes,
    }
    return substituted(parents, tool, params.substitute), figures


WAYS: dict[str, Callable[[Corpus, Paraphrase], Outcome]] = {
    "paraphrase": round_trip,
    "reword": reword,
    "instruct": instruct,
    "substitute": substitute,
}


def paraphrase(  # noqa: PLR0913
    train: pa.Table,
    translator: Path,
    protected: Path,
    monolingual_share: str,
    params: Paraphrase,
    active: tuple[str, ...],
    languages: Languages,
    engines: Engines,
    shards: Shards,
) -> Output:
    """Rows of a reworded target; the parent's human source stays, unless it is held back."""
    share = share_of(monolingual_share)
    made: list[Row] = []
    report: dict[str, Any] = {}
    for key, human in rows_of(train, active, languages).items():
        rows = [{**row, "source": shown(row, share)} for row in human if row["target"]]
        known = guard(protected, key, languages[key])
        corpus = Corpus(key, languages[key], rows, known, engines, translator, shards)
        report[key] = {}
        for method, way in WAYS.items():
            found, figures = way(corpus, params)
            made += found.rows
            report[key][method] = {**found.report(), **figures}
    table = canonical(pa.Table.from_pylist(made, schema=SYNTHETIC))
    return Output({"rows": table}, {"languages": report})


if __name__ == "__main__":
    run(paraphrase, Paraphrase)
