"""An adapter for each of some varieties, over the adapter that the language's varieties share.

Each goes on from the language's adapter `mixed` with a part of its own rank, trained on the rows of
its variety alone. Beside them stands `all`, of the same rank and steps on rows of every variety:
what it gains too comes of more training, not of the variety.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from corpus.settings import Languages, section, settings
from corpus.shards import Shards, map_shards
from corpus.stage import Output, run
from corpus.table import InputError
from train.adapt import COLUMNS, Adapt, Phase, check_rows
from train.adapters import Lora
from train.chat import conversations
from train.examples import in_variety
from train.fitting import Task, fit
from train.processes import first_writes, less_memory, one_at_a_time
from train.prompts import PROMPT, SETTINGS
from train.stacked import ALL, LANGUAGE, stackable
from train.tasks import trained_on
from train.validation import Held, chosen

CHECKPOINTS = Path("scratch", "varieties")


@settings
class Varieties:
    """Which varieties get an adapter, and how it is trained; what is not said here is adapt's."""

    codes: tuple[str, ...] | None  # ISO 639-3; null: none
    rank: int  # of a variety's part
    alpha: int  # the scale of its update is alpha / rank
    phases: tuple[Phase, ...]

    def __post_init__(self) -> None:
        if min(self.rank, self.alpha) < 1:
            raise ValueError(f"rank and alpha must be at least 1, got {self.rank}, {self.alpha}")
        if not self.phases:
            raise ValueError("phases must have at least one")
        if self.codes is not None and len({*self.codes}) < max(1, len(self.codes)):
            raise ValueError(f"codes must name varieties, each once, or be null, got {self.codes}")


def varieties(  # noqa: PLR0913
    params: Varieties,
    shards: Shards,
    language: str,
    languages: Languages,
    mixture: pa.Table,
    validation: pa.Table,
    instructions: Path,
    base: Path,
    tokenizer: Path,
    adapters: Path,
    out: Path,
) -> Output:
    """An adapter of each variety of the language that is named, and `all`, in `out`.

    Raises:
        InputError: a code is no variety's, a variety has no rows, or the language's adapter is of a
            kind that nothing is added to.
    """
    codes = named(params.codes or (), language, languages)
    shutil.copyfile(adapters / PROMPT, out / PROMPT)
    if not codes:
        return Output(report={"varieties": {}})
    settled = of_variety(params, adapters / SETTINGS)
    every = conversations(instructions / f"{language}.jsonl")
    told = trained_on(settled.tasks, every)
    rows = mixture.select(COLUMNS).sort_by("id").to_pylist()
    sets = {ALL: rows, **{code: in_variety(rows, code) for code in codes}}
    held = Held(
        chosen(validation, language, languages, len(validation)),
        every,
        frozenset((row["origin"], row["document"]) for row in rows),
    )
    more = (language, base, tokenizer, out, CHECKPOINTS / language)
    tasks = []
    for name, some in sets.items():
        check_rows(settled, some, told, f"rows of {name}")
        near = held_of(held, name, settled)  # and one softmax for all: they differ in data only
        tasks.append(Task(settled, name, sets, told, near, *more, name == ALL, adapters / LANGUAGE))
    with less_memory():
        made = map_shards(fit, tasks, one_at_a_time(shards), f"varieties {language}")
    facts = {name: facts for name, (facts, _) in zip(sets, made, strict=True)}
    return Output(report={"varieties": facts, "rank": params.rank})


def named(codes: Sequence[str], language: str, languages: Languages) -> list[str]:
    """The codes that are varieties of the language.

    Raises:
        InputError: one is of no language.
    """
    known = {code for one in languages.values() for code in one.varieties}
    if unknown := [code for code in codes if code not in known]:
        raise InputError(
            f"varieties.codes: {unknown} are no varieties of any language; params.yaml has "
            f"{list(languages[language].varieties)} of {language!r}"
        )
    return [code for code in codes if code in languages[language].varieties]


def of_variety(params: Varieties, path: Path) -> Adapt:
    """How the language's adapter was trained, with what a variety's has of its own.

    Raises:
        InputError: nothing says how, or nothing can be added to such an adapter.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist; run 'dvc repro adapt' first")
    found = section(Adapt, "adapt", {"adapt": json.loads(path.read_text("utf-8"))})
    own = {"rank": params.rank, "alpha": params.alpha, "rslora": False}
    method = Lora(**{**vars(stackable(found.method)), **own})
    return Adapt(**{**vars(found), "method": method, "phases": params.phases})


def held_of(held: Held, name: str, params: Adapt) -> Held:
    """What an adapter is checked by: held-out rows of its variety, or of all."""
    rows = held.rows if name == ALL else in_variety(held.rows, name)
    return held._replace(rows=rows[: params.validation.texts if params.validation else 0])


if __name__ == "__main__":
    with first_writes():
        run(varieties, Varieties)
