"""Maps a function over shards: in a process pool here, as Ray tasks on a cluster, same bytes.

The function writes its own output file and returns what is small (counts, a path). A worker that
dies is noticed and its shards are done again; a function that raises stops the map.
"""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Literal, TypeVar

from tqdm import tqdm

from corpus.settings import settings

T = TypeVar("T")
R = TypeVar("R")


@settings
class Shards:
    most_bytes: int  # of a table's memory in one shard
    workers: int  # processes of the pool
    runner: Literal["pool", "ray"]  # ray: tasks on the cluster of RAY_ADDRESS
    most_retries: int  # of a shard whose worker died

    def __post_init__(self) -> None:
        if self.most_bytes < 1 or self.workers < 1 or self.most_retries < 0:
            raise ValueError(f"most_bytes and workers must be at least 1, got {self}")


def map_shards(
    function: Callable[[T], R], tasks: Sequence[T], shards: Shards, label: str
) -> list[R]:
    """`function` of each task, in the order of the tasks, with one progress bar.

    Args:
        function: of module level, so that a worker can import it.

    Raises:
        RuntimeError: workers died more than `most_retries` times in a row.
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
                with executor(min(shards.workers, len(left) or 1)) as pool:
                    waiting = {pool.submit(function, tasks[number]): number for number in left}
                    for future in as_completed(waiting):
                        results[waiting[future]] = result_of(future, waiting)
                        bar.update()
            except BrokenProcessPool:
                continue
            return [results[number] for number in range(len(tasks))]
    lost = [number for number in range(len(tasks)) if number not in results]
    raise RuntimeError(
        f"{label}: a worker died {shards.most_retries + 1} times (killed, or out of memory?); "
        f"shards {lost} are not done; lower shards.workers or shards.most_bytes"
    )


def result_of(future: Future[R], waiting: dict[Future[R], int]) -> R:
    """The future's result; where it raised, what has not begun is called off first."""
    try:
        return future.result()
    except BaseException:
        for other in waiting:
            other.cancel()
        raise


def executor(workers: int) -> ProcessPoolExecutor:
    """A pool of spawned processes: no state of this process reaches them."""
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


def map_ray(function: Callable[[T], R], tasks: Sequence[T], shards: Shards, label: str) -> list[R]:
    """The map as Ray tasks; Ray runs the tasks of a lost node again."""
    import ray  # the extra 'ray'

    if not ray.is_initialized():
        ray.init(log_to_driver=False)
    remote = ray.remote(max_retries=shards.most_retries)(function)
    waiting = {remote.remote(task): number for number, task in enumerate(tasks)}
    order = dict(waiting)
    results: dict[int, R] = {}
    with tqdm(total=len(tasks), desc=label) as bar:
        while waiting:
            done, _ = ray.wait(list(waiting), num_returns=1)
            results[waiting.pop(done[0])] = ray.get(done[0])
            bar.update()
    return [results[number] for number in sorted(order.values())]
