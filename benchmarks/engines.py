"""What the engines cost and lose.

    python benchmarks/engines.py overhead           # per case that does nothing, with its two state files
    python benchmarks/engines.py workers DATA       # radiographs a second with 1 and 2 workers of one thread
    python benchmarks/engines.py node               # results lost where one of two machines is killed in the middle

The machines of `node` are processes of this one. Ray's part is left out where Ray does not begin.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import write_text
from lesionkit.engine.map import EngineSettings, map_cases
from lesionkit.recipes.attempts import Counted, attempt
from lesionkit.runs.units import stage_units

CASES = 60


def nothing(path: Path) -> None:
    """A case that costs nothing."""


def slow(path: Path) -> int:
    """A case of 0.2 s that writes its result."""
    time.sleep(0.2)
    write_text(path.with_suffix(".result"), path.name)
    return os.getpid()


def overhead() -> None:
    for backend in ("serial", "processes", "ray"):
        with tempfile.TemporaryDirectory() as place:
            settings = EngineSettings(backend=backend, workers=1 if backend == "serial" else 2, memory_per_case_gb=0.1)
            cases = [Path(place) / f"case-{n}" for n in range(CASES)]
            try:
                start = time.time()
                attempt(nothing, cases, settings, str, "case", counted=Counted(Path(place), "nothing"))
                took = time.time() - start
            except LesionkitError as error:
                print(f"{backend}: {error}")
                continue
            print(f"{backend}: {1000 * between(Path(place), 'nothing'):.1f} ms a case, {took:.1f} s in all")


def between(run: Path, stage: str) -> float:
    """Seconds between the ends of cases, from the first to the last: how workers begin does not count."""
    ends = sorted(unit.ended for unit in stage_units(run, stage)[1])
    return (ends[-1] - ends[0]) / (len(ends) - 1)


def workers(data: Path) -> None:
    from lesionkit.recipes import load_recipe
    from lesionkit.recipes.base import FindRequest
    from lesionkit.runs.run_folder import open_run
    from lesionkit.runs.settings_file import resolve

    chosen = load_recipe("xray-pneumothorax")
    for count in (1, 2):
        with tempfile.TemporaryDirectory() as place:
            words = [f"engine.workers={count}", "engine.threads=1", "infer.precision=fp32", "score.bootstrap=20"]
            settings = resolve(chosen.model_settings(None), (), words)
            with open_run(Path(place) / "run", chosen.name, settings, {"input": data}) as run:
                chosen.find(run, FindRequest(data, None, None), settings)
            print(f"{count} worker(s): {1 / between(Path(place) / 'run', 'find'):.2f} radiographs a second")


def node() -> None:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    from ray.cluster_utils import Cluster

    plain = {"object_store_memory": 80 * 2**20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, **plain})
    second = cluster.add_node(num_cpus=2, **plain)
    os.environ["RAY_ADDRESS"] = cluster.address
    with tempfile.TemporaryDirectory() as place:
        cases = [Path(place) / f"case-{n}" for n in range(CASES)]
        settings = EngineSettings(backend="ray", workers=3, memory_per_case_gb=0.1)
        told, lost, done = [], 0, 0
        for outcome in map_cases(slow, cases, settings, tell=told.append):
            done, lost = done + 1, lost + (outcome.error is not None)
            if done == CASES // 3:
                cluster.remove_node(second, allow_graceful=False)
        there = sum(case.with_suffix(".result").is_file() for case in cases)
        print(f"{CASES} cases, one of two machines killed: {lost} lost, {there} results, {len(told)} again")
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("what", choices=["overhead", "workers", "node"])
    words.add_argument("data", type=Path, nargs="?")
    given = words.parse_args()
    if given.what == "workers" and given.data is None:
        sys.exit("workers needs a folder of radiographs: lesionkit phantom xray makes one")
    {"overhead": overhead, "node": node, "workers": lambda: workers(given.data)}[given.what]()
