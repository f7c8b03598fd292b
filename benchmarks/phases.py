"""Two phases against one at equal steps: what continued pre-training and tuning each give.

python -m benchmarks.phases MIXTURE HELD_OUT BASE TOKENIZER [LANGUAGE]

To choose settings give validation rows as HELD_OUT, to report test rows.
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.adapted import adapted
from corpus.settings import languages, load, section
from corpus.table import read
from train.adapt import COLUMNS, Adapt
from train.evaluate import Evaluate, chosen
from train.examples import asked, pair_example
from train.measure import bits, text_examples
from train.model import Speaker, load_base, one_thread
from train.scores import rate, size
from train.statistics import compare, interval

ARMS = {"clm, then sft": ("clm", "sft"), "clm alone": ("clm",), "sft alone": ("sft",)}


def main(mixture: str, test: str, base: str, tokenizer: str, language: str = "nah") -> None:
    """Print the bits per byte of each arm, and what the second phase changes."""
    one_thread()
    tree = load()
    params = section(Adapt, "adapt", tree)
    measured = section(Evaluate, "evaluate", tree)
    rows = [row for row in human(Path(mixture)) if not row["synthetic"]]
    held = chosen(read(Path(test)), language, languages(tree)[1], measured.most_texts)
    pairs = [row for row in held if row["source"]][: measured.most_pairs * 3]
    found: dict[str, dict[str, np.ndarray]] = {}
    for name, objectives in ARMS.items():
        spent = time.process_time()
        speaker = load_base(Path(base), Path(tokenizer))
        speaker = adapted(speaker, with_phases(params, objectives), rows)
        spent = time.process_time() - spent
        found[name] = spent_bits(speaker, params, held, pairs, measured.batch_tokens)
        told = {task: interval(some, rate, 1000, 0) for task, some in found[name].items()}
        print(f"{name}, {spent:.0f} CPU-s: {shown(told)}")
    two, *others = found
    for name in others:
        for task, some in found[name].items():
            told = compare(some, found[two][task], rate, False, (1000, 0))
            print(f"{name} over two phases, {task}: {told}")


def human(mixture: Path) -> list[dict[str, Any]]:
    """Rows of a mixture."""
    rows: list[dict[str, Any]] = read(mixture).select(COLUMNS).sort_by("id").to_pylist()
    return rows


def with_phases(params: Adapt, objectives: tuple[str, ...]) -> Adapt:
    """The settings with these phases; one alone takes the steps of all."""
    steps = sum(phase.steps for phase in params.phases)
    kept = [phase for phase in params.phases if phase.objective in objectives]
    if len(kept) == 1:
        rate_ = max(phase.learning_rate for phase in params.phases)
        kept = [type(kept[0])(kept[0].objective, steps, rate_, params.phases[0].warmup_steps)]
    return Adapt(**{**vars(params), "phases": tuple(kept)})


def spent_bits(
    speaker: Speaker, params: Adapt, held: list[Any], pairs: list[Any], batch_tokens: int
) -> dict[str, np.ndarray]:
    """(n, 2) by task: bits and bytes of each test row."""
    told = {
        "text": (text_examples(speaker, [r["target"] for r in held]), [r["target"] for r in held])
    }
    for task, backward in (("to_target", False), ("to_source", True)):
        sides = [asked(row, params.tasks.translation.prompt, backward) for row in pairs]
        examples = [pair_example(*side, speaker.encode, speaker.separator) for side in sides]
        told[task] = (examples, [answer for _, answer in sides])
    return {
        task: np.array(
            list(zip(bits(speaker, examples, batch_tokens, task), map(size, texts), strict=True))
        )
        for task, (examples, texts) in told.items()
    }


def shown(told: dict[str, Any]) -> str:
    """Intervals by task."""
    return "; ".join(
        f"{task} {x['value']:.3f} [{x['least']:.3f}, {x['most']:.3f}]" for task, x in told.items()
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
