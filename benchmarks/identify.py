"""Prints how good and how fast identification is: `python -m benchmarks.identify [quick]`.

Reads data/clean/rows, data/gather/sources and the models of data/identify. `quick` prints the speed
and the languages beside other identifiers; without it, small seeds too (some 6 CPU-minutes). All
figures are on documents held out from the models; intervals are over documents.
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import fasttext
import numpy as np

from corpus.classifier import NOISE, load, probabilities
from corpus.confusion import OTHER, Numbers, grouped, placed, told
from corpus.crossfit import Plan, Study, study
from corpus.declarations import read_others
from corpus.identify import Identify, planned
from corpus.proof import Held, held_out, plain
from corpus.seed import claims, label_of
from corpus.settings import Languages, languages, section
from corpus.settings import load as params
from corpus.table import digest, read

LID176 = Path("data/fetch/models/lid176/lid.176.ftz")
PEER_SEGMENTS = 6000  # of lowest hash: some peers are slow
SEEDS = (100, 500, 2000, None)  # segments of the language to learn from; null: all


@dataclass(frozen=True)
class Field:
    """The text that all are judged on, and what the models of the other folds make of it."""

    plan: Plan
    held: Held
    texts: list[str]
    known: Languages  # at work: the language and its neighbours
    classes: tuple[str, ...]

    @property
    def true(self) -> Numbers:
        """The class of each text."""
        return placed(self.held.labels.tolist(), self.classes)


def speed(function: Callable[[list[str]], object], texts: Sequence[str]) -> float:
    """Texts for each second of this process's CPU time."""
    start = time.process_time()
    function(list(texts))
    return len(texts) / (time.process_time() - start)


def show(line: str) -> None:
    """A line, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def speeds(key: str) -> None:
    """Print how many segments a CPU-second each scorer takes, in one thread."""
    table = read(Path("data/clean/rows"), ["source", "target"])
    texts = [text for side in ("target", "source") for text in table[side].to_pylist() if text]
    small = fasttext.load_model(str(LID176))
    lid176 = speed(lambda some: probabilities(small, plain, ["es"], some), texts)
    ours = speed(load(Path("data/identify/models") / key)["target"], texts)
    show(f"{key}: {ours:,.0f} segments a CPU-second; lid.176 {lid176:,.0f} ({ours / lid176:.2f})")


def field(key: str, tree: dict[str, Any]) -> Field:
    """The held-out text of a language, its neighbours, all other languages and noise."""
    known = languages(tree)[1]
    facts = claims(read(Path("data/clean/rows")), read(Path("data/gather/sources")), known)
    foreign = read_others(Path("data/raw/udhr.jsonl.xz"))
    settings = section(Identify, "identify", tree)
    plan = planned(key, facts, foreign, settings, known)
    studies = [study((plan, fold)) for fold in range(settings.folds)]
    held, texts = judged(plan, studies)
    near = {name: known[name] for name in plan.varieties}
    return Field(plan, held, texts, near, (*plan.asked, OTHER))


def judged(plan: Plan, studies: Sequence[Study]) -> tuple[Held, list[str]]:
    """What the models say of held-out text, and that text; no row is left out as swapped."""
    rows = 1 + max(segment.row for segment in plan.segments)
    held = held_out(plan, studies, np.zeros(rows, dtype=bool), LID176)
    texts = [s.text for s in plan.segments if s.learn and s.fold >= 0]
    return held, texts + [text for made in studies for _, text in made.noise]


def class_of(code: str | None, near: Languages) -> str:
    """The class that a peer's answer means; no answer is noise.

    >>> class_of("spa", {}), class_of(None, {})
    ('spa', 'noise')
    """
    return NOISE if code in (None, NOISE) else label_of(str(code), near)


def said(name: str, found: dict[str, Any]) -> None:
    """Print macro F1, and precision, recall and F1 by class."""
    whole = found["macro_f1"]
    show(f"{name}: macro F1 {whole['value']:.3f} [{whole['low']:.3f}, {whole['high']:.3f}]")
    for label, figures in found["classes"].items():
        parts = (f"{n} {figures[n]['value']:.3f}" for n in ("precision", "recall", "f1"))
        ends = f"[{figures['f1']['low']:.3f}, {figures['f1']['high']:.3f}]"
        show(f"  {label} ({figures['segments']:,}): {', '.join(parts)} {ends}")


def peers(some: Field) -> None:
    """Print the languages told apart by this model and by the others, on the same segments."""
    chosen = sorted(range(len(some.texts)), key=lambda n: digest(some.texts[n], str(n)))
    chosen = chosen[:PEER_SEGMENTS]
    documents = [some.held.documents[n] for n in chosen]
    true = some.true[chosen]

    def score(name: str, found: Numbers) -> None:
        said(name, told(some.classes, true, found, documents, some.plan.seed))

    score("this run, same segments", grouped(some.held.chances).argmax(axis=1)[chosen])
    try:
        from benchmarks.peers import PEERS
    except ImportError as error:
        show(f"no peers: {error}")
        return
    for name, loaded in PEERS.items():
        answers = loaded()([some.texts[n] for n in chosen])
        labels = [class_of(code, some.known) for code in answers]
        score(name, placed(labels, some.classes))


def seeded(plan: Plan, size: int | None) -> Plan:
    """The plan with so many segments of its language to learn from, of lowest hash."""
    mine = [n for n, s in enumerate(plan.segments) if s.learn and s.label == plan.labels[0]]
    mine = sorted(mine, key=lambda n: digest(plan.segments[n].text, str(n)))
    left = set(mine if size is None else mine[:size])
    dropped = set(mine) - left
    segments = [s._replace(learn=s.learn and n not in dropped) for n, s in enumerate(plan.segments)]
    return replace(plan, segments=segments)


def seeds(some: Field) -> None:
    """Print what a seed of so many segments says of itself, and what is true on all the text."""
    key, column = some.plan.labels[0], some.plan.asked.index(some.plan.labels[0])
    for size in SEEDS:
        plan = seeded(some.plan, size)
        studies = [study((plan, fold)) for fold in range(int(max(some.held.fold)) + 1)]
        for name, measured in (("says of itself", plan), ("is, on all text", some.plan)):
            held, _ = judged(measured, studies)
            true = placed(held.labels.tolist(), some.classes)
            found = grouped(held.chances).argmax(axis=1)
            made = told(some.classes, true, found, held.documents, plan.seed)
            mine, whole = made["classes"][key], made["macro_f1"]
            show(
                f"seed of {size or 'all'}, {name}: F1 of {key} {mine['f1']['value']:.3f} "
                f"[{mine['f1']['low']:.3f}, {mine['f1']['high']:.3f}] on {mine['segments']:,}; "
                f"macro F1 {whole['value']:.3f} [{whole['low']:.3f}, {whole['high']:.3f}], "
                f"mean chance {held.chances[true == column, column].mean():.3f}"
            )


def main(quick: bool) -> None:
    """Print all, for each active language that has a model."""
    tree = params()
    for key in languages(tree)[0]:
        if (Path("data/identify/models") / key).exists():
            speeds(key)
            some = field(key, tree)
            found = grouped(some.held.chances).argmax(axis=1)
            said("all held-out text", told(some.classes, some.true, found, some.held.documents, 1))
            peers(some)
            if not quick:
                seeds(some)


if __name__ == "__main__":
    main("quick" in sys.argv[1:])
