"""Two adapters for a language: on human rows, and on the whole mixture, with equal steps and seed.

One adapter over the frozen base goes through the phases of `adapt.phases`, as a rule target text
(continued pre-training), then the answers of `adapt.tasks`, such as translations both ways
(supervised fine-tuning). The order of all rows is fixed before the first step, so a killed run goes
on from its last checkpoint to the same bytes.
"""

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from pydantic import TypeAdapter

from corpus.settings import Languages, settings
from corpus.shards import Shards, map_shards
from corpus.stage import Output, run
from corpus.table import InputError
from train.adapters import Method
from train.chat import Conversation, conversations
from train.examples import Row
from train.fitting import Task, fit
from train.hiding import Masking
from train.objectives import Objective
from train.processes import first_writes, less_memory, one_at_a_time
from train.prompts import ALONE, PROMPT, SETTINGS, Tasks
from train.tasks import Taught, taught_by, trained_on
from train.validation import Held, Validation, chosen

if TYPE_CHECKING:
    from train.trainer import Run

CHECKPOINTS = Path("scratch", "adapt")  # outside every output: a killed stage keeps them
COLUMNS = ["id", "document", "position", "source", "target", "source_language", "language"]
COLUMNS += ["origin", "weight", "synthetic", "bitext", "order"]  # of the mixture


@settings
class Phase:
    """One objective and how long it is followed; the next phase goes on with the same adapter."""

    objective: Objective
    steps: int
    learning_rate: float  # at its peak; it falls to a tenth by a cosine
    warmup_steps: int

    def __post_init__(self) -> None:
        if self.steps < 1 or self.warmup_steps < 0:
            raise ValueError(f"need steps at least 1 and warmup_steps at least 0, got {self}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate}")


@settings
class Adapt:
    """How the adapters are trained: what of the base, in which phases, on what shape of rows."""

    method: Method
    phases: tuple[Phase, ...]
    masking: Masking  # for mlm and denoise
    batch_rows: int  # rows in a batch
    row_tokens: int  # tokens in a row
    accumulate: int  # batches in a step
    compile: bool  # the repeated layer, for packed rows on a CPU
    recompute: bool  # activations again in the backward pass: slower, less memory
    sampled_tokens: int | None  # other tokens of the softmax in a step; null: all
    tasks: Tasks  # of sft
    validation: Validation | None  # null: no check during training
    checkpoint_steps: int  # steps between checkpoints
    seed: int

    def __post_init__(self) -> None:
        counts = (self.batch_rows, self.accumulate, self.checkpoint_steps)
        if min(counts) < 1 or self.row_tokens < 8:
            raise ValueError(
                "batch_rows, accumulate and checkpoint_steps must be at least 1 and row_tokens at "
                f"least 8, got {counts} and {self.row_tokens}"
            )
        if not self.phases:
            raise ValueError("phases must have at least one")
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0, got {self.seed}")


def adapt(  # noqa: PLR0913
    params: Adapt,
    shards: Shards,
    language: str,
    languages: Languages,
    mixture: pa.Table,
    validation: pa.Table,
    instructions: Path,
    base: Path,
    tokenizer: Path,
    curves: Path,
    out: Path,
) -> Output:
    """Adapters `human` and `mixed` in `out`, and a curve of each in `curves`."""
    rows = mixture.select(COLUMNS).sort_by("id").to_pylist()
    sets = {"human": [row for row in rows if not row["synthetic"]], "mixed": rows}
    every = conversations(instructions / f"{language}.jsonl")
    told = trained_on(params.tasks, every)
    checked = params.validation.texts if params.validation else 0
    held = Held(
        chosen(validation, language, languages, checked),
        every,
        frozenset((row["origin"], row["document"]) for row in rows),
    )
    write_settings(params, out)
    params = without_questions(params, taught_by(params.tasks, sets["human"], told))
    for name, some in sets.items():
        check_rows(params, some, told, f"{name} rows of {language}")
    more = (told, held, language, base, tokenizer, out, CHECKPOINTS / language)
    tasks = [Task(params, name, sets, *more, name == "human", over=None) for name in sets]
    with less_memory():
        made = map_shards(fit, tasks, one_at_a_time(shards), f"adapt {language}")
    shutil.rmtree(curves, ignore_errors=True)
    for name, (_, runs) in zip(sets, made, strict=True):
        write_curve(runs, params.phases, curves / f"{name}.csv")
    facts = {name: facts for name, (facts, _) in zip(sets, made, strict=True)}
    phases = [{"objective": phase.objective, "steps": phase.steps} for phase in params.phases]
    return Output(report={**facts, "method": params.method.kind, "phases": phases})


def write_settings(params: Adapt, out: Path) -> None:
    """Say beside the adapters how they were trained, and what they are asked with."""
    (out / PROMPT).write_text(params.tasks.translation.prompt or ALONE, "utf-8")
    (out / SETTINGS).write_bytes(TypeAdapter(Adapt).dump_json(params, indent=1) + b"\n")


def without_questions(params: Adapt, taught: Taught) -> Adapt:
    """The settings, but no phase of sft for a language without any question, if another is left."""
    others = tuple(phase for phase in params.phases if phase.objective != "sft")
    if others and not any(taught.questions.values()):
        return Adapt(**{**vars(params), "phases": others})
    return params


def check_rows(params: Adapt, rows: list[Row], told: dict[str, Conversation], what: str) -> None:
    """Check that each phase has a row to train on.

    Raises:
        InputError: it has none.
    """
    objectives = {phase.objective for phase in params.phases}
    if objectives - {"sft"} and not any(row["target"] for row in rows if row["weight"] > 0):
        raise InputError(f"{what}: none has a target text; leave only 'sft' in phases")
    if "sft" in objectives and not any(taught_by(params.tasks, rows, told).able().values()):
        raise InputError(
            f"{what}: none is a pair, or asks what else adapt.tasks teaches; take 'sft' out of "
            "phases or mix more"
        )


def write_curve(runs: "Sequence[Run]", phases: Sequence[Phase], path: Path) -> None:
    """The learning curve as CSV: step, loss, phase, and at a check bits per held-out byte."""
    path.parent.mkdir(parents=True, exist_ok=True)
    step = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["step", "loss", "phase", "bits_per_byte"])
        for run_, phase in zip(runs, phases, strict=True):
            for at, loss in enumerate(run_.losses, 1):
                step += 1
                check = f"{run_.checks[at]:.4f}" if at in run_.checks else ""
                writer.writerow([step, f"{loss:.4f}", phase.objective, check])


if __name__ == "__main__":
    with first_writes():
        run(adapt, Adapt)
