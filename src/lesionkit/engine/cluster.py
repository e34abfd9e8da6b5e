"""Cases on a Ray cluster: workers that keep what they loaded, and are begun anew where a machine was lost."""

import os
import pickle
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from lesionkit.core.errors import LesionkitError
from lesionkit.engine.deal import Event, Worker
from lesionkit.engine.lost import Death
from lesionkit.engine.settings import EngineSettings, cores
from lesionkit.engine.threads import limit_from_now

Item = TypeVar("Item")
Result = TypeVar("Result")
_LOOK_S = 1.0
_STARTS = 3
_OBJECTS = 100 * 2**20
"""Bytes for what is sent: paths and settings."""
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_enable_metrics_collection": "0",
}


class RayWorkers(Generic[Item, Result]):
    """A `Crew` of Ray actors.

    Args:
        function: an item -> its result; it can be pickled and raises nothing.
        failed: an item that cannot be sent, or whose result cannot, and why -> its result.

    Raises:
        LesionkitError: Ray is not installed, there is no such cluster, or none of its machines has room for a case.
    """

    backend = "ray"

    def __init__(
        self, function: Callable[[Item], Result], failed: Callable[[Exception], Result], settings: EngineSettings
    ) -> None:
        self.ray = ray = _joined(settings)
        self.failed, self.threads = failed, settings.threads or 1
        needs, self.count = _needs(ray.nodes(), settings)
        self.job = ray.put(ray.cloudpickle.dumps(function))
        self.make = ray.remote(_Actor).options(**needs, max_restarts=0, scheduling_strategy="SPREAD")
        self.place = (
            str(Path.cwd()),
            {name: text for name, text in os.environ.items() if name.startswith("LESIONKIT_")},
        )
        self.actors: dict[Worker, Any] = {}
        self.nodes: dict[Worker, str] = {}
        self.awaited: dict[Any, Worker] = {}
        self.hired = 0

    def hire(self) -> Worker:
        self.hired += 1
        actor = self.make.remote()
        self.actors[self.hired] = actor
        self.awaited[actor.begin.remote(self.job, self.threads, *self.place)] = self.hired
        return self.hired

    def give(self, worker: Worker, item: Item) -> None:
        self.awaited[self.actors[worker].work.remote(item)] = worker

    def dismiss(self, worker: Worker) -> None:
        self.nodes.pop(worker, None)
        self.ray.kill(self.actors.pop(worker))

    def wait(self) -> Sequence[Event[Result]]:
        done, _ = self.ray.wait(list(self.awaited), timeout=_LOOK_S)
        return [self._heard(reference, self.awaited.pop(reference)) for reference in done]

    def close(self) -> None:
        for actor in self.actors.values():
            self.ray.kill(actor)
        self.actors, self.awaited = {}, {}

    def _heard(self, reference: Any, worker: Worker) -> Event[Result]:
        wrong = self.ray.exceptions
        try:
            value = self.ray.get(reference)
        except wrong.RayTaskError as error:
            if worker not in self.nodes:
                raise LesionkitError(f"a machine of the Ray cluster cannot work: {error.cause}") from error
            return Event(worker, (self.failed(error.cause),))
        except wrong.RayError as error:
            return Event(worker, died=self._death(worker, error))
        if worker in self.nodes:
            return Event(worker, (value,))
        self.nodes[worker] = value
        return Event(worker)

    def _death(self, worker: Worker, error: Exception) -> Death:
        actor, node, said = self.actors.pop(worker), self.nodes.pop(worker, None), str(error).lower()
        self.ray.kill(actor)
        gone = all(one["NodeID"] != node for one in self.ray.nodes() if one["Alive"]) if node else False
        if gone or "node died" in said or "node has died" in said:
            return Death("went with its machine", blameless=True)
        # Why a process ended that it did not kill itself Ray does not know; it names memory first.
        return Death("was killed by Ray" if "low on memory" in said else "ended unexpectedly", starved=True)


class _Actor:
    """Lives on a machine of the cluster; Ray calls it."""

    def begin(self, job: bytes, threads: int, folder: str, variables: Mapping[str, str]) -> str:
        """Before numpy and torch are imported, which happens with the function."""
        import ray

        limit_from_now(threads)
        os.environ.update(variables)
        try:
            os.chdir(folder)
        except OSError as error:
            raise LesionkitError(f"{folder} must be there on every machine ({error.strerror}); share it") from error
        self.function: Callable[[Any], Any] = pickle.loads(job)
        return str(ray.get_runtime_context().get_node_id())

    def work(self, item: Any) -> Any:
        return self.function(item)


def _joined(settings: EngineSettings) -> Any:
    """Ray, in touch with a cluster."""
    # Before it is imported.
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as error:
        raise LesionkitError(
            "engine.backend=ray needs Ray, which is not installed; pip install 'lesionkit[cluster]', "
            "or take engine.backend=processes"
        ) from error
    if ray.is_initialized():
        return ray
    address = settings.address or os.environ.get("RAY_ADDRESS")
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    here: dict[str, Any] = {
        "num_cpus": max(cores(), settings.workers or 1),
        "include_dashboard": False,
        "object_store_memory": _OBJECTS,
    }
    for attempt in reversed(range(_STARTS)):
        try:
            ray.init(address=address or "local", **quiet, **({} if address else here))
            return ray
        # Ray raises plain exceptions too: where its own processes take longer to begin than it waits.
        except Exception as error:
            ray.shutdown()
            if address is None and attempt:
                continue
            first = " ".join(str(error).split(". ")[0].split())
            raise LesionkitError(
                f"engine.address={address} must be a Ray cluster that runs, but {first}; begin one with 'ray start "
                "--head', or leave the address out"
                if address
                else f"Ray did not begin on this machine: {first}; try again when it is less busy, or take "
                "engine.backend=processes"
            ) from error
    return ray


def _needs(nodes: Sequence[Mapping[str, Any]], settings: EngineSettings) -> tuple[dict[str, float], int]:
    """What a worker asks of a machine, and how many of them the cluster has room for."""
    has = [node["Resources"] for node in nodes if node["Alive"]]
    gpus = settings.gpus_per_case
    if gpus is None:
        gpus = 1.0 if any(one.get("GPU") for one in has) else 0.0
    needs = {"CPU": float(settings.threads or 1), "memory": settings.memory_per_case_gb * 1e9, "GPU": gpus}
    room = sum(int(min(one.get(name, 0) / need for name, need in needs.items() if need)) for one in has)
    if not room:
        raise LesionkitError(
            f"no machine of the Ray cluster has {needs['CPU']:g} core(s), {settings.memory_per_case_gb:g} GB of memory "
            f"and {gpus:g} GPU(s) for a case; lower engine.memory_per_case_gb, engine.threads or engine.gpus_per_case"
        )
    asked = {"num_cpus": needs["CPU"], "memory": needs["memory"], "num_gpus": gpus}
    return asked, settings.workers or room
