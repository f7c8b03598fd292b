"""What each method of peft learns of a language in the same CPU-seconds, and what it costs.

    python -m benchmarks.adapters [CPU-seconds of training] [folder of a run] [test rows]

Reads models/base, models/tokenizer/nah, data/mix/nah/rows and data/split/test of the run. Each
method continues pre-training (clm) on the same rows in the same order, for as many steps as fit
into the seconds at the pace of its own first steps, compiling left out. The rates are each
method's usual ones beside LoRA's, chosen before, not tuned here.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from corpus.settings import languages, load, section
from corpus.table import read
from train.adapt import COLUMNS, Adapt, Phase
from train.adapters import Full, Ia3, Lora, Method, add_adapter, save_adapter
from train.evaluate import chosen
from train.examples import Row
from train.fitting import learned, plan, trained
from train.scores import rate, size
from train.statistics import compare, interval
from train.tasks import Taught, taught_by

LORA = Lora("lora", rank=16, alpha=32, rslora=False, dora=False, plus=None, layers=None, bits=None)
METHODS: dict[str, tuple[Method, float]] = {  # and the peak of its learning rate
    "LoRA": (LORA, 1e-3),
    "DoRA": (replace(LORA, dora=True), 1e-3),
    "QLoRA": (replace(LORA, bits=4), 1e-3),
    "full": (Full("full"), 1e-4),  # a tenth of LoRA's: Biderman et al. 2024
    "IA3": (Ia3("ia3", bits=None), 3e-3),  # T-Few's
    "rsLoRA": (replace(LORA, rslora=True), 1e-3),
    "LoRA+": (replace(LORA, plus=16.0), 5e-4),  # half of LoRA's, as peft advises
}
TRIAL = 3  # steps
LONGEST = 500  # steps that any of them may take
DRAW = (2000, 0)  # resamples and seed


class Run(NamedTuple):
    """What there is to learn from and to be asked."""

    folder: Path
    params: Adapt
    rows: list[Row]
    taught: Taught
    texts: list[str]
    own: list[int]  # tokens that any method may learn: all have one softmax

    def speaker(self, bits: int | None) -> Any:  # noqa: ANN401
        """The base."""
        from train.model import load_base

        return load_base(
            self.folder / "models/base", self.folder / "models/tokenizer/nah", bits=bits
        )


def phase(steps: int, rate: float) -> Phase:
    """Continued pre-training."""
    return Phase("clm", steps, rate, warmup_steps=max(1, steps // 20))


def fitted(run: Run, method: Method, steps: int, rate: float) -> tuple[Any, float, int]:
    """The model after so many steps, their CPU-seconds, and the tokens that it learned from."""
    from train.trainer import Plan, optimizer_of, train

    speaker = run.speaker(getattr(method, "bits", None))
    params = replace(run.params, method=method, phases=(phase(steps, rate),))
    (batches,) = plan(params, run.rows, run.taught, speaker)
    speaker = add_adapter(speaker, method, params.seed)
    optimizer = optimizer_of(speaker, params)
    with tempfile.TemporaryDirectory() as scratch:
        begun = time.process_time()
        places = (Path(scratch), None)
        train(speaker, Plan(batches, run.own), params, params.phases[0], optimizer, places)
        spent = time.process_time() - begun
    return speaker, spent, sum(batch.labels.size for batch in batches)


def spent_bits(run: Run, speaker: Any, name: str) -> np.ndarray:  # noqa: ANN401
    """(n, 2): bits and bytes of each test text, by the softmax over all tokens."""
    from train.measure import bits, text_examples

    found = bits(speaker, text_examples(speaker, run.texts), 2048, name)
    return np.column_stack([found, [size(text) for text in run.texts]])


def stored(speaker: Any) -> float:  # noqa: ANN401
    """Megabytes of what is saved."""
    with tempfile.TemporaryDirectory() as folder:
        save_adapter(speaker, Path(folder))
        return sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e6


def told(found: dict[str, Any], name: str) -> str:
    """A figure and its interval."""
    return f"{found[name]:.3f} ({found['least']:.3f} to {found['most']:.3f})"


def line(cells: Sequence[object]) -> None:
    """A row of the table."""
    print("|", " | ".join(map(str, cells)), "|", flush=True)


def main(seconds: float, folder: Path, most: int) -> None:
    """One row a method."""
    from train.model import one_thread

    one_thread()
    tree = load(folder / "params.yaml")
    test = chosen(read(folder / "data/split/test"), "nah", languages(tree)[1], most)
    rows = read(folder / "data/mix/nah/rows", COLUMNS).sort_by("id").to_pylist()
    params = section(Adapt, "adapt", load())
    taught = taught_by(params.tasks, rows, {})
    run = Run(folder, params, rows, taught, [row["target"] for row in test], [])
    speaker = run.speaker(None)
    long = replace(params, phases=(phase(LONGEST, 1.0),))
    run = run._replace(own=learned([plan(long, rows, run.taught, speaker)]))
    base = spent_bits(run, speaker, "base")
    heads = ("method", "rate", "steps", "CPU-s", "tokens/CPU-s", "trained", "MB", "bits per byte")
    line((*heads, "less LoRA"))
    line(["---"] * 9)
    line(("base", "", 0, 0, "", 0, 0, told(interval(base, rate, *DRAW), "value"), ""))
    lora = base
    for name, (method, peak) in METHODS.items():
        fitted(run, method, TRIAL, peak)  # what is compiled is compiled once
        _, trial, _ = fitted(run, method, TRIAL, peak)
        steps = max(1, round(seconds * TRIAL / trial))
        speaker, spent, tokens = fitted(run, method, steps, peak)
        count = trained(speaker)
        megabytes = stored(speaker)  # a full model is what it is when it is stored
        found = spent_bits(run, speaker, name)
        lora = found if name == "LoRA" else lora
        gap = "" if name == "LoRA" else told(compare(found, lora, rate, False, DRAW), "difference")
        value = told(interval(found, rate, *DRAW), "value")
        costs = (f"{spent:.0f}", f"{tokens / spent:.0f}", count, f"{megabytes:.1f}")
        line((name, peak, steps, *costs, value, gap))


if __name__ == "__main__":
    seconds, folder, most = [*sys.argv[1:], *["120", ".", "200"][len(sys.argv) - 1 :]]
    main(float(seconds), Path(folder), int(most))
