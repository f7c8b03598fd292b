"""The same sums with fewer passes over memory: what peft's layers compute, while training.

On a CPU half of a step of a small model went into copies: each low-rank update cast its input to
float32 and back, scaled and added arrays of the whole output's size; and each use of the trained
rows of new tokens copied the whole table of embeddings, and filled its gradient. Here a layer's
update is added by the product itself, and new tokens' rows are looked up beside the table.
Only layers whose sums are known are quickened: plain LoRA over plain linear layers, and rows over
plain embeddings; saved weights, and a model that is only asked, are peft's own.
`train/fused.py` then compiles what lies between the products.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from train.initialise import rows_of
from train.model import Head, Speaker


class Updated(torch.autograd.Function):
    """x W' + b + s (x A') B', for a frozen W, in the type that autocast asks for."""

    @staticmethod
    def forward(  # noqa: PLR0913
        ctx: Any,  # noqa: ANN401
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        a: Tensor,
        b: Tensor,
        scale: float,
    ) -> Tensor:
        """The output; x of any leading shape."""
        kind = x.dtype
        if torch.is_autocast_enabled(x.device.type):
            kind = torch.get_autocast_dtype(x.device.type)
        flat = x.reshape(-1, x.shape[-1]).to(kind)
        full, down, up = weight.to(kind), a.to(kind), (b * scale).to(kind)
        inner = flat @ down.T
        out = F.linear(flat, full, None if bias is None else bias.to(kind))
        out.addmm_(inner, up.T)
        ctx.save_for_backward(flat, full, down, up, inner)
        ctx.scale, ctx.kind, ctx.shape = scale, x.dtype, x.shape
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        """Gradients of x, A and B."""
        flat, full, down, up, inner = ctx.saved_tensors
        given = gradients[0].reshape(len(flat), -1).to(flat.dtype)
        through = given @ up
        of_x = None
        if ctx.needs_input_grad[0]:
            of_x = (given @ full).addmm_(through, down).view(ctx.shape).to(ctx.kind)
        of_a, of_b = (through.T @ flat).float(), (given.T @ inner).float().mul_(ctx.scale)
        return of_x, None, None, of_a, of_b, None


def updated(layer: Any, x: Tensor) -> Tensor:  # noqa: ANN401
    """What a LoRA layer of peft says."""
    name = layer.active_adapters[0]
    base = layer.base_layer
    a, b = layer.lora_A[name].weight, layer.lora_B[name].weight
    made: Tensor = Updated.apply(x, base.weight, base.bias, a, b, layer.scaling[name])
    return made


@cache
def updated_linear() -> type:
    """The class of a LoRA layer of peft whose output is `updated`."""
    from peft.tuners.lora import Linear

    return type("UpdatedLinear", (Linear,), {"forward": updated})


def is_simple(layer: object) -> bool:
    """Whether `updated` says what the layer does: one plain LoRA over one plain linear layer."""
    from peft.tuners.lora import Linear

    if type(layer) is not Linear or type(layer.base_layer) is not nn.Linear:
        return False
    (name, *others) = layer.active_adapters
    return not (
        others
        or layer.lora_variant
        or layer.merged
        or layer.base_layer.weight.requires_grad
        or layer.lora_A[name].bias is not None
        or layer.lora_B[name].bias is not None
        or not isinstance(layer.lora_dropout[name], nn.Identity)
    )


def embedded(tokens: Any, places: Tensor, ids: Tensor) -> Tensor:  # noqa: ANN401
    """What an embedding layer with trained rows says.

    Args:
        places: (V,) the place of each token among the trained, or -1.
    """
    table = tokens.base_layer.weight
    return beside(F.embedding(ids, table), trained_rows(tokens), places[ids])


def beside(rows: Tensor, trained: Tensor, places: Tensor) -> Tensor:
    """The rows, but the trained one where there is a place."""
    known = F.embedding(places.clamp(min=0), trained).to(rows.dtype)
    return torch.where((places >= 0).unsqueeze(-1), known, rows)


def trained_rows(tokens: Any) -> Tensor:  # noqa: ANN401
    """(N, D): the rows of the new tokens."""
    rows: Tensor = tokens.trainable_tokens_delta[tokens.active_adapters[0]]
    return rows


def places_of(tokens: Any) -> Tensor:  # noqa: ANN401
    """(V,): the place of each token among the trained, or -1."""
    weight = tokens.base_layer.weight
    index = torch.tensor(tokens.token_indices[tokens.active_adapters[0]], device=weight.device)
    places = torch.full((len(weight),), -1, device=weight.device)
    places[index] = torch.arange(len(index), device=weight.device)
    return places


def head_of(speaker: Speaker, tokens: Tensor) -> Head:
    """The output layer of some tokens."""
    from peft.utils.other import TrainableTokensWrapper

    layer = speaker.model.get_output_embeddings()
    bias = getattr(getattr(layer, "original_module", layer), "bias", None)
    bias = None if bias is None else bias[tokens]
    if not isinstance(layer, TrainableTokensWrapper):
        return Head(rows_of(layer)[tokens], bias)
    own: Any = layer.token_adapter
    rows = beside(own.base_layer.weight[tokens], trained_rows(own), places_of(own)[tokens])
    return Head(rows, bias)


@contextmanager
def quickened(speaker: Speaker) -> Iterator[None]:
    """A block in which the model's simple layers say what they say with less work."""
    from peft.tuners.lora import Linear
    from peft.tuners.trainable_tokens import TrainableTokensLayer

    linear: list[Any] = []
    tokens: list[Any] = []
    layer: Any
    for layer in speaker.model.modules():
        if is_simple(layer):
            layer.__class__ = updated_linear()  # a class of its own: all are compiled as one
            linear.append(layer)
        elif isinstance(layer, TrainableTokensLayer) and type(layer.base_layer) is nn.Embedding:
            vars(layer)["forward"] = partial(embedded, layer, places_of(layer))
            tokens.append(layer)
    try:
        yield
    finally:
        for layer in linear:
            layer.__class__ = Linear
        for layer in tokens:
            del layer.forward
