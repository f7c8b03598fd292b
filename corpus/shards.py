"""Maps a function over shards: in a process pool here, as Ray tasks on a cluster, same bytes.

The function writes its own output file and returns what is small (counts, a path). A worker that
dies is noticed and its shards are done again; a function that raises stops the map.
"""

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

from tqdm import tqdm

from corpus.settings import settings
from corpus.table import InputError

T = TypeVar("T")
R = TypeVar("R")


@settings
class Shards:
    """How much text a shard holds and what maps over them; workers and runner change no byte."""

    most_bytes: int  # of a table's memory in one shard
    workers: int  # processes of the pool
    runner: Literal["pool", "ray"]  # ray: tasks on the cluster of RAY_ADDRESS
    most_retries: int  # of a shard whose worker died

    def __post_init__(self) -> None:
        if self.most_bytes < 1 or self.workers < 1 or self.most_retries < 0:
            raise ValueError(f"most_bytes and workers must be at least 1, got {self}")


class WorkerDiedError(InputError):
    """Workers died more often than is tried again."""


def map_shards(
    function: Callable[[T], R], tasks: Sequence[T], shards: Shards, label: str
) -> list[R]:
    """`function` of each task, in the order of the tasks, with one progress bar.

    Args:
        function: of module level, so that a worker can import it.

    Raises:
        WorkerDiedError: more than `most_retries` times in a row.
    """
    if shards.runner == "ray":
        return map_ray(function, tasks, shards, label)
    if shards.workers == 1 or len(tasks) == 1:
        return [function(task) for task in tqdm(tasks, desc=label, disable=len(tasks) < 2)]
    return map_pool(function, tasks, shards, label)


def map_pool(function: Callable[[T], R], tasks: Sequence[T], shards: Shards, label: str) -> list[R]:
    """The map in fresh processes (spawn), at most `workers` at once."""
    results: dict[int, R] = {}
    with tqdm(total=len(tasks), desc=label) as bar:
        for _ in range(shards.most_retries + 1):
            left = [number for number in range(len(tasks)) if number not in results]
            try:
                with executor(min(shards.workers, len(left) or 1)) as pool, ended_early():
                    waiting = {pool.submit(function, tasks[number]): number for number in left}
                    for future in as_completed(waiting):
                        results[waiting[future]] = future.result()
                        bar.update()
            except BrokenProcessPool:
                continue
            return [results[number] for number in range(len(tasks))]
    raise died(label, shards, tasks, results)


def died(
    label: str, shards: Shards, tasks: Sequence[object], results: Mapping[int, object]
) -> WorkerDiedError:
    """The error that names the shards which no worker lived to do."""
    lost = [number for number in range(len(tasks)) if number not in results]
    return WorkerDiedError(
        f"{label}: a worker died {shards.most_retries + 1} times (killed, or out of memory?); "
        f"shards {lost} are not done; lower shards.workers or shards.most_bytes"
    )


@contextmanager
def ended_early() -> Iterator[None]:
    """A block whose error or Ctrl-C ends the workers: what they write would be thrown away."""
    before = set(multiprocessing.active_children())
    try:
        yield
    except BaseException:
        for worker in set(multiprocessing.active_children()) - before:
            worker.terminate()
        raise


def executor(workers: int) -> ProcessPoolExecutor:
    """A pool of spawned processes: no state of this process reaches them, and none outlives it."""
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, spawn, initializer=begin, initargs=(os.getpid(),))


def begin(parent: int) -> None:
    """Make this process a worker: its parent answers Ctrl-C, and takes it along when it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
    if os.getppid() != parent:  # it ended before
        os._exit(1)


def die_with_parent() -> None:
    """On Linux, end when the parent is killed: an orphan would write beside the next run."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def map_ray(function: Callable[[T], R], tasks: Sequence[T], shards: Shards, label: str) -> list[R]:
    """The map as Ray tasks; Ray runs the tasks of a lost worker or node again.

    Every node sees the project's folder under the same path: shards are read and written there.

    Raises:
        WorkerDiedError: more than `most_retries` times under one shard.
    """
    import ray  # the extra 'ray'
    from ray.exceptions import NodeDiedError, RayTaskError, WorkerCrashedError

    if not ray.is_initialized():
        places = os.pathsep.join(
            p for p in sys.path if p and not Path(p).is_relative_to(sys.prefix)
        )
        ray.init(log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": places}})
    remote: Any = ray.remote(num_cpus=1, max_retries=shards.most_retries)(in_folder)
    waiting = {remote.remote(Path.cwd(), function, t): number for number, t in enumerate(tasks)}
    results: dict[int, R] = {}
    try:
        with tqdm(total=len(tasks), desc=label) as bar:
            while left := [future for future, n in waiting.items() if n not in results]:
                done = ray.wait(left, num_returns=1)[0][0]
                results[waiting[done]] = ray.get(done)
                bar.update()
    except BaseException as error:
        ray.shutdown()  # ends what still runs; Ray 2.60's cancel can end this process instead
        if isinstance(error, RayTaskError):
            raise error.cause from None
        if isinstance(error, WorkerCrashedError | NodeDiedError):
            raise died(label, shards, tasks, results) from error
        raise
    return [results[number] for number in range(len(tasks))]


def in_folder(folder: Path, function: Callable[[T], R], task: T) -> R:
    """`function` of the task, where relative paths mean what they mean to the caller."""
    os.chdir(folder)
    return function(task)
