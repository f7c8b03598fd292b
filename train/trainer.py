"""The training loop: transformers' Trainer over batches whose order is settled before it starts.

Under torchrun each process takes its share of a step's batches: a step stays what it is with one.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from transformers import EarlyStoppingCallback, Trainer, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from train.batches import Batch
from train.checkpoints import last_checkpoint, state_of
from train.fused import fused, fusible
from train.model import Speaker
from train.processes import processes, shared
from train.progress import Bar
from train.quick import quickened
from train.softmax import Softmax, loss_of, softmax_over
from train.validation import HeldOut, Validation, bits_per_byte

if TYPE_CHECKING:
    from train.adapt import Adapt, Phase

LEAST_RATE = 0.1  # of the peak learning rate, at the last step
METRIC = "eval_bits_per_byte"


class Plan(torch.utils.data.Dataset[dict[str, Tensor]]):
    """The batches of a phase in the order of training, and what it is checked by.

    Args:
        own: the labels of all adapters that are compared: with one softmax they differ in data
            only.
    """

    def __init__(
        self, batches: Sequence[Batch], own: list[int], held: HeldOut | None = None
    ) -> None:
        self.batches = batches
        self.own = own
        self.held = held if held and held.examples else None

    def __len__(self) -> int:
        """Batches."""
        return len(self.batches)

    def __getitem__(self, at: int) -> dict[str, Tensor]:
        """One batch."""
        return tensors(self.batches[at])


def tensors(batch: Batch) -> dict[str, Tensor]:
    """What the model is given, and labels."""
    arrays = {**batch.inputs, "labels": batch.labels}
    return {name: torch.from_numpy(some) for name, some in arrays.items()}


class Run(NamedTuple):
    """What came of a phase."""

    losses: list[float]  # of each step
    checks: dict[int, float]  # by step, bits per byte of held-out text
    kept: int  # the step whose weights are kept


class SampledTrainer(Trainer):
    """Trainer whose loss is a sampled softmax, and whose check is the softmax over all tokens."""

    def __init__(  # noqa: PLR0913
        self,
        speaker: Speaker,
        plan: Plan,
        over: Softmax,
        arguments: TrainingArguments,
        optimizer: torch.optim.Optimizer,
        fuse: bool,
    ) -> None:
        super().__init__(
            model=speaker.model,
            args=arguments,
            train_dataset=plan,
            eval_dataset=plan if plan.held else None,
            data_collator=lambda batches: batches[0],
            optimizers=(optimizer, None),
        )
        self.model_accepts_loss_kwargs = False  # the loss is a mean: accumulated steps divide it
        self.speaker = speaker
        self.plan = plan
        self.over = over
        self.fuse = fuse

    def compute_loss(
        self,
        model: Any,  # noqa: ANN401
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,  # noqa: ANN401
    ) -> Tensor:
        """Mean over the learned tokens of the batch."""
        seed = self.args.seed + self.state.global_step
        return loss_of(self.speaker, inputs, self.over, seed, model)

    def training_step(self, *args: Any, **kwargs: Any) -> Tensor:  # noqa: ANN401
        """Forward and back."""
        with quickened(self.speaker), fused(self.speaker) if self.fuse else nullcontext():
            made: Tensor = super().training_step(*args, **kwargs)
        return made

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:  # noqa: ANN401
        """Bits per byte of the held-out text."""
        assert self.plan.held is not None
        tokens = max(batch.labels.size for batch in self.plan.batches)
        found = {METRIC: bits_per_byte(self.speaker, self.plan.held, tokens)}
        self.log(found)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, found)
        return found


def train(  # noqa: PLR0913
    speaker: Speaker,
    plan: Plan,
    params: "Adapt",
    phase: "Phase",
    optimizer: torch.optim.Optimizer,
    places: tuple[Path, str | None],
) -> Run:
    """Train in place, from the last checkpoint if any.

    Args:
        optimizer: of all phases: what it knows of the gradients goes on, the rate begins anew.
        places: folder of the checkpoints, and the name of the progress bar, if any.

    Raises:
        InputError: the processes cannot share a step's batches.
    """
    checkpoints, bar = places
    patience = params.validation.patience if params.validation and plan.held else None
    found = last_checkpoint(checkpoints)
    arguments = arguments_of(params, phase, plan, checkpoints)
    if found and patience and stopped(found, patience):
        arguments.max_steps = state_of(found)["global_step"]
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] = phase.learning_rate * group["share"]
    over = softmax_over(plan.own, speaker, params.sampled_tokens)
    fuse = params.compile and fusible(speaker, params.row_tokens)
    trainer = SampledTrainer(speaker, plan, over, arguments, optimizer, fuse)
    trainer.remove_callback(PrinterCallback)
    if patience:
        trainer.add_callback(EarlyStoppingCallback(patience))
    if bar and trainer.is_world_process_zero():
        trainer.add_callback(Bar(bar, plan.batches, params.accumulate))
    trainer.train(resume_from_checkpoint=str(found) if found else None)
    history = trainer.state.log_history
    checks = {int(entry["step"]): entry[METRIC] for entry in history if METRIC in entry}
    losses = [entry["loss"] for entry in history if "loss" in entry]
    kept = min(checks, key=lambda step: checks[step]) if patience else len(losses)
    return Run(losses, checks, kept)


def stopped(checkpoint: Path, patience: int) -> bool:
    """Whether the phase had ended before its last step."""
    known = state_of(checkpoint)["stateful_callbacks"]["EarlyStoppingCallback"]["attributes"]
    return int(known["early_stopping_patience_counter"]) >= patience


def arguments_of(
    params: "Adapt", phase: "Phase", plan: Plan, checkpoints: Path
) -> TrainingArguments:
    """What Trainer is told."""
    arguments = TrainingArguments(
        output_dir=str(checkpoints),
        per_device_train_batch_size=1,  # a batch of the plan
        gradient_accumulation_steps=shared(params.accumulate),
        activation_checkpointing=params.recompute,
        max_steps=phase.steps,
        learning_rate=phase.learning_rate,
        lr_scheduler_type="cosine_with_min_lr",
        lr_scheduler_kwargs={"min_lr_rate": LEAST_RATE},
        warmup_steps=phase.warmup_steps,
        weight_decay=0.0,
        optim="adamw_torch",
        train_sampling_strategy="sequential",
        logging_steps=1,
        save_total_limit=1,  # and the best
        report_to="none",
        seed=params.seed,
        use_cpu=not torch.cuda.is_available(),
        ddp_backend="gloo" if processes() > 1 and not torch.cuda.is_available() else None,
        dataloader_pin_memory=False,
        disable_tqdm=True,
        **checks(params.validation if plan.held else None, params.checkpoint_steps),
    )
    arguments._n_gpu = min(1, arguments.n_gpu)  # one device a process; torchrun starts more
    return arguments


def checks(validation: Validation | None, checkpoint_steps: int) -> dict[str, Any]:
    """What Trainer is told of checks; where it keeps the best, each check has a checkpoint."""
    if validation is None:
        return {"save_steps": checkpoint_steps}
    told = {"eval_strategy": "steps", "eval_steps": validation.every_steps}
    if validation.patience is None:
        return {**told, "save_steps": checkpoint_steps}
    return {
        **told,
        "save_steps": validation.every_steps,
        "load_best_model_at_end": True,
        "metric_for_best_model": METRIC,
        "greater_is_better": False,
    }


def optimizer_of(speaker: Speaker, params: "Adapt") -> torch.optim.Optimizer:
    """AdamW; each group of weights has its `share` of a phase's learning rate, as LoRA+ sets it."""
    plus = getattr(params.method, "plus", None)
    if plus is None:
        trained = [weight for weight in speaker.model.parameters() if weight.requires_grad]
        made: torch.optim.Optimizer = torch.optim.AdamW(trained, weight_decay=0.0)
    else:
        from peft.optimizers import create_loraplus_optimizer

        made = create_loraplus_optimizer(
            speaker.model, torch.optim.AdamW, lr=1.0, loraplus_lr_ratio=plus, weight_decay=0.0
        )
    for group in made.param_groups:
        group["share"] = group["lr"] if plus is not None else 1.0
    return made
