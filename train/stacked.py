"""An adapter of a variety over its language's: both at work, the variety's part alone trained.

Low-rank updates add, so two of them are one whose rank is the sum. The language's adapter is
widened by the variety's rank, and what it was is kept from gradients: training, checkpoints and
saving see one adapter. Saved is the whole, which loads like any adapter, and in its folder `own`
the variety's part, small, which peft stacks with the language's adapter.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.table import InputError
from train.adapters import CONFIG, ROWS, Lora, Method, save_adapter

if TYPE_CHECKING:
    from torch import Tensor

    from train.model import Speaker

LANGUAGE = "mixed"  # the adapter that the varieties go on from
ALL = "all"  # goes on as theirs do, with rows of every variety
OWN = "own"  # the variety's part alone
WEIGHTS = "adapter_model.safetensors"
NAME = "default"  # of the adapter within peft


def stackable(method: Method) -> Lora:
    """The method, as one whose updates add.

    Raises:
        InputError: they do not.
    """
    if not isinstance(method, Lora) or method.dora:
        said = "dora: true" if isinstance(method, Lora) else f"kind: {method.kind}"
        raise InputError(
            "varieties: a variety's adapter goes over a LoRA that is no DoRA, and adapt.method "
            f"has {said}; change it, or set varieties.codes to null"
        )
    return method


def widened(speaker: "Speaker", method: Method, seed: int) -> "Speaker":
    """The model with the rank of its adapter raised by `method.rank`; that part alone is trained.

    The rows of new tokens stay as they are. What the model says is the same until it is trained.
    """
    import torch

    rank, scale = stackable(method).rank, scale_of(stackable(method))
    torch.manual_seed(seed)
    model = speaker.model.requires_grad_(False)
    for layer in updates(model):
        layer.lora_A[NAME], layer.lora_B[NAME] = wider(layer, rank, scale)
        layer.r[NAME], layer.scaling[NAME] = layer.r[NAME] + rank, scale
        layer.lora_alpha[NAME] = scale * layer.r[NAME]
    config: Any = model.peft_config[NAME]
    config.r += rank
    config.lora_alpha = scale * config.r
    config.use_rslora = False  # the scale is in alpha
    return speaker


def scale_of(method: Lora) -> float:
    """What the update of a LoRA is multiplied by."""
    return float(method.alpha / (method.rank**0.5 if method.rslora else method.rank))


def updates(model: Any) -> list[Any]:  # noqa: ANN401
    """The layers that the adapter updates."""
    return [module for module in model.modules() if NAME in getattr(module, "lora_A", ())]


def wider(layer: Any, rank: int, scale: float) -> tuple[Any, Any]:  # noqa: ANN401
    """The two factors of a layer's update with a part added, as peft begins it: it changes nothing.

    Of their gradients only those of the new part are let through; AdamW without weight decay leaves
    a weight that never had one as it is, to the bit.
    """
    import torch
    from torch import nn

    down, up = layer.lora_A[NAME].weight.data.float(), layer.lora_B[NAME].weight.data.float()
    fresh = torch.empty(rank, down.shape[1], device=down.device)
    nn.init.kaiming_uniform_(fresh, a=5**0.5)
    up = up * (layer.scaling[NAME] / scale)
    made = []
    for old, new, axis in ((down, fresh, 0), (up, up.new_zeros(len(up), rank), 1)):
        weight = nn.Parameter(torch.cat([old, new], axis))
        weight.register_hook(NewPart(axis, old.shape[axis]))
        factor = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
        factor.weight = weight
        made.append(factor)
    return made[0], made[1]


class NewPart:
    """A hook that lets through a gradient from a place on."""

    def __init__(self, axis: int, start: int) -> None:
        self.axis, self.start = axis, start

    def __call__(self, gradient: "Tensor") -> "Tensor":
        """The gradient, zero before that place."""
        let = gradient.clone()
        let.narrow(self.axis, 0, self.start).zero_()
        return let


def own_size(speaker: "Speaker", method: Method) -> int:
    """Weights of the variety's part."""
    factors = [(layer.lora_A[NAME], layer.lora_B[NAME]) for layer in updates(speaker.model)]
    sides = (down.weight.shape[1] + up.weight.shape[0] for down, up in factors)
    return int(stackable(method).rank * sum(sides))


def save_stacked(speaker: "Speaker", method: Method, folder: Path) -> None:
    """The whole as one adapter, and the variety's part in `own`; same weights, same bytes."""
    from safetensors.torch import load_file, save_file

    one = stackable(method)
    save_adapter(speaker, folder)
    weights = load_file(folder / WEIGHTS)
    parts = {
        name: weight[-one.rank :] if ".lora_A." in name else weight[:, -one.rank :]
        for name, weight in weights.items()
        if ".lora_" in name
    }
    (folder / OWN).mkdir()
    own = {name: weight.contiguous() for name, weight in parts.items()}
    save_file(own, folder / OWN / WEIGHTS, {"format": "pt"})
    told = json.loads((folder / CONFIG).read_text("utf-8"))
    told |= {"r": one.rank, "lora_alpha": scale_of(one) * one.rank, ROWS: None}
    (folder / OWN / CONFIG).write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", "utf-8")
