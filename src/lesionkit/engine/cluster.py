"""Cases on a Ray cluster."""

import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar

from lesionkit.core.errors import LesionkitError

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_on_ray(
    function: Callable[[Item], Result], items: Sequence[Item], count: int | None, lost: Result
) -> Generator[Result]:
    """Results in the order of the items; at most two per worker wait beside the one yielded next.

    Args:
        count: cases at the same time; None for as many as the cluster has cores. The cluster is the one RAY_ADDRESS
            names, else this machine. Every node needs lesionkit installed and the same paths.
        lost: stands for the result of an item whose worker died.

    Raises:
        LesionkitError: Ray is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise LesionkitError(
            "engine.backend=ray needs Ray, which is not installed; pip install 'lesionkit[cluster]', "
            "or take engine.backend=processes"
        ) from error
    if not ray.is_initialized():
        ray.init(address=os.environ.get("RAY_ADDRESS"), num_cpus=None, log_to_driver=False, include_dashboard=False)

    # Ray takes plain functions only, no `functools.partial`.
    def work(item: Item) -> Result:
        return function(item)

    remote = ray.remote(num_cpus=1)(work)
    count = count or max(1, int(ray.cluster_resources().get("CPU", 1)))
    waiting: deque[Any] = deque()

    def next_result() -> Result:
        try:
            result: Result = ray.get(waiting.popleft())
        except ray.exceptions.RayError:
            return lost
        return result

    try:
        for item in items:
            waiting.append(remote.remote(item))
            if len(waiting) >= 2 * count:
                yield next_result()
        while waiting:
            yield next_result()
    finally:
        for reference in waiting:
            ray.cancel(reference, force=True)
