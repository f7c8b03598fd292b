"""Which checkpoints a run may go on from: of the same settings, examples, models and code only."""

import json
import shutil
from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.table import digest

if TYPE_CHECKING:
    from train.trainer import Plan

CODE = ["adapt.py", "adapters.py", "answers.py", "batches.py", "chat.py", "examples.py"]
CODE += ["families.py", "fitting.py", "fused.py", "hiding.py", "initialise.py", "measure.py"]
CODE += ["model.py", "objectives.py", "probes.py", "prompts.py", "quantised.py", "quick.py"]
CODE += ["sides.py", "softmax.py", "stacked.py", "tasks.py", "titles.py", "trainer.py"]
CODE += ["validation.py"]  # that trains
LIBRARIES = ("torch", "transformers", "peft", "tokenizers", "accelerate")


def key(params: object, models: Iterable[Path], plans: "Sequence[Plan]", runs_on: object) -> str:
    """A name for checkpoints that fit these settings, examples, models, code and libraries only.

    Args:
        models: folders of the base and of its tokenizer.
        plans: of all phases: what is trained on, and what it is checked by.
        runs_on: what else settles the last bits.
    """
    weights = sha256()
    for folder in models:
        for path in sorted(p for end in ("safetensors", "json") for p in folder.glob(f"*.{end}")):
            weights.update(path.read_bytes())
    data = sha256()
    for plan in plans:
        data.update(repr(plan.held).encode())
        for batch in plan.batches:
            for array in (*batch.inputs.values(), batch.labels):
                data.update(repr(array.shape).encode() + array.tobytes())
    settled = repr((params, plans[0].own, runs_on))
    return digest(settled, data.hexdigest(), weights.hexdigest(), recipe())


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
            shutil.rmtree(path, ignore_errors=True)


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint; a half-written one is removed."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    for path in reversed(found):
        try:
            state_of(path)
        except (OSError, ValueError):
            shutil.rmtree(path, ignore_errors=True)
        else:
            return path
    return None


def state_of(checkpoint: Path) -> dict[str, Any]:
    """The trainer's state in a checkpoint; it is written last.

    Raises:
        OSError, ValueError: it is half-written.
    """
    state: dict[str, Any] = json.loads((checkpoint / "trainer_state.json").read_text("utf-8"))
    return state
