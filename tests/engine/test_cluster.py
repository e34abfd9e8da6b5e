"""On a cluster of two machines, which are processes here. Ray gives its own processes 15 s to begin; a machine that is
too busy for that skips these tests."""

import importlib
import os
import socket
from pathlib import Path

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.engine.map import EngineSettings, map_cases

WORK = Path(__file__).parent / "work"
OBJECTS = 80 * 2**20
RAY = EngineSettings(backend="ray", workers=3, memory_per_case_gb=0.1)

pytestmark = [
    pytest.mark.slow,
    # Ray leaves its own processes and files to the end of this one.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def cluster():
    patch = pytest.MonkeyPatch()
    patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    patch.setenv("PYTHONPATH", os.pathsep.join([str(WORK), os.environ.get("PYTHONPATH", "")]))
    patch.syspath_prepend(str(WORK))
    importlib.import_module("ray")
    from ray.cluster_utils import Cluster

    try:
        made = Cluster(initialize_head=True, head_node_args=machine(cpus=1))
    # Ray raises nothing more special.
    except Exception as error:
        patch.undo()
        pytest.skip(f"Ray did not begin: {error}")
    patch.setenv("RAY_ADDRESS", made.address)
    yield made
    import ray

    ray.shutdown()
    made.shutdown()
    patch.undo()


def machine(cpus):
    """Ports are chosen here, so that Ray need not wait for its processes to choose them."""
    names = ("runtime_env_agent_port", "metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port")
    ports = {name: free_port() for name in names}
    return {"num_cpus": cpus, "object_store_memory": OBJECTS, "include_dashboard": False, **ports}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cases(folder, *names):
    for name in names:
        (folder / name).write_text(f"case {name}")
    return [folder / name for name in names]


@pytest.fixture
def work(cluster):
    return importlib.import_module("cases")


def test_a_machine_lost_in_the_middle_loses_no_result(cluster, work, tmp_path):
    second = cluster.add_node(**machine(cpus=2))
    paths = cases(tmp_path, *"abcdefgh", "bad")
    told, outcomes = [], []
    for outcome in map_cases(work.kept, paths, RAY, name_of=lambda path: path.name, tell=told.append):
        outcomes.append(outcome)
        if len(outcomes) == 2:
            cluster.remove_node(second, allow_graceful=False)
    assert [o.value for o in outcomes] == [*((f"CASE {name.upper()}", "1") for name in "abcdefgh"), None]
    assert outcomes[-1].error.startswith("unexpected ValueError: bad from the start")
    assert sorted(path.stem for path in tmp_path.glob("*.result")) == list("abcdefgh")
    assert all("tried again" in sentence for sentence in told)


def test_a_case_that_ends_its_process_is_named_and_the_others_are_done(cluster, work, tmp_path):
    paths = cases(tmp_path, "a", "fatal", "b")
    once = RAY.model_copy(update={"retries": 0})
    outcomes = list(map_cases(work.kept_unless_fatal, paths, once))
    assert [o.value and o.value[0] for o in outcomes] == ["CASE A", None, "CASE B"]
    assert outcomes[1].error.startswith(
        "its process ended unexpectedly, most likely for want of memory (it is 10 bytes"
    )


def test_all_engines_give_the_same_to_the_last_bit(cluster, work):
    engines = [EngineSettings(backend="serial"), EngineSettings(workers=2), RAY]
    serial, processes, ray = ([o.value for o in map_cases(work.summed, range(4), one)] for one in engines)
    assert serial == processes == ray
    assert len(set(serial)) == 4


def test_more_memory_than_any_machine_has_is_refused(cluster):
    with pytest.raises(LesionkitError, match=r"no machine of the Ray cluster has 1 core\(s\), 1e\+06 GB of memory"):
        list(map_cases(len, ["a"], EngineSettings(backend="ray", memory_per_case_gb=1e6)))


def test_nothing_is_sent_to_the_makers_of_ray_and_there_is_no_dashboard(cluster):
    import ray
    from ray._common.usage import usage_lib

    list(map_cases(len, ["a"], RAY))
    assert not usage_lib.usage_stats_enabled()
    assert not ray._private.worker.global_worker.node.webui_url
