"""Every translation engine behind one type: segments in, translations with scores and marks out.

`engines` of params.yaml names them. An engine is set to one direction before it is asked; what it
answers is recorded as it comes, call by call, and never asked for again (augment/cache.py).
"""

import json
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from augment import cache as records
from augment.engines import apertium, causal, http, pivot, search, seq2seq, thot
from augment.translation import Direction, Translate, Translation
from corpus.settings import Language
from corpus.shards import Shards, map_shards
from corpus.table import InputError

Way = Literal["forward", "backward"]  # pivot to target, and back
CHUNK = 50  # segments that a worker of the pool is handed at a time
OWN = "own"  # the name in `engines` of the translator trained here

Spec = Annotated[
    thot.Thot | seq2seq.Seq2seq | causal.Causal | apertium.Apertium | http.Http | pivot.Pivot,
    Field(discriminator="kind"),
]
Engines = dict[str, Spec]  # by the name that methods call it


class Engine(NamedTuple):
    """An engine set to one direction; small, so that a worker can be handed it."""

    spec: Any  # its settings, of a class of Spec
    direction: Direction
    folder: Path  # of the language's own translators, below that of stage translator
    legs: tuple["Engine", ...] = ()  # of a pivot: the engines that are asked one after the other

    def __hash__(self) -> int:
        """Of what it is written as: settings may hold dicts."""
        return hash(repr(self))


class Kind(NamedTuple):
    """What must be known of a kind of engine."""

    name: Callable[[Engine], str]  # for the column `engine`: its version and all that it is made of
    load: Callable[[Engine, int], Translate]  # the best so many translations of each segment
    call: Callable[[Engine], int]  # segments in one call, whose answers are recorded together
    pooled: bool  # each worker loads its own; else it is asked in this process, threads and all
    lists: bool = True  # it gives several translations where asked; else one, whatever is asked
    threads: Callable[[Engine], int] = lambda _: 1  # calls under way at once, unless pooled
    # what it may cost, for the progress bar, before it is asked; InputError: more than allowed
    estimate: Callable[[Engine, list[str]], str] = lambda *_: ""


def opened(
    name: str, language: tuple[str, Language], way: Way, engines: Engines, translators: Path
) -> Engine:
    """The engine of that name, set to translate from the pivot to the language or back.

    Args:
        language: its key, and what params.yaml says of it.
        translators: the folder of stage translator, of which the engine `own` is.

    Raises:
        InputError: `engines` has no such name, or a pivot asks the own one for other languages.
    """
    key, entry = language
    ends = (entry.pivot, key) if way == "forward" else (key, entry.pivot)
    engine = directed(name, Direction(*ends, way), engines, translators / key)
    for one in asked_of(engine):
        if isinstance(one.spec, thot.Thot) and one.direction[:2] != ends:
            raise InputError(
                f"params.yaml: engine {name!r} asks what stage translator trained for "
                f"{'-'.join(one.direction[:2])}; it knows {'-'.join(ends)}"
            )
    return engine


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
    legs = (directed(leg, way, engines, folder) for leg, way in pivot.legs(spec, direction))
    return Engine(spec, direction, folder, tuple(legs))


def ready(engine: Engine) -> bool:
    """Whether the engine can be asked: not the own one of a language with too few pairs.

    Raises:
        InputError: stage translator has not run for the language.
    """
    own = [one for one in asked_of(engine) if isinstance(one.spec, thot.Thot)]
    return all(thot.trained(one.folder) for one in own)


def asked_of(engine: Engine) -> list[Engine]:
    """The engine itself, or those that a pivot goes through, however deep."""
    return [one for leg in engine.legs for one in asked_of(leg)] or [engine]


def way_folder(engine: Engine) -> Path:
    """Where the language's own translator of that direction lies."""
    return engine.folder / engine.direction.way


KINDS: dict[str, Kind] = {
    "thot": Kind(
        name=lambda engine: thot.name(way_folder(engine), engine.direction),
        load=lambda engine, best: thot.load(way_folder(engine), best),
        call=lambda _: 1,
        pooled=True,
    ),
    "seq2seq": Kind(
        name=lambda engine: seq2seq.name(engine.spec, engine.direction),
        load=lambda engine, best: seq2seq.load(engine.spec, engine.direction, best),
        call=lambda _: search.CALL,
        pooled=False,
    ),
    "causal": Kind(
        name=lambda engine: causal.name(engine.spec, engine.direction, engine.folder),
        load=lambda engine, best: causal.load(engine.spec, engine.direction, engine.folder, best),
        call=lambda _: search.CALL,
        pooled=False,
    ),
    "apertium": Kind(
        name=lambda engine: apertium.name(engine.spec, engine.direction),
        load=lambda engine, _: apertium.load(engine.spec, engine.direction),
        call=lambda _: apertium.CALL,
        pooled=False,
        lists=False,
    ),
    "http": Kind(
        name=lambda engine: http.name(engine.spec, engine.direction),
        load=lambda engine, _: http.load(engine.spec, engine.direction),
        call=lambda _: 1,
        pooled=False,
        lists=False,
        threads=lambda engine: engine.spec.concurrency,
        estimate=lambda engine, texts: http.estimate(engine.spec, engine.direction, texts),
    ),
}


def name_of(engine: Engine) -> str:
    """The engine's name for the column `engine`: kind@hash of its files, version and direction."""
    if engine.legs:
        return pivot.name(engine.direction, [name_of(leg) for leg in engine.legs])
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

    A text of no character but white space is its own translation, and a pivot's two engines are
    asked one after the other, so that each one's answers are recorded as its own.

    Raises:
        InputError: the engine cannot be asked.
        RuntimeError: the engine lost a segment.
    """
    new = sorted({text for text in texts if text.strip()})
    if engine.legs:
        first, second = engine.legs
        passed = translate(first, new, shards, label)
        last = n_best(second, [found.text for found in passed], best, shards, label)
        found = dict(zip(new, map(pivot.joined, passed, last), strict=True))
    else:
        found = dict(zip(new, told(engine, new, best, shards, label), strict=True))
    return [found.get(text) or [Translation("", None, 0)] for text in texts]


def told(
    engine: Engine, texts: list[str], best: int, shards: Shards, label: str
) -> list[list[Translation]]:
    """What the records say of different texts, and the engine of those that are new to them."""
    if not texts:
        return []
    kind = KINDS[engine.spec.kind]
    best = best if kind.lists else 1
    maker = ("translate", name_of(engine), str(best))
    known = records.recall(maker, texts)
    new = [text for text in texts if text not in known]
    size = CHUNK if kind.pooled else len(new)
    chunks = [new[start : start + size] for start in range(0, len(new), size or 1)]
    if kind.pooled and chunks:
        made = map_shards(partial(asked, engine, best, maker, ""), chunks, shards, label)
    else:
        label = f"{label}{kind.estimate(engine, new)}"
        made = [asked(engine, best, maker, label, chunk) for chunk in chunks]
    known |= zip(new, (text for part in made for text in part), strict=True)
    return [read(known[text]) for text in texts]


def asked(
    engine: Engine, best: int, maker: tuple[str, ...], label: str, texts: list[str]
) -> list[str]:
    """What the engine says of a few segments, as the records hold it."""
    kind = KINDS[engine.spec.kind]
    ask = loaded(engine, best)  # once, before there are threads

    def make(new: list[str]) -> list[str]:
        return [written(found) for found in ask(new)]

    return records.remembered(make, maker, texts, kind.call(engine), kind.threads(engine), label)


def written(translations: Sequence[Translation]) -> str:
    """Translations as a record holds them."""
    return json.dumps([list(found) for found in translations], ensure_ascii=False)


def read(record: str) -> list[Translation]:
    """Translations from a record."""
    return [Translation(*found) for found in json.loads(record)]
