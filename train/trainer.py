"""The training loop: transformers' Trainer with a softmax over the tokens that can occur.

A softmax over the corpus's own tokens alone would leak: it never learns to keep probability from
the others. So a sample of the others joins them in every step, weighted by how many it stands for.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from tqdm import tqdm
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from train.adapt import last_checkpoint
from train.examples import IGNORED
from train.model import Speaker, hidden, output_rows, scores

if TYPE_CHECKING:
    from train.adapt import Adapt

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
        packed: "Packed",
        arguments: TrainingArguments,
    ) -> None:
        super().__init__(model=speaker.model, args=arguments, train_dataset=packed)
        self.speaker = speaker
        self.own, self.others = vocabulary(packed.own, speaker, sampled_tokens)
        self.sampled_tokens = min(sampled_tokens or 0, len(self.others))

    def compute_loss(
        self,
        model: Any,  # noqa: ANN401
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,  # noqa: ANN401
    ) -> Tensor:
        """Mean over the learned tokens of the batch."""
        ids, labels = inputs["input_ids"], inputs["labels"][:, 1:]
        learned = labels != IGNORED
        with torch.autocast(ids.device.type, torch.bfloat16):
            states = hidden(self.speaker, ids)[:, :-1][learned]
            generator = torch.Generator().manual_seed(self.args.seed + self.state.global_step)
            return sampled_loss(
                states,
                labels[learned],
                output_rows(self.speaker),
                self.own.to(ids.device),
                self.sample(generator).to(ids.device),
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
    size = len(output_rows(speaker))
    own = torch.ones(size, dtype=torch.bool)
    if sampled_tokens is not None:
        own[:] = False
        own[seen] = True
        own[list(speaker.new_ids)] = True
    return own.nonzero().flatten(), (~own).nonzero().flatten()


def sampled_loss(  # noqa: PLR0913
    states: Tensor, labels: Tensor, rows: Tensor, own: Tensor, drawn: Tensor, others: int
) -> Tensor:
    """Cross-entropy over the own tokens and a sample of the others, in natural log.

    Args:
        states: (N, D) hidden states.
        labels: (N,) token ids, all among `own`.
        rows: (V, D) output layer.
        own: (K,) sorted token ids.
        drawn: (S,) token ids, drawn evenly from the `others` that are not own.

    Source: Jean et al. 2015, https://arxiv.org/abs/1412.2007
    """
    logits = scores(states, rows[own])
    if len(drawn):
        correction = math.log(others / len(drawn))
        logits = torch.cat([logits, scores(states, rows[drawn]) + correction], dim=-1)
    return F.cross_entropy(logits, torch.searchsorted(own, labels))


class Packed(torch.utils.data.Dataset[dict[str, Tensor]]):
    """Packed rows in the order of training.

    Args:
        own: the labels of all adapters that are compared: with one softmax they differ in data
            only.
    """

    def __init__(self, ids: np.ndarray, labels: np.ndarray, own: list[int]) -> None:
        self.ids = torch.from_numpy(ids)
        self.labels = torch.from_numpy(labels)
        self.own = own

    def __len__(self) -> int:
        """Packed rows."""
        return len(self.ids)

    def __getitem__(self, at: int) -> dict[str, Tensor]:
        """One packed row."""
        return {"input_ids": self.ids[at], "labels": self.labels[at]}


def train(
    speaker: Speaker,
    packed: Packed,
    params: "Adapt",
    checkpoints: Path,
    bar: str | None,
) -> list[float]:
    """Train the adapter in place, from the last checkpoint if any; the loss of each step."""
    arguments = TrainingArguments(
        output_dir=str(checkpoints),
        per_device_train_batch_size=params.batch_rows,
        max_steps=len(packed) // params.batch_rows,
        learning_rate=params.learning_rate,
        lr_scheduler_type="cosine_with_min_lr",
        lr_scheduler_kwargs={"min_lr_rate": LEAST_RATE},
        warmup_steps=params.warmup_steps,
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
    arguments._n_gpu = min(1, arguments.n_gpu)  # one device an adapter
    trainer = SampledTrainer(speaker, params.sampled_tokens, packed, arguments)
    trainer.remove_callback(PrinterCallback)
    if bar:
        trainer.add_callback(Bar(bar))
    found = last_checkpoint(checkpoints)
    trainer.train(resume_from_checkpoint=str(found) if found else None)
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
