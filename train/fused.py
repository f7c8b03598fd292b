"""A decoder's repeated layer compiled by torch.compile, for training on a CPU.

Between its products a layer reads and writes each array a dozen times: norms, rotations, gates,
casts. Compiled, they are few passes. All layers are of one class, so one is compiled, in some ten
CPU-seconds; torch keeps what it compiled on disk. Attention is then transformers' eager one: on a
CPU the backward pass of PyTorch's fused attention takes several times as long at short rows.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import MethodType
from typing import Any

import torch
from tqdm import tqdm

from train.model import Speaker, device

MOST_EAGER = 512  # tokens in a row; eager attention keeps their square


def fusible(speaker: Speaker, row_tokens: int) -> bool:
    """Whether to compile: packed rows of one shape, on a CPU with a compiler that works."""
    return (
        speaker.packs
        and row_tokens <= MOST_EAGER
        and device().type == "cpu"
        and bool(repeated(speaker))
        and compiles()
    )


def repeated(speaker: Speaker) -> list[Any]:
    """The layers that the model repeats."""
    base = getattr(speaker.model, "get_base_model", lambda: speaker.model)()
    names = set(base._no_split_modules or ())
    return [layer for layer in base.modules() if type(layer).__name__ in names]


@cache
def compiles() -> bool:
    """Whether torch.compile works here; it needs a C++ compiler and Python's headers."""
    import torch._inductor.config

    torch._inductor.config.compile_threads = 1  # no pool of processes beside each trainer
    try:
        torch.compile(torch.neg)(torch.zeros(1))
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        tqdm.write(
            "adapt.compile: training is not compiled and is slower; install a "
            f"C++ compiler and Python's headers ({reason})",
            file=sys.stderr,
        )
        return False
    return True


@cache
def compiled(kind: Any) -> Any:  # noqa: ANN401
    """The forward pass of a class of layers, for one shape."""
    return torch.compile(kind.forward, dynamic=False)


@contextmanager
def fused(speaker: Speaker) -> Iterator[None]:
    """A block in which the repeated layers are compiled and their attention is eager."""
    config = speaker.model.config
    before = config._attn_implementation
    layers = repeated(speaker)
    speaker.model.set_attn_implementation("eager")
    for layer in layers:
        layer.forward = MethodType(compiled(layer.__class__), layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward
        speaker.model.set_attn_implementation(before)
