"""Several processes over one adapter, as torchrun starts them: one for each GPU.

torchrun --nproc-per-node 2 -m train.adapt language=... (the words that dvc.yaml gives)

All processes read the same rows and share the batches of a step, adapt.accumulate of them; the
first alone writes. The two adapters are then trained one after the other.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from corpus.shards import Shards, WorkerDiedError
from corpus.table import InputError

WRITTEN = ("out", "curves", "report")
LESS_MEMORY = (
    "lower adapt.batch_rows and raise adapt.accumulate as much, lower adapt.row_tokens, "
    "set adapt.recompute to true or adapt.method.bits to 4"
)


def processes() -> int:
    """How many there are."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this process is the one that writes."""
    return os.environ.get("RANK", "0") == "0"


def shared(batches: int) -> int:
    """The batches of a step that one process takes.

    Raises:
        InputError: the processes cannot share them.
    """
    if batches % processes():
        raise InputError(
            f"adapt.accumulate, {batches} batches in a step, cannot be shared by {processes()} "
            f"processes; set it to a multiple of {processes()}"
        )
    return batches // processes()


def one_at_a_time(shards: Shards) -> Shards:
    """No pool within processes that torchrun started: its workers would answer to one address."""
    if processes() == 1:
        return shards
    return Shards(**{**vars(shards), "workers": 1, "runner": "pool"})


@contextmanager
def less_memory() -> Iterator[None]:
    """A block in which a worker that is killed, as for memory, is told with adapt's settings.

    Raises:
        InputError: one was killed.
    """
    try:
        yield
    except WorkerDiedError as error:
        raise InputError(f"{error}; or {LESS_MEMORY}") from error


def join() -> None:
    """Take the GPU that is this process's own."""
    import torch

    if processes() > 1 and torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))


def wait() -> None:
    """Until all processes are here."""
    import torch

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()


@contextmanager
def first_writes() -> Iterator[None]:
    """A block in which what the other processes write to the paths of the command line is lost."""
    if is_first():
        yield
        return
    with TemporaryDirectory() as folder:
        words = [word.partition("=") for word in sys.argv[1:]]
        sys.argv[1:] = [
            f"{name}={Path(folder, name) if name in WRITTEN else value}" for name, _, value in words
        ]
        yield
