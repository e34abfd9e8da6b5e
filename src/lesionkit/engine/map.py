"""One function over many cases, on as many cores as wanted; a bad case never stops the others."""

import itertools
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Generic, Literal, TypeAlias, TypeVar

import psutil
from pydantic import Field

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.engine.progress import progress

Item = TypeVar("Item")
Value = TypeVar("Value")

_THREAD_LIMITS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
    "BLOSC_NTHREADS",
)


_LOST = (None, "its process died, most likely for want of memory; try fewer engine.workers", 0.0)
Timed: TypeAlias = tuple[Value | None, str | None, float]
"""Value, error sentence, seconds."""


class EngineSettings(Settings):
    """Where cases are worked on. Changes how long a run takes, never its result."""

    backend: Literal["here", "processes", "ray"] = "processes"
    """here: one after the other in this process. processes: on this machine's cores. ray: on a Ray cluster, by the
    address in RAY_ADDRESS or on this machine."""

    workers: int | None = Field(default=None, ge=1)
    """Cases at the same time; null: one per core, or as many as the Ray cluster has."""

    memory_per_case_gb: float = Field(default=1.5, gt=0)
    """What one case may need at most; the default number of workers is lowered so that all fit into free memory."""


@dataclass(frozen=True)
class Outcome(Generic[Item, Value]):
    """What became of one item.

    Attributes:
        value: what the function returned, None if it failed.
        error: one sentence, None if it did not fail.
        seconds: time the function took, without waiting for a worker.
    """

    item: Item
    value: Value | None
    error: str | None
    seconds: float


def map_cases(
    function: Callable[[Item], Value],
    items: Sequence[Item],
    settings: EngineSettings | None = None,
    label: str = "cases",
) -> Iterator[Outcome[Item, Value]]:
    """Yield the outcome of `function` for every item, in the order of the items, as they become ready.

    A progress bar with rate and time left is shown on a terminal. A failing item becomes an outcome with an error and
    the others go on. Leaving the iteration early, also by Ctrl-C, drops the items not begun and ends the workers.

    Args:
        function: for backends other than "here" it is a function at the top of a module (or a `functools.partial` of
            one) and it, its items and its values can be pickled.
        label: what is being done, shown beside the bar.

    Raises:
        LesionkitError: Ray is asked for and not installed.
    """
    settings = settings or EngineSettings()
    timed: Callable[[Item], Timed[Value]] = partial(_timed, function)
    count = min(workers(settings), len(items))
    results: Generator[Timed[Value]]
    if settings.backend == "ray" and items:
        from lesionkit.engine.cluster import map_on_ray

        results = map_on_ray(timed, items, settings.workers, lost=_LOST)
    elif settings.backend == "processes" and count > 1:
        results = _map_on_processes(timed, items, count)
    else:
        results = (timed(item) for item in items)
    with progress(label, total=len(items)) as advance, closing(results):
        for item, (value, error, seconds) in zip(items, results, strict=True):
            advance()
            yield Outcome(item, value, error, seconds)


def workers(settings: EngineSettings) -> int:
    """How many cases this machine works on at the same time."""
    if settings.backend == "here":
        return 1
    if settings.workers is not None:
        return settings.workers
    fitting = int(psutil.virtual_memory().available / (settings.memory_per_case_gb * 1e9))
    return max(1, min(_cores(), fitting))


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _timed(function: Callable[[Item], Value], item: Item) -> Timed[Value]:
    start = time.perf_counter()
    try:
        value, error = function(item), None
    except LesionkitError as failure:
        value, error = None, " ".join(str(failure).split())
    # One bad case must not stop the others, whatever is wrong with it; the sentence names the kind of error and place.
    except Exception as failure:
        value, error = None, _describe(failure)
    return value, error, time.perf_counter() - start


def _describe(failure: Exception) -> str:
    trace = failure.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" ({Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno})" if trace else ""
    return f"unexpected {type(failure).__name__}: {' '.join(str(failure).split())}{place}"


def _map_on_processes(
    timed: Callable[[Item], Timed[Value]], items: Sequence[Item], count: int
) -> Generator[Timed[Value]]:
    """At most two items per worker wait beside the one that is yielded next, so memory stays bounded."""
    pool = _pool(count)
    waiting: deque[tuple[Item, Future[Timed[Value]]]] = deque()
    ahead = iter(items)
    try:
        while True:
            for item in itertools.islice(ahead, 2 * count - len(waiting)):
                try:
                    future = pool.submit(timed, item)
                except BrokenProcessPool:
                    _end(pool)
                    pool = _pool(count)
                    future = pool.submit(timed, item)
                waiting.append((item, future))
            if not waiting:
                return
            item, future = waiting.popleft()
            try:
                yield future.result()
            except BrokenProcessPool:
                yield _alone(timed, item)
    finally:
        _end(pool)


def _alone(timed: Callable[[Item], Timed[Value]], item: Item) -> Timed[Value]:
    """Try an item again whose worker died, perhaps because of another item, in a process of its own."""
    pool = _pool(1)
    try:
        return pool.submit(timed, item).result()
    except BrokenProcessPool:
        return _LOST
    finally:
        _end(pool)


def _pool(count: int) -> ProcessPoolExecutor:
    # Fresh interpreters ("spawn"): a fork would inherit the locks of torch's and blosc2's threads.
    threads = max(1, _cores() // count)
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_begin_worker, initargs=(threads,))


def _begin_worker(threads: int) -> None:
    # Ctrl-C reaches every process of the terminal; the parent alone decides what happens then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Before numpy and torch are imported, which happens with the first item.
    os.environ.update(dict.fromkeys(_THREAD_LIMITS, str(threads)))


def _end(pool: ProcessPoolExecutor) -> None:
    # Python 3.14 has `terminate_workers`; before it there is only the private table of processes.
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join()
