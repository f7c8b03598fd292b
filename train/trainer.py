"""The training loop: transformers' Trainer with a softmax over the tokens that can occur.

A softmax over the corpus's own tokens alone would leak: it never learns to keep probability from
the others. So a sample of the others joins them in every step, weighted by how many it stands for.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from tqdm import tqdm
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from train.adapt import last_checkpoint
from train.batches import Batch
from train.examples import IGNORED
from train.model import Head, Speaker, features, head, scores

if TYPE_CHECKING:
    from train.adapt import Adapt, Phase

LEAST_RATE = 0.1  # of the peak learning rate, at the last step


class Bar(TrainerCallback):
    """A progress bar of the steps."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.bar: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Begin where the run goes on."""
        self.bar = tqdm(total=state.max_steps, initial=state.global_step, desc=self.name)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """One step more."""
        self.bar.update()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Close the bar."""
        self.bar.close()


class SampledTrainer(Trainer):
    """Trainer whose loss is a sampled softmax under bfloat16 autocast."""

    def __init__(
        self,
        speaker: Speaker,
        sampled_tokens: int | None,
        plan: "Plan",
        arguments: TrainingArguments,
        optimizer: torch.optim.Optimizer,
    ) -> None:
        super().__init__(
            model=speaker.model,
            args=arguments,
            train_dataset=plan,
            data_collator=lambda batches: batches[0],
            optimizers=(optimizer, None),
        )
        self.model_accepts_loss_kwargs = False  # the loss is a mean: accumulated steps divide it
        self.speaker = speaker
        self.own, self.others = vocabulary(plan.own, speaker, sampled_tokens)
        self.sampled_tokens = min(sampled_tokens or 0, len(self.others))

    def compute_loss(
        self,
        model: Any,  # noqa: ANN401
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,  # noqa: ANN401
    ) -> Tensor:
        """Mean over the learned tokens of the batch."""
        labels = inputs.pop("labels")
        learned = labels != IGNORED
        with torch.autocast(labels.device.type, torch.bfloat16):
            if not self.speaker.plain:
                logits = model(**inputs).logits[learned].float()
                return F.cross_entropy(logits, labels[learned])
            states = features(self.speaker, inputs, model)[learned]
            generator = torch.Generator().manual_seed(self.args.seed + self.state.global_step)
            return sampled_loss(
                states,
                labels[learned],
                head(self.speaker),
                self.own.to(labels.device),
                self.sample(generator).to(labels.device),
                len(self.others),
            )

    def sample(self, generator: torch.Generator) -> Tensor:
        """Tokens drawn from the others, for one step."""
        if not self.sampled_tokens:
            return self.others[:0]
        return self.others[
            torch.randint(len(self.others), (self.sampled_tokens,), generator=generator)
        ]


def vocabulary(
    seen: list[int], speaker: Speaker, sampled_tokens: int | None
) -> tuple[Tensor, Tensor]:
    """The tokens that every step scores, and the others: none where nothing is sampled."""
    size = len(head(speaker).rows)
    own = torch.ones(size, dtype=torch.bool)
    if sampled_tokens is not None:
        own[:] = False
        own[seen] = True
        own[list(speaker.new_ids)] = True
    return own.nonzero().flatten(), (~own).nonzero().flatten()


def sampled_loss(  # noqa: PLR0913
    states: Tensor, labels: Tensor, by: Head, own: Tensor, drawn: Tensor, others: int
) -> Tensor:
    """Cross-entropy over the own tokens and a sample of the others, in natural log.

    Args:
        states: (N, D) hidden states.
        labels: (N,) token ids, all among `own`.
        by: output layer.
        own: (K,) sorted token ids.
        drawn: (S,) token ids, drawn evenly from the `others` that are not own.

    Source: Jean et al. 2015, https://arxiv.org/abs/1412.2007
    """
    logits = scores(states, by.of(own))
    if len(drawn):
        correction = math.log(others / len(drawn))
        logits = torch.cat([logits, scores(states, by.of(drawn)) + correction], dim=-1)
    return F.cross_entropy(logits, torch.searchsorted(own, labels))


class Plan(torch.utils.data.Dataset[dict[str, Tensor]]):
    """The batches of a phase in the order of training.

    Args:
        own: the labels of all adapters that are compared: with one softmax they differ in data
            only.
    """

    def __init__(self, batches: Sequence[Batch], own: list[int]) -> None:
        self.batches = batches
        self.own = own

    def __len__(self) -> int:
        """Batches."""
        return len(self.batches)

    def __getitem__(self, at: int) -> dict[str, Tensor]:
        """One batch."""
        batch = self.batches[at]
        return {k: torch.from_numpy(v) for k, v in {**batch.inputs, "labels": batch.labels}.items()}


def train(  # noqa: PLR0913
    speaker: Speaker,
    plan: Plan,
    params: "Adapt",
    phase: "Phase",
    optimizer: torch.optim.Optimizer,
    places: tuple[Path, str | None],
) -> list[float]:
    """Train in place, from the last checkpoint if any; the loss of each step.

    Args:
        optimizer: of all phases: what it knows of the gradients goes on, the rate begins anew.
        places: folder of the checkpoints, and the name of the progress bar, if any.
    """
    checkpoints, bar = places
    arguments = TrainingArguments(
        output_dir=str(checkpoints),
        per_device_train_batch_size=1,  # a batch of the plan
        gradient_accumulation_steps=params.accumulate,
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
        save_steps=params.checkpoint_steps,
        save_total_limit=1,
        report_to="none",
        seed=params.seed,
        use_cpu=not torch.cuda.is_available(),
        dataloader_pin_memory=False,
        disable_tqdm=True,
    )
    arguments._n_gpu = min(1, arguments.n_gpu)  # one device a process; torchrun starts more
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] = phase.learning_rate * group["share"]
    trainer = SampledTrainer(speaker, params.sampled_tokens, plan, arguments, optimizer)
    trainer.remove_callback(PrinterCallback)
    if bar:
        trainer.add_callback(Bar(bar))
    found = last_checkpoint(checkpoints)
    trainer.train(resume_from_checkpoint=str(found) if found else None)
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


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
