"""Tokens per CPU-second of adapt's loop beside Trainer with peft and trl's SFTTrainer, in one run.

    python -m benchmarks.loop MIXTURE HELD BASE TOKENIZER [STEPS] [LANGUAGE] [ARMS] [SEED]

All train the same LoRA and new tokens' rows on the same human texts of the mixture by causal
language modelling: batch shape, steps, learning rate, schedule and seed are those of params.yaml.
Each runs in a process and on a thread of its own. Packing: Trainer has rows cut from texts end to
end, as run_clm.py makes them; SFTTrainer its own, best-fit. Then bits per byte of the rows in HELD
by the softmax over all tokens, and the paired difference to ours. ARMS has semicolons between.
"""

import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import replace
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np

from corpus.settings import languages, load, section
from corpus.table import read
from train.adapt import COLUMNS, Adapt
from train.adapters import Lora, add_adapter, peft_config
from train.evaluate import Evaluate, chosen
from train.examples import texts_drawn
from train.fitting import learned, plan
from train.measure import bits, text_examples
from train.model import Speaker, load_base, one_thread
from train.scores import rate, size
from train.statistics import compare, interval
from train.tasks import taught_by
from train.trainer import LEAST_RATE, Plan, optimizer_of, train


class Places(NamedTuple):
    """What is read."""

    mixture: Path
    held: Path
    base: Path
    tokenizer: Path
    steps: int
    language: str
    seed: int


class Result(NamedTuple):
    """What one arm gave."""

    seconds: float  # of CPU, for the steps alone
    wall: float
    weights: str  # a digest of what was trained
    peak: float  # GB of memory
    spent: np.ndarray  # (n, 2) bits and bytes of each held-out text


Arm = Callable[
    [Speaker, Adapt, list[dict[str, Any]]], tuple[Callable[[], object], Callable[[], Any]]
]


def ours(  # noqa: PLR0913
    speaker: Speaker,
    params: Adapt,
    rows: list[dict[str, Any]],
    documents: bool = True,
    half: bool = True,
    quick: bool = True,
    threads: int = 1,
) -> tuple[Callable[[], object], Callable[[], Any]]:
    """The loop of adapt: documents apart or as one, bfloat16 or float32, quick layers or peft's."""
    import torch

    (batches,) = plan(params, rows, taught_by(params.tasks, rows, {}), speaker)
    if not documents:
        batches = [replace(b, inputs={"input_ids": b.inputs["input_ids"]}) for b in batches]
    if not half:
        speaker.model.float()
    speaker = add_adapter(speaker, params.method, params.seed)
    plan_ = Plan(batches, learned([[batches]]))
    optimizer = optimizer_of(speaker, params)

    def run() -> None:
        torch.set_num_threads(threads)
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            if not half:
                stack.enter_context(patch("torch.autocast", nothing))
            if not quick:
                stack.enter_context(patch("train.trainer.quickened", nothing))
            train(speaker, plan_, params, params.phases[0], optimizer, (Path(folder), None))

    return run, lambda: speaker.model


def nothing(*_: object, **__: object) -> AbstractContextManager[None]:
    """A block that changes nothing."""
    return nullcontext()


def shared(params: Adapt, folder: str, **more: object) -> dict[str, Any]:
    """What TrainingArguments of both peers are told."""
    phase = params.phases[0]
    return {
        "output_dir": folder,
        "per_device_train_batch_size": params.batch_rows,
        "max_steps": phase.steps,
        "learning_rate": phase.learning_rate,
        "lr_scheduler_type": "cosine_with_min_lr",
        "lr_scheduler_kwargs": {"min_lr_rate": LEAST_RATE},
        "warmup_steps": phase.warmup_steps,
        "weight_decay": 0.0,
        "optim": "adamw_torch",
        "save_strategy": "no",
        "report_to": "none",
        "seed": params.seed,
        "use_cpu": True,
        "dataloader_pin_memory": False,
        "disable_tqdm": True,
        **more,
    }


def trainer(
    speaker: Speaker, params: Adapt, rows: list[dict[str, Any]], weights: str, autocast: bool
) -> tuple[Callable[[], object], Callable[[], Any]]:
    """Plain Trainer over rows cut from the texts end to end."""
    import torch
    from datasets import Dataset
    from peft import get_peft_model
    from transformers import Trainer, TrainingArguments, default_data_collator

    (batches,) = plan(params, rows, taught_by(params.tasks, rows, {}), speaker)
    codes = [row.tolist() for batch in batches for row in batch.inputs["input_ids"]]
    data = Dataset.from_dict({"input_ids": codes, "labels": codes})
    torch.manual_seed(params.seed)
    assert isinstance(params.method, Lora)
    model = get_peft_model(
        speaker.model.to(getattr(torch, weights)), peft_config(params.method, speaker)
    )
    arguments = TrainingArguments(
        **shared(params, "scratch", bf16=autocast, train_sampling_strategy="sequential")
    )
    made = Trainer(model, arguments, train_dataset=data, data_collator=default_data_collator)
    return made.train, lambda: made.model


def sft_trainer(  # noqa: PLR0913
    speaker: Speaker,
    params: Adapt,
    rows: list[dict[str, Any]],
    weights: str,
    autocast: bool,
    recompute: bool = False,
) -> tuple[Callable[[], object], Callable[[], Any]]:
    """SFTTrainer with its packing."""
    import torch
    from datasets import Dataset
    from peft.utils.other import TrainableTokensWrapper
    from trl import SFTConfig, SFTTrainer

    TrainableTokensWrapper.bias = None  # trl 1.16 asks a tied output layer for it, and fails
    tokens = params.phases[0].steps * params.batch_rows * params.row_tokens
    drawn = texts_drawn(rows, speaker.encode, params.seed, tokens)
    texts = [text for _, text in islice(drawn, 2 * tokens // 8)]
    sizes = np.cumsum([len(code) + 1 for code in speaker.encode(texts)])
    texts = texts[: int(np.searchsorted(sizes, tokens * 1.1)) + 1]
    arguments = SFTConfig(
        **shared(params, "scratch", bf16=autocast),
        packing=True,
        max_length=params.row_tokens,
        gradient_checkpointing=recompute,
        dataset_text_field="text",
    )
    made = SFTTrainer(
        speaker.model.to(getattr(torch, weights)),
        args=arguments,
        train_dataset=Dataset.from_dict({"text": texts}),
        processing_class=speaker.tokenizer,
        peft_config=peft_config(params.method, speaker),
    )
    return made.train, lambda: made.model


ARMS: dict[str, tuple[Callable[..., Any], dict[str, Any], dict[str, Any]]] = {
    "ours": (ours, {}, {}),
    "ours, softmax over all tokens": (ours, {}, {"sampled_tokens": None}),
    "ours, documents not kept apart": (ours, {"documents": False}, {}),
    "ours, float32": (ours, {"half": False}, {"compile": False}),
    "ours, again": (ours, {}, {}),
    "ours, two threads": (ours, {"threads": 2}, {}),
    "ours, not compiled": (ours, {}, {"compile": False}),
    "ours, peft's layers": (ours, {"quick": False}, {"compile": False}),
    "Trainer, float32": (trainer, {"weights": "float32", "autocast": False}, {}),
    "Trainer, bfloat16 autocast": (trainer, {"weights": "float32", "autocast": True}, {}),
    "Trainer, bfloat16 weights": (trainer, {"weights": "bfloat16", "autocast": False}, {}),
    "Trainer, bfloat16 both": (trainer, {"weights": "bfloat16", "autocast": True}, {}),
    "SFTTrainer, float32": (sft_trainer, {"weights": "float32", "autocast": False}, {}),
    "SFTTrainer, bfloat16 autocast": (sft_trainer, {"weights": "float32", "autocast": True}, {}),
    "SFTTrainer, bfloat16 both": (sft_trainer, {"weights": "bfloat16", "autocast": True}, {}),
}


def measured(name: str, places: Places) -> Result:
    """Train one arm and measure it, in a process of its own."""
    one_thread()
    tree = load()
    make, how, changed = ARMS[name]
    changed = {**changed, "seed": places.seed}
    params = settled(section(Adapt, "adapt", tree), places.steps, changed)
    rows = read(places.mixture).select(COLUMNS).sort_by("id").to_pylist()
    rows = [row for row in rows if not row["synthetic"]]
    speaker = load_base(places.base, places.tokenizer)
    run, model = make(speaker, params, rows, **how)
    begun = sum(os.times()[:4]), time.monotonic()  # with the compiler that torch.compile starts
    run()
    seconds, wall = sum(os.times()[:4]) - begun[0], time.monotonic() - begun[1]
    weights = digest_of(model())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    found = section(Evaluate, "evaluate", tree)
    held = chosen(read(places.held), places.language, languages(tree)[1], found.most_texts)
    texts = [row["target"] for row in held]
    speaker = speaker.over(model())
    spent = bits(speaker, text_examples(speaker, texts), found.batch_tokens, name)
    both = np.array(list(zip(spent, map(size, texts), strict=True)))
    return Result(seconds, wall, weights, peak, both)


def digest_of(model: Any) -> str:  # noqa: ANN401
    """A digest of the trained weights."""
    found = sha256()
    for _, weight in sorted(model.named_parameters()):
        if weight.requires_grad:
            found.update(weight.detach().float().numpy().tobytes())
    return found.hexdigest()


def settled(params: Adapt, steps: int, changed: dict[str, Any]) -> Adapt:
    """The settings with the first phase alone, of so many steps."""
    (phase, *_) = params.phases
    phase = replace(phase, steps=steps)
    return replace(params, phases=(phase,), **changed)


def main(*words: str) -> None:
    """One line an arm."""
    mixture, held, base, tokenizer, *rest = words
    steps, language, names, seed = (*rest, *("95", "nah", "", "0")[len(rest) :])
    places = Places(*map(Path, (mixture, held, base, tokenizer)), int(steps), language, int(seed))
    params = settled(section(Adapt, "adapt", load()), places.steps, {})
    tokens = places.steps * params.batch_rows * params.row_tokens
    first: Result | None = None
    for name in names.split(";") if names else ARMS:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found = pool.apply(measured, (name, places))
        first = first or found
        told = interval(found.spent, rate, 1000, 0)
        beside = compare(first.spent, found.spent, rate, False, (1000, 0))
        print(
            f"{name}: {tokens / found.seconds:.0f} tokens a CPU-second, ours is "
            f"{found.seconds / first.seconds:.2f} x, by the clock {found.wall / first.wall:.2f} x; "
            f"{found.peak:.1f} GB; {'same' if found.weights == first.weights else 'other'} bytes; "
            f"bits per byte {told['value']:.3f} [{told['least']:.3f}, {told['most']:.3f}], ours "
            f"less it {beside['difference']:+.3f} [{beside['least']:+.3f}, {beside['most']:+.3f}]",
            flush=True,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
