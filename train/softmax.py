"""The loss: a softmax over the tokens that can occur, and a sample of the others.

A softmax over the corpus's own tokens alone would leak: it never learns to keep probability from
the others. So a sample of the others joins them in every step, weighted by how many it stands for.
"""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from train.examples import IGNORED
from train.model import Head, Speaker, features, head, scores
from train.quick import head_of


class Softmax(NamedTuple):
    """The tokens that every step scores, the others, and how many of them join in a step."""

    own: Tensor  # (K,) sorted token ids
    others: Tensor  # (V - K,)
    sampled: int

    def drawn(self, seed: int) -> Tensor:
        """(S,): tokens drawn from the others for one step."""
        if not self.sampled:
            return self.others[:0]
        generator = torch.Generator().manual_seed(seed)
        return self.others[torch.randint(len(self.others), (self.sampled,), generator=generator)]


def softmax_over(seen: list[int], speaker: Speaker, sampled_tokens: int | None) -> Softmax:
    """The softmax over the labels seen and the new tokens; over all where nothing is sampled."""
    own = torch.ones(len(head(speaker).rows), dtype=torch.bool)
    if sampled_tokens is not None:
        own[:] = False
        own[seen] = True
        own[list(speaker.new_ids)] = True
    others = (~own).nonzero().flatten()
    return Softmax(own.nonzero().flatten(), others, min(sampled_tokens or 0, len(others)))


def loss_of(
    speaker: Speaker,
    batch: dict[str, Tensor],
    over: Softmax,
    seed: int,
    wrapped: Any = None,  # noqa: ANN401
) -> Tensor:
    """Mean cross-entropy of the learned tokens of a batch, under bfloat16 autocast.

    Args:
        batch: what the model is given, and labels.
        seed: of the step's sample.
        wrapped: the model inside what spreads it over devices, if anything does.
    """
    inputs = {name: some for name, some in batch.items() if name != "labels"}
    labels = batch["labels"]
    learned = labels != IGNORED
    with torch.autocast(labels.device.type, torch.bfloat16):
        if not speaker.plain:
            logits = (wrapped or speaker.model)(**inputs).logits[learned].float()
            return F.cross_entropy(logits, labels[learned])
        states = features(speaker, inputs, wrapped)[learned]
        own, drawn = over.own.to(labels.device), over.drawn(seed).to(labels.device)
        by = head_of(speaker, torch.cat([own, drawn]))
        return sampled_loss(states, labels[learned], by, own, len(over.others))


def sampled_loss(states: Tensor, labels: Tensor, by: Head, own: Tensor, others: int) -> Tensor:
    """Cross-entropy over the own tokens and a sample of the others, in natural log.

    Args:
        states: (N, D) hidden states.
        labels: (N,) token ids, all among `own`.
        by: output layer of the own tokens, then of those drawn evenly from the others.
        own: (K,) sorted token ids.
        others: tokens that are not own.

    Source: Jean et al. 2015, https://arxiv.org/abs/1412.2007
    """
    logits = scores(states, by)
    if drawn := logits.shape[-1] - len(own):
        logits[:, len(own) :] += math.log(others / drawn)
    return F.cross_entropy(logits, torch.searchsorted(own, labels))
