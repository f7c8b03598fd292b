"""What training needs, told before it starts; and which setting to change where it was too much.

Memory at its peak = what the process holds with the model loaded
    + 12 bytes a trained weight (its gradient and both moments of Adam, in float32)
    + 1.4 x bytes that one token's forward pass keeps for the backward pass x tokens of a batch.
The last is counted, not guessed: a trial runs one row forward and back (a batch where training is
compiled) and sums what autograd keeps; 0.4 more is under way at the peak (`python -m
benchmarks.foretold`). Its time gives the speed. The trial changes no weight, no gradient and no
random state.
"""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from corpus.table import InputError
from train.batches import Batch
from train.fused import fused, fusible
from train.model import Speaker, device
from train.processes import LESS_MEMORY
from train.quick import quickened
from train.softmax import Softmax, loss_of, softmax_over

if TYPE_CHECKING:
    from train.adapt import Adapt
    from train.trainer import Plan

UNDER_WAY = 1.4  # what the backward pass holds at its peak, over what was kept for it
STATES = 12  # bytes a trained weight: gradient, first and second moment
FULL = ("out of memory", "can't allocate memory", "not enough memory")  # RuntimeErrors of torch


class Need(NamedTuple):
    """What training takes on this machine."""

    bytes: float  # of memory, at its peak
    kept: float  # of it, for the backward pass
    seconds: float
    rate: float  # tokens a second


class Trial(NamedTuple):
    """What one row cost."""

    tokens: int
    bytes: int  # kept for the backward pass
    seconds: float


def estimate(speaker: Speaker, params: "Adapt", plans: Sequence["Plan"]) -> Need:
    """Memory and time of all phases, by one row of the largest batch."""
    batches = [batch for plan in plans for batch in plan.batches]
    largest = max(batches, key=lambda batch: batch.labels.size)
    if params.recompute:
        speaker.model.activation_checkpointing_enable()
    over = softmax_over(plans[0].own, speaker, params.sampled_tokens)
    held = in_use()
    trial = tried(speaker, largest, over, params.compile and fusible(speaker, params.row_tokens))
    states = STATES * sum(p.numel() for p in speaker.model.parameters() if p.requires_grad)
    tokens = sum(batch.labels.size for batch in batches)
    rate = trial.tokens / trial.seconds
    kept = UNDER_WAY * trial.bytes / trial.tokens * largest.labels.size
    return Need(held + states + kept, kept, tokens / rate, rate)


def tried(speaker: Speaker, batch: Batch, over: Softmax, fuse: bool) -> Trial:
    """One row of a batch forward and back, twice: the first time warms up.

    The whole batch where it is compiled: for the shape that training needs.
    """
    arrays = {**batch.inputs, "labels": batch.labels}
    rows = {
        name: torch.from_numpy(some if fuse else some[:1]).to(device())
        for name, some in arrays.items()
    }
    weights = {p.untyped_storage().data_ptr() for p in speaker.model.parameters()}
    learning = speaker.model.training
    speaker.model.train()
    seconds, kept = 0.0, dict[int, int]()
    compiled = fused(speaker) if fuse else nullcontext()
    with torch.random.fork_rng(), quickened(speaker), compiled:
        for _ in range(2):
            kept, seconds = once(speaker, rows, over)
            speaker.model.zero_grad(set_to_none=True)
    speaker.model.train(learning)
    size = sum(some for place, some in kept.items() if place not in weights)
    return Trial(rows["labels"].numel(), size, seconds)


def once(speaker: Speaker, row: dict[str, Tensor], over: Softmax) -> tuple[dict[int, int], float]:
    """Bytes of each storage that autograd keeps, and the seconds of forward and back."""
    kept: dict[int, int] = {}

    def keep(some: Tensor) -> Tensor:
        storage = some.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return some

    begun = time.perf_counter()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda some: some):
        loss = loss_of(speaker, row, over, 0)
    loss.backward()
    if device().type == "cuda":
        torch.cuda.synchronize()
    return kept, time.perf_counter() - begun


def in_use() -> int:
    """Bytes that the device, or on a CPU this process, holds now."""
    if device().type == "cuda":
        return torch.cuda.memory_allocated()
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:  # no Linux: the most that it ever held
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return pages * os.sysconf("SC_PAGE_SIZE")


def said_before(speaker: Speaker, params: "Adapt", plans: Sequence["Plan"], what: str) -> None:
    """One line on stderr: what each adapter needs."""
    need = estimate(speaker, params, plans)
    tqdm.write(
        f"{what}: an adapter needs {need.bytes / 1e9:.1f} GB and {need.seconds / 60:.0f} min "
        f"at {need.rate:.0f} tokens a second",
        file=sys.stderr,
    )


@contextmanager
def out_of_memory() -> Iterator[None]:
    """A block in which memory that is used up is one line.

    Raises:
        InputError: it is used up.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch.OutOfMemoryError is a RuntimeError
        if isinstance(error, RuntimeError) and not any(s in str(error) for s in FULL):
            raise
        raise InputError(f"the memory is used up; {LESS_MEMORY}") from error
