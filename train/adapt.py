"""Two adapters for a language: on human rows, and on the whole mixture, with equal steps and seed.

One LoRA over the frozen base goes through two phases: target text, packed (continued pre-training),
then pairs both ways with the loss on the answers (supervised fine-tuning). The order of all rows is
fixed before the first step, so a killed run goes on from its last checkpoint to the same bytes.
"""

import csv
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from corpus.settings import settings
from corpus.shards import Shards, map_shards
from corpus.stage import Output, run
from corpus.table import InputError, digest
from train.examples import Example, Row, causal_rows, is_pair, pair_rows, taken

if TYPE_CHECKING:
    from train.model import Speaker

PROMPT = "prompt.txt"  # what the adapters were asked with
CHECKPOINTS = Path("scratch", "adapt")  # outside every output: a killed stage keeps them
COLUMNS = ["id", "source", "target", "source_language", "language", "weight", "synthetic", "bitext"]


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
    rows: list[Row]
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
    for name, some in sets.items():
        check_rows(params, some, f"{name} rows of {language}")
    folders = (base, tokenizer, out, CHECKPOINTS / language)
    tasks = [Task(params, name, some, *folders, bar=name == "human") for name, some in sets.items()]
    made = map_shards(fit, tasks, shards, f"adapt {language}")
    (out / PROMPT).write_text(params.prompt, "utf-8")
    shutil.rmtree(curves, ignore_errors=True)
    for name, (_, losses) in zip(sets, made, strict=True):
        write_curve(losses, params.causal_steps, curves / f"{name}.csv")
    return Output(report={name: facts for name, (facts, _) in zip(sets, made, strict=True)})


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
    from train.trainer import train

    one_thread()
    params = task.params
    speaker = load_base(task.base, task.tokenizer)
    examples = taken(plan(params, task.rows, speaker), planned_rows(params))
    speaker = add_adapter(speaker, params.rank, params.alpha, params.seed)
    place = task.checkpoints / f"{task.name}-{key(params, examples, task.base)}"
    losses = train(speaker, examples, params, place, task.name if task.bar else None)
    save_adapter(speaker, task.out / task.name)
    shutil.rmtree(place, ignore_errors=True)
    trained = sum(p.numel() for p in speaker.model.parameters() if p.requires_grad)
    learned = int((examples[1][:, 1:] != -100).sum())
    last = losses[-max(1, len(losses) // 10) :]
    figures = {
        "rows": len(task.rows),
        "pairs": sum(map(is_pair, task.rows)),
        "steps": len(losses),
        "trained_parameters": trained,
        "learned_tokens": learned,
        "final_loss": sum(last) / len(last),
    }
    return figures, losses


def planned_rows(params: Adapt) -> int:
    """Packed rows of the whole run."""
    return (params.causal_steps + params.tuning_steps) * params.batch_rows


def plan(params: Adapt, rows: list[Row], speaker: "Speaker") -> Iterator[Example]:
    """The packed rows of the run: target text, then pairs."""
    shape = (speaker.separator, params.row_tokens, params.seed)
    phases: list[Iterator[Example]] = []
    if params.causal_steps:
        causal = causal_rows(rows, speaker.encode, shape)
        phases.append(next(causal) for _ in range(params.causal_steps * params.batch_rows))
    if params.tuning_steps:
        phases.append(pair_rows(rows, params.prompt, speaker.encode, shape))
    return chain(*phases)


def key(params: Adapt, examples: tuple[np.ndarray, np.ndarray], base: Path) -> str:
    """A name for checkpoints that fit these settings, examples and base only."""
    weights = sha256()
    for path in sorted(base.glob("*.safetensors")):
        weights.update(path.read_bytes())
    data = sha256(b"".join(array.tobytes() for array in examples))
    return digest(repr(params), data.hexdigest(), weights.hexdigest())


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
