"""Every translation engine behind one type: segments in, translations with scores and marks out.

`engines` of params.yaml names them. An engine is set to one direction before it is asked; what it
answers is recorded as it comes, call by call, and never asked for again (augment/cache.py).
"""

import json
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from augment import cache as records
from augment.engines import pivot, thot
from augment.translation import Direction, Translate, Translation
from corpus.settings import Language
from corpus.shards import Shards, map_shards
from corpus.table import InputError

Way = Literal["forward", "backward"]  # pivot to target, and back
CHUNK = 50  # segments that a worker of the pool is handed at a time
OWN = "own"  # the name in `engines` of the translator trained here

Spec = Annotated[thot.Thot | pivot.Pivot, Field(discriminator="kind")]
Engines = dict[str, Spec]  # by the name that methods call it


class Engine(NamedTuple):
    """An engine set to one direction; small, so that a worker can be handed it."""

    spec: thot.Thot | pivot.Pivot
    direction: Direction
    folder: Path  # of the language's own translators, below that of stage translator
    legs: tuple["Engine", ...] = ()  # of a pivot: the engines that it asks one after the other


class Kind(NamedTuple):
    """What must be known of a kind of engine."""

    name: Callable[[Engine], str]  # for the column `engine`: its version and all that it is made of
    load: Callable[[Engine, int], Translate]  # the best so many translations of each segment
    call: Callable[[Engine], int]  # segments in one call, whose answers are recorded together
    pooled: bool  # each worker loads its own; else it is asked in this process, threads and all


def opened(
    name: str, language: tuple[str, Language], way: Way, engines: Engines, translators: Path
) -> Engine:
    """The engine of that name, set to translate from the pivot to the language or back.

    Args:
        language: its key, and what params.yaml says of it.
        translators: the folder of stage translator, of which the engine `own` is.

    Raises:
        InputError: `engines` has no such name.
    """
    key, entry = language
    ends = (entry.pivot, key) if way == "forward" else (key, entry.pivot)
    return directed(name, Direction(*ends, way), engines, translators / key)


def directed(name: str, direction: Direction, engines: Engines, folder: Path) -> Engine:
    """The engine of that name, set to a direction; a pivot with the engines that it goes through.

    Raises:
        InputError: `engines` has no such name.
    """
    if name not in engines:
        raise InputError(f"params.yaml: engines has no {name!r}; it has {sorted(engines)}")
    spec = engines[name]
    if not isinstance(spec, pivot.Pivot):
        return Engine(spec, direction, folder)
    ends = (direction.source, spec.middle), (spec.middle, direction.target)
    legs = tuple(
        directed(leg, Direction(*pair, direction.way), engines, folder)
        for leg, pair in zip((spec.first, spec.second), ends, strict=True)
    )
    return Engine(spec, direction, folder, legs)


def ready(engine: Engine) -> bool:
    """Whether the engine can be asked: not the own one of a language with too few pairs.

    Raises:
        InputError: stage translator has not run for the language.
    """
    if isinstance(engine.spec, pivot.Pivot):
        return all(map(ready, engine.legs))
    return not isinstance(engine.spec, thot.Thot) or thot.trained(engine.folder)


def way_folder(engine: Engine) -> Path:
    """Where the language's own translator of that direction lies."""
    return engine.folder / engine.direction.way


def through(engine: Engine, best: int) -> Translate:
    """A pivot as a function."""
    return pivot.load([loaded(leg, best) for leg in engine.legs])


KINDS: dict[str, Kind] = {
    "thot": Kind(
        name=lambda engine: thot.name(way_folder(engine), engine.direction),
        load=lambda engine, best: thot.load(way_folder(engine), best),
        call=lambda _: 1,
        pooled=True,
    ),
    "pivot": Kind(
        name=lambda engine: pivot.name(engine.direction, list(map(name_of, engine.legs))),
        load=through,
        call=lambda _: 1,
        pooled=False,
    ),
}


def name_of(engine: Engine) -> str:
    """The engine's name for the column `engine`: kind@hash of its files, version and direction."""
    return KINDS[engine.spec.kind].name(engine)


@cache  # a worker loads it once for all its shares of the work
def loaded(engine: Engine, best: int) -> Translate:
    """The engine as a function."""
    return KINDS[engine.spec.kind].load(engine, best)


def translate(
    engine: Engine, texts: Sequence[str], shards: Shards, label: str
) -> list[Translation]:
    """The best translation of each text, in order; those met before come for nothing."""
    return [best[0] for best in n_best(engine, texts, 1, shards, label)]


def n_best(
    engine: Engine, texts: Sequence[str], best: int, shards: Shards, label: str
) -> list[list[Translation]]:
    """The best so many translations of each text, best first, at least one.

    Raises:
        RuntimeError: the engine lost a segment.
    """
    if not texts:
        return []
    maker = ("translate", name_of(engine), str(best))
    known = records.recall(maker, texts)
    new = sorted(set(texts) - known.keys())
    kind = KINDS[engine.spec.kind]
    size = CHUNK if kind.pooled else len(new)
    chunks = [new[start : start + size] for start in range(0, len(new), size or 1)]
    ask = partial(asked, engine, best, maker)
    if kind.pooled and chunks:
        made = map_shards(ask, chunks, shards, label)
    else:
        made = [ask(chunk) for chunk in chunks]
    known |= zip(new, (text for part in made for text in part), strict=True)
    return [read(known[text]) for text in texts]


def asked(engine: Engine, best: int, maker: tuple[str, ...], texts: list[str]) -> list[str]:
    """What the engine says of a few segments, as the records hold it."""

    def make(new: list[str]) -> list[str]:
        return [written(found) for found in loaded(engine, best)(new)]

    return records.remembered(make, maker, texts, KINDS[engine.spec.kind].call(engine))


def written(translations: Sequence[Translation]) -> str:
    """Translations as a record holds them."""
    return json.dumps([list(found) for found in translations], ensure_ascii=False)


def read(record: str) -> list[Translation]:
    """Translations from a record."""
    return [Translation(*found) for found in json.loads(record)]
