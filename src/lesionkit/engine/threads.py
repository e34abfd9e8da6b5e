"""How many threads a case uses: sums in another order differ in their last bits."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import threadpool_limits

_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
    "BLOSC_NTHREADS",
)


def limit_from_now(threads: int) -> None:
    """So many threads for what this process loads from now on."""
    os.environ.update(dict.fromkeys(_VARIABLES, str(threads)))


@contextmanager
def limited(threads: int | None) -> Iterator[None]:
    """So many threads in this process for a while, also for what is loaded meanwhile; None changes nothing."""
    if threads is None:
        yield
        return
    before = {name: os.environ.get(name) for name in _VARIABLES}
    # torch keeps a number of its own. Whoever gave it work has loaded it; the engine itself never does.
    torch: Any = sys.modules.get("torch")
    of_torch = torch.get_num_threads() if torch is not None else None
    limit_from_now(threads)
    if torch is not None:
        torch.set_num_threads(threads)
    try:
        with threadpool_limits(threads):
            yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if torch is not None:
            torch.set_num_threads(of_torch)
