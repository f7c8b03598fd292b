"""The augmentation methods that the ablation tries: the stages themselves, on little human data.

A new method is one entry of STAGES, its stage function with its settings class, and one of
`ablation.methods` in params.yaml, with settings of its own. A method may stand there several times
under different names: with other settings, other engines, or behind gates.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from augment.backtranslate import Backtranslate, backtranslate
from augment.codeswitch import Codeswitch, codeswitch
from augment.concatenate import Concatenate, concatenate
from augment.engine import Engines
from augment.forward import Forward, forward
from augment.gates import measure
from augment.judge import as_pair
from augment.limits import broken
from augment.making import Row, child
from augment.noise import Noise, noise
from augment.paraphrase import Paraphrase, paraphrase
from augment.pivot import Pivot, pivot
from augment.protected import protected
from augment.respell import Respell, respell
from augment.swap import Swap, swap
from augment.yardstick import Human, Models, yardstick
from corpus.settings import Languages, section, settings
from corpus.shards import Shards
from corpus.stage import Output
from corpus.table import SCHEMA, SYNTHETIC, canonical

Gates = dict[str, float | None]  # limits by name
# the gates that need no other model
PLAIN_GATES = {"most_unseen", "most_copied", "most_length", "most_repeated", "most_likeness"}
HIDES_NOTHING = "0"  # share of sources that a stage is to hide: the rows have lost theirs before


@settings
class Method:
    """One line of the table."""

    stage: str  # a key of STAGES
    settings: dict[str, Any]  # of that stage, whole
    gates: Gates | None  # limits as in validate; null: every row is taken
    control: str | None  # another method that this one is held against too


@settings
class Copied:
    """A target without a source becomes its own source."""


def copied(train: pa.Table, params: Copied) -> Output:
    """A control: it lets the translator see target text, and teaches it no translation.

    Source: Currey et al. 2017, https://aclanthology.org/W17-4715
    """
    alone = [row for row in train.to_pylist() if row["target"] and not row["source"]]
    made = [child(row, "copied", "copied", source=row["target"]) for row in alone]
    return Output({"rows": canonical(pa.Table.from_pylist(made, schema=SYNTHETIC))})


STAGES: dict[str, tuple[Callable[..., Output], type]] = {
    "backtranslate": (backtranslate, Backtranslate),
    "codeswitch": (codeswitch, Codeswitch),
    "concatenate": (concatenate, Concatenate),
    "copied": (copied, Copied),
    "forward": (forward, Forward),
    "noise": (noise, Noise),
    "paraphrase": (paraphrase, Paraphrase),
    "pivot": (pivot, Pivot),
    "respell": (respell, Respell),
    "swap": (swap, Swap),
}


@dataclass(frozen=True)
class World:
    """All that a method may know: what a team with just these human rows would have."""

    language: str  # key of languages
    languages: Languages
    engines: Engines
    shards: Shards
    rows: list[Row]  # pairs, targets without a source, sources without a target
    spelling: pa.Table  # orthographies of the rows, by id
    cleaned: Path  # table of all rows; noise learns from those that are near a human row
    clusters: Path  # which of them are near-duplicates
    rules: Path  # of noise
    protected: Path
    translator: Path  # folder of translators trained on these pairs alone


def checked(methods: dict[str, Method]) -> None:
    """Check that each method has a stage, its settings, and a control that is there.

    Raises:
        ValueError: one has not.
    """
    for name, method in methods.items():
        if method.stage not in STAGES:
            raise ValueError(
                f"methods.{name}: no stage {method.stage!r}; there are {sorted(STAGES)}"
            )
        if strange := sorted((method.gates or {}).keys() - PLAIN_GATES):
            raise ValueError(f"methods.{name}: no gates {strange}; there are {sorted(PLAIN_GATES)}")
        if method.control is not None and method.control not in methods:
            raise ValueError(f"methods.{name}: control {method.control!r} is not in methods")


def made(name: str, method: Method, world: World) -> list[Row]:
    """The rows that a method makes of a world, those that break a gate left out."""
    stage, kind = STAGES[method.stage]
    title = f"ablation.methods.{name}"
    known = {
        **vars(world),
        "train": pa.Table.from_pylist(world.rows, schema=SCHEMA),
        "monolingual_share": HIDES_NOTHING,
        "params": section(kind, title, {title: method.settings}),
        "active": (world.language,),
    }
    wanted = inspect.signature(stage).parameters
    rows: list[Row] = stage(**{key: known[key] for key in wanted}).tables["rows"].to_pylist()
    return passing(rows, method.gates, world) if method.gates is not None else rows


def passing(rows: list[Row], gates: Gates, world: World) -> list[Row]:
    """The rows that keep to some limits, by the gates that need no other model."""
    human = Human(world.rows, [], [], world.languages[world.language], protected(()))
    parents = {row["id"]: row for row in world.rows}
    pairs = [as_pair(row, parents[row["parent"]]) for row in rows]
    scores = measure(pairs, yardstick(human, Models({}, None, {})), [])
    return [row for row, one in zip(rows, scores, strict=True) if broken(one, gates) is None]
