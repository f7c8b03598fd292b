"""Two adapters for a language: on human rows, and on the whole mixture, with equal steps and seed.

One LoRA over the frozen base goes through two phases: target text, packed (continued pre-training),
then pairs both ways with the loss on the answers (supervised fine-tuning). The order of all rows is
fixed before the first step, so a killed run goes on from its last checkpoint to the same bytes.
"""

import csv
import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from corpus.settings import settings
from corpus.shards import Shards, map_shards
from corpus.stage import Output, run
from corpus.table import InputError, digest
from train.examples import (
    IGNORED,
    Example,
    Row,
    arrays,
    causal_rows,
    is_pair,
    pair_rows,
    taken,
    too_long,
)

if TYPE_CHECKING:
    from train.model import Speaker
    from train.trainer import Packed

PROMPT = "prompt.txt"  # what the adapters were asked with
CODE = ("adapt.py", "examples.py", "initialise.py", "model.py", "trainer.py")  # that trains
LIBRARIES = ("torch", "transformers", "peft", "tokenizers")
CHECKPOINTS = Path("scratch", "adapt")  # outside every output: a killed stage keeps them
COLUMNS = ["id", "source", "target", "source_language", "language"]  # of the mixture
COLUMNS += ["weight", "synthetic", "bitext", "order"]


@settings
class Adapt:
    """How long the adapters are trained, on what shape of rows, how hard."""

    rank: int  # of LoRA
    alpha: int  # LoRA's scale is alpha / rank
    learning_rate: float  # at its peak
    warmup_steps: int
    causal_steps: int  # of continued pre-training on target text
    tuning_steps: int  # of supervised fine-tuning on pairs
    batch_rows: int  # packed rows in a step
    row_tokens: int  # tokens in a packed row
    sampled_tokens: int | None  # other tokens of the softmax in a step; null: all
    prompt: str  # with {source_language}, {source} and {language}
    checkpoint_steps: int  # steps between checkpoints
    seed: int

    def __post_init__(self) -> None:
        counts = (self.rank, self.alpha, self.batch_rows, self.checkpoint_steps)
        if min(counts) < 1 or self.row_tokens < 8:
            raise ValueError(
                "rank, alpha, batch_rows and checkpoint_steps must be at least 1 and row_tokens at "
                f"least 8, got {counts} and {self.row_tokens}"
            )
        if min(self.causal_steps, self.tuning_steps, self.warmup_steps, self.seed) < 0:
            raise ValueError(f"steps and seed must be at least 0, got {self}")
        if self.causal_steps + self.tuning_steps < 1:
            raise ValueError("causal_steps + tuning_steps must be at least 1, got 0")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate}")
        check_prompt(self.prompt)


def check_prompt(prompt: str) -> None:
    """Check that a prompt holds the source and says the language asked for.

    Raises:
        ValueError: it lacks one of them, or has a field of its own.
    """
    try:
        told = prompt.format(source="\0", source_language="\1", language="\2")
    except (KeyError, IndexError, ValueError) as error:
        raise ValueError(f"prompt has an unknown field {error}, got {prompt!r}") from None
    if "\0" not in told or "\2" not in told:
        raise ValueError(f"prompt must hold {{source}} and {{language}}, got {prompt!r}")


@dataclass(frozen=True)
class Task:
    """What one process trains."""

    params: Adapt
    name: str
    sets: dict[str, list[Row]]  # the rows of this adapter, by its name, and of the other
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
    base: Path,
    tokenizer: Path,
    curves: Path,
    out: Path,
) -> Output:
    """Adapters `human` and `mixed` in `out`, and a curve of each in `curves`."""
    rows = mixture.select(COLUMNS).sort_by("id").to_pylist()
    sets = {"human": [row for row in rows if not row["synthetic"]], "mixed": rows}
    params = without_tuning(params, sets["human"])
    for name, some in sets.items():
        check_rows(params, some, f"{name} rows of {language}")
    folders = (base, tokenizer, out, CHECKPOINTS / language)
    tasks = [Task(params, name, sets, *folders, bar=name == "human") for name in sets]
    made = map_shards(fit, tasks, shards, f"adapt {language}")
    (out / PROMPT).write_text(params.prompt, "utf-8")
    shutil.rmtree(curves, ignore_errors=True)
    for name, (_, losses) in zip(sets, made, strict=True):
        write_curve(losses, params.causal_steps, curves / f"{name}.csv")
    facts = {name: facts for name, (facts, _) in zip(sets, made, strict=True)}
    return Output(report={**facts, "tuning_steps": params.tuning_steps})


def without_tuning(params: Adapt, rows: list[Row]) -> Adapt:
    """The settings, but no step of tuning for a language without any pair."""
    if params.causal_steps and not any(map(is_pair, rows)):
        return Adapt(**{**vars(params), "tuning_steps": 0})
    return params


def check_rows(params: Adapt, rows: list[Row], what: str) -> None:
    """Check that each phase has a row to train on.

    Raises:
        InputError: it has none.
    """
    heavy = [row for row in rows if row["weight"] > 0]
    if params.causal_steps and not any(row["target"] for row in heavy):
        raise InputError(f"{what}: none has a target text; set adapt.causal_steps to 0 or mix more")
    if params.tuning_steps and not any(is_pair(row) for row in heavy):
        raise InputError(f"{what}: none is a pair; set adapt.tuning_steps to 0 or mix more")


def fit(task: Task) -> tuple[dict[str, Any], list[float]]:
    """Train one adapter and save it; returns its figures and the loss of each step."""
    from train.model import add_adapter, load_base, one_thread, save_adapter
    from train.trainer import Packed, train

    one_thread()
    params = task.params
    speaker = load_base(task.base, task.tokenizer)
    plans = {n: taken(plan(params, r, speaker), planned_rows(params)) for n, r in task.sets.items()}
    packed = Packed(*arrays(plans[task.name]), learned(plans.values()))
    figures = figures_of(params, task.sets[task.name], plans[task.name], speaker)
    place = task.checkpoints / f"{task.name}-{key(task, packed)}"
    forget(place)
    speaker = add_adapter(speaker, params.rank, params.alpha, params.seed)
    losses = train(speaker, packed, params, place, task.name if task.bar else None)
    save_adapter(speaker, task.out / task.name)
    shutil.rmtree(place, ignore_errors=True)
    trained = sum(p.numel() for p in speaker.model.parameters() if p.requires_grad)
    last = losses[-max(1, len(losses) // 10) :]
    figures |= {
        "steps": len(losses),
        "trained_parameters": trained,
        "learned_tokens": int((packed.labels[:, 1:] != IGNORED).sum()),
        "final_loss": sum(last) / len(last),
    }
    return figures, losses


def figures_of(
    params: Adapt, rows: list[Row], plan: list[Example], speaker: "Speaker"
) -> dict[str, Any]:
    """What the mixture has, and how much of it the steps reach: distinct texts and pairs."""
    phases = params.causal_steps * params.batch_rows
    made = {row["id"] for row in rows if row["synthetic"]}
    texts = {name for example in plan[:phases] for name in example.names}
    pairs = {name for example in plan[phases:] for name in example.names}
    unused = too_long(rows, params.prompt, speaker.encode, params.row_tokens)
    return {
        "in_mixture": {
            "texts": len(rows),
            "pairs": sum(map(is_pair, rows)),
            "pairs_too_long": unused,
        },
        "drawn": {
            "texts": len(texts),
            "synthetic_texts": len(texts & made),
            "pairs": len(pairs),
            "synthetic_pairs": len(pairs & made),
        },
    }


def planned_rows(params: Adapt) -> int:
    """Packed rows of the whole run."""
    return (params.causal_steps + params.tuning_steps) * params.batch_rows


def plan(params: Adapt, rows: list[Row], speaker: "Speaker") -> Iterator[Example]:
    """The packed rows of the run: target text, then pairs."""
    shape = (speaker.separator, params.row_tokens, params.seed)
    phases: list[Iterator[Example]] = []
    if params.causal_steps:
        number = params.causal_steps * params.batch_rows
        causal = causal_rows(rows, speaker.encode, shape, number)
        phases.append(next(causal) for _ in range(number))
    if params.tuning_steps:
        number = params.tuning_steps * params.batch_rows
        phases.append(pair_rows(rows, params.prompt, speaker.encode, shape, number))
    return chain(*phases)


def learned(plans: Iterable[list[Example]]) -> list[int]:
    """The tokens that any of the adapters learns: with one softmax they differ in data only."""
    labels = {i for plan in plans for example in plan for i in example.labels}
    return sorted(labels - {IGNORED})


def key(task: Task, packed: "Packed") -> str:
    """A name for checkpoints that fit these settings, examples, models, code and libraries only."""
    models = sha256()
    for path in (*sorted(task.base.glob("*.safetensors")), *sorted(task.tokenizer.glob("*.json"))):
        models.update(path.read_bytes())
    data = sha256(b"".join(array.numpy().tobytes() for array in (packed.ids, packed.labels)))
    own = repr(packed.own)
    return digest(repr(task.params), data.hexdigest(), own, models.hexdigest(), recipe())


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


def write_curve(losses: list[float], causal_steps: int, path: Path) -> None:
    """The learning curve as CSV: step, loss, phase."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["step", "loss", "phase"])
        for step, loss in enumerate(losses, 1):
            phase = "causal" if step <= causal_steps else "tuning"
            writer.writerow([step, f"{loss:.4f}", phase])


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
