"""Where cases are worked on, and what one case may take."""

import os
from typing import Annotated, Any, Literal, TypeAlias

import psutil
from pydantic import BeforeValidator, Field

from lesionkit.core.settings import Settings


def _renamed(backend: Any) -> Any:
    # What files of before call "here" is understood.
    return "serial" if backend == "here" else backend


Backend: TypeAlias = Annotated[Literal["serial", "processes", "ray"], BeforeValidator(_renamed)]


class EngineSettings(Settings):
    """Where cases are worked on. Changes how long a run takes, never its result; one engine goes on where another
    stopped."""

    backend: Backend = "processes"
    """serial: one after the other in this process. processes: on this machine's cores. ray: on a Ray cluster."""

    address: str | None = None
    """Of the Ray cluster: auto for the one that this machine belongs to, or HOST:PORT; null: RAY_ADDRESS, else one is
    begun on this machine and ends with the command."""

    workers: int | None = Field(default=None, ge=1)
    """Cases at the same time; null: one per core, or as many as the Ray cluster has room for."""

    threads: int | None = Field(default=None, ge=1)
    """Threads of one case; null: 1, so that all engines give the same to the last bit, but all cores where a search of
    few images does without other processes."""

    memory_per_case_gb: float = Field(default=1.5, gt=0)
    """What one case may need at most; the default number of workers is lowered so that all fit into free memory. On a
    Ray cluster a worker begins only where so much is free."""

    gpus_per_case: float | None = Field(default=None, ge=0)
    """On a Ray cluster, GPUs that a worker has to itself, 0.25 for four workers on one; null: 1 where there are any."""

    retries: int = Field(default=2, ge=0)
    """How often a case whose worker died is tried again; a lost machine does not count."""


def workers(settings: EngineSettings) -> int:
    """How many cases this machine works on at the same time."""
    if settings.backend == "serial":
        return 1
    if settings.workers is not None:
        return settings.workers
    fitting = int(psutil.virtual_memory().available / (settings.memory_per_case_gb * 1e9))
    return max(1, min(cores(), fitting))


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
