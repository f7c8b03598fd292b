"""Two adapters for a language: on human rows, and on the whole mixture, with equal steps and seed.

One adapter over the frozen base goes through the phases of `adapt.phases`, as a rule target text
(continued pre-training), then the answers of `adapt.tasks`, such as translations both ways
(supervised fine-tuning). The order of all rows is fixed before the first step, so a killed run goes
on from its last checkpoint to the same bytes.
"""

import csv
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, partial
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from corpus.settings import settings
from corpus.shards import Shards, map_shards
from corpus.stage import Output, run
from corpus.table import InputError, digest
from train.adapters import Method
from train.answers import too_long
from train.batches import Batch
from train.chat import Conversation, conversations
from train.examples import IGNORED, Row
from train.hiding import Masking
from train.objectives import Objective, Shape, phase_batches
from train.prompts import ALONE, Tasks
from train.reached import figures_of
from train.tasks import Taught, taught_by, trained_on

if TYPE_CHECKING:
    from train.model import Speaker

PROMPT = "prompt.txt"  # what the adapters were asked with
CODE = ["adapt.py", "adapters.py", "answers.py", "batches.py", "chat.py", "examples.py"]
CODE += ["families.py", "hiding.py", "initialise.py", "model.py", "objectives.py", "probes.py"]
CODE += ["prompts.py", "quantised.py", "sides.py", "tasks.py", "titles.py"]
CODE += ["trainer.py"]  # that trains
LIBRARIES = ("torch", "transformers", "peft", "tokenizers")
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
    recompute: bool  # activations again in the backward pass: slower, less memory
    sampled_tokens: int | None  # other tokens of the softmax in a step; null: all
    tasks: Tasks  # of sft
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


@dataclass(frozen=True)
class Task:
    """What one process trains."""

    params: Adapt
    name: str
    sets: dict[str, list[Row]]  # the rows of this adapter, by its name, and of the other
    conversations: dict[str, Conversation]
    base: Path
    tokenizer: Path
    out: Path
    checkpoints: Path
    bar: bool


def adapt(  # noqa: PLR0913
    params: Adapt,
    shards: Shards,
    language: str,
    mixture: pa.Table,
    instructions: Path,
    base: Path,
    tokenizer: Path,
    curves: Path,
    out: Path,
) -> Output:
    """Adapters `human` and `mixed` in `out`, and a curve of each in `curves`."""
    rows = mixture.select(COLUMNS).sort_by("id").to_pylist()
    sets = {"human": [row for row in rows if not row["synthetic"]], "mixed": rows}
    told = trained_on(params.tasks, conversations(instructions / f"{language}.jsonl"))
    params = without_questions(params, taught_by(params.tasks, sets["human"], told))
    for name, some in sets.items():
        check_rows(params, some, told, f"{name} rows of {language}")
    folders = (base, tokenizer, out, CHECKPOINTS / language)
    tasks = [Task(params, name, sets, told, *folders, bar=name == "human") for name in sets]
    made = map_shards(fit, tasks, shards, f"adapt {language}")
    (out / PROMPT).write_text(params.tasks.translation.prompt or ALONE, "utf-8")
    shutil.rmtree(curves, ignore_errors=True)
    for name, (_, losses) in zip(sets, made, strict=True):
        write_curve(losses, params.phases, curves / f"{name}.csv")
    facts = {name: facts for name, (facts, _) in zip(sets, made, strict=True)}
    phases = [{"objective": phase.objective, "steps": phase.steps} for phase in params.phases]
    return Output(report={**facts, "method": params.method.kind, "phases": phases})


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
        raise InputError(f"{what}: none has a target text; leave only 'sft' in adapt.phases")
    if "sft" in objectives and not any(taught_by(params.tasks, rows, told).able().values()):
        raise InputError(
            f"{what}: none is a pair, or asks what else adapt.tasks teaches; take 'sft' out of "
            "adapt.phases or mix more"
        )


def fit(task: Task) -> tuple[dict[str, Any], list[float]]:
    """Train one adapter and save it; returns its figures and the loss of each step."""
    from train.adapters import add_adapter, save_adapter
    from train.model import load_base, one_thread
    from train.trainer import Plan, optimizer_of, train

    one_thread()
    params = task.params
    speaker = load_base(task.base, task.tokenizer, bits=getattr(params.method, "bits", None))
    taught = {
        name: taught_by(params.tasks, rows, task.conversations) for name, rows in task.sets.items()
    }
    plans = {name: plan(params, rows, taught[name], speaker) for name, rows in task.sets.items()}
    own = learned(plans.values())
    phases = plans[task.name]
    reach = [(phase.objective, b) for phase, b in zip(params.phases, phases, strict=True)]
    unfit = partial(
        too_long, speaker=speaker, template=params.tasks.template, length=params.row_tokens
    )
    figures = figures_of(task.sets[task.name], taught[task.name], reach, unfit)
    place = task.checkpoints / f"{task.name}-{key(task, phases, own)}"
    forget(place)
    speaker = add_adapter(speaker, params.method, params.seed)
    optimizer = optimizer_of(speaker, params)
    losses: list[float] = []
    for number, (phase, batches) in enumerate(zip(params.phases, phases, strict=True)):
        places = (place / str(number), f"{task.name}: {phase.objective}" if task.bar else None)
        losses += train(speaker, Plan(batches, own), params, phase, optimizer, places)
    save_adapter(speaker, task.out / task.name)
    shutil.rmtree(place, ignore_errors=True)
    last = losses[-max(1, len(losses) // 10) :]
    figures |= {
        "steps": len(losses),
        "trained_parameters": trained(speaker),
        "learned_tokens": sum(int((b.labels != IGNORED).sum()) for some in phases for b in some),
        "final_loss": sum(last) / len(last),
    }
    return figures, losses


def trained(speaker: "Speaker") -> int:
    """Weights that training changes."""
    return sum(p.numel() for p in speaker.model.parameters() if p.requires_grad)


def plan(params: Adapt, rows: list[Row], taught: Taught, speaker: "Speaker") -> list[list[Batch]]:
    """The batches of each phase."""
    return [
        phase_batches(
            phase.objective,
            rows,
            speaker,
            Shape(
                phase.steps * params.accumulate,
                params.batch_rows,
                params.row_tokens,
                taught,
                params.masking,
                params.seed + number,
            ),
        )
        for number, phase in enumerate(params.phases)
    ]


def learned(plans: Iterable[list[list[Batch]]]) -> list[int]:
    """The tokens that any of the adapters learns: with one softmax they differ in data only."""
    labels = {int(i) for plan in plans for some in plan for b in some for i in np.unique(b.labels)}
    return sorted(labels - {IGNORED})


def key(task: Task, phases: list[list[Batch]], own: list[int]) -> str:
    """A name for checkpoints that fit these settings, examples, models, code and libraries only."""
    models = sha256()
    for path in (*sorted(task.base.glob("*.safetensors")), *sorted(task.tokenizer.glob("*.json"))):
        models.update(path.read_bytes())
    data = sha256()
    for batch in (batch for some in phases for batch in some):
        for array in (*batch.inputs.values(), batch.labels):
            data.update(repr(array.shape).encode() + array.tobytes())
    return digest(repr(task.params), data.hexdigest(), repr(own), models.hexdigest(), recipe())


@cache
def recipe() -> str:
    """A digest of the code and the libraries that training depends on."""
    code = [(Path(__file__).parent / name).read_text("utf-8") for name in CODE]
    return digest(*code, *map(metadata.version, LIBRARIES))


def forget(place: Path) -> None:
    """Remove the checkpoints of this adapter that have another key: no run can go on from them."""
    name = place.name.rpartition("-")[0]
    for path in place.parent.glob(f"{name}-*"):
        if path != place:
            shutil.rmtree(path)


def write_curve(losses: list[float], phases: Iterable[Phase], path: Path) -> None:
    """The learning curve as CSV: step, loss, phase."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = [phase.objective for phase in phases for _ in range(phase.steps)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["step", "loss", "phase"])
        for step, (loss, name) in enumerate(zip(losses, names, strict=True), 1):
            writer.writerow([step, f"{loss:.4f}", name])


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint; a half-written one is removed."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    for path in reversed(found):
        try:
            json.loads((path / "trainer_state.json").read_text("utf-8"))  # it is written last
        except (OSError, ValueError):
            shutil.rmtree(path)
        else:
            return path
    return None


if __name__ == "__main__":
    run(adapt, Adapt)
