"""What `deploy/` holds can be read, and names only words that there are."""

import importlib.util
import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from lesionkit.cli.main import app

DEPLOY = Path(__file__).parents[1] / "deploy"
SCRIPTS = sorted(DEPLOY.glob("*.slurm"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_slurm_script_is_one(script):
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
    text = script.read_text()
    assert "set -euo pipefail" in text
    assert re.search(r"^#SBATCH --nodes=\d+$", text, re.MULTILINE)


@pytest.mark.parametrize("file", [*SCRIPTS, DEPLOY / "cluster.yaml", DEPLOY / "Containerfile"], ids=lambda p: p.name)
def test_options_of_lesionkit_in_it_exist(file):
    text = file.read_text().replace("\\\n", " ")
    for verb, words in re.findall(r"lesionkit (find|train)\b([^\n]*)", text):
        told = CliRunner().invoke(app, [verb, "--help"]).output
        for option in re.findall(r"(?<=\s)--[a-z-]+", words):
            assert re.search(rf"{option}\b", told), f"{file.name}: lesionkit {verb} has no {option}"


def test_the_cluster_starts_ray_quietly_and_ships_no_secret():
    cluster = yaml.safe_load((DEPLOY / "cluster.yaml").read_text())
    assert cluster["provider"]["type"] == "local"
    starts = [*cluster["head_start_ray_commands"], *cluster["worker_start_ray_commands"]]
    begun = [words for words in starts if "ray start" in words]
    assert len(begun) == 2
    assert all("RAY_USAGE_STATS_ENABLED=0" in words for words in begun)
    assert "--include-dashboard=false" in begun[0]


def test_the_container_runs_without_rights_and_without_a_network():
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    assert "USER 10001" in lines
    assert 'ENTRYPOINT ["lesionkit"]' in lines
    assert any("--network none" in line for line in lines if line.startswith("#"))
    for line in lines:
        for name in re.findall(r"^COPY (?!--from)(.*) \S+$", line):
            assert all((DEPLOY.parent / source).exists() for source in name.split())


def _shard():
    spec = importlib.util.spec_from_file_location("shard", DEPLOY / "shard.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["shard"] = module
    spec.loader.exec_module(module)
    return module


def test_shares_of_an_archive_do_not_overlap_and_leave_none_out():
    names = [f"scan-{n}" for n in range(10)]
    shares = [_shard().shared_out(names, shard, 3) for shard in range(3)]
    assert sorted(itertools.chain(*shares)) == names
    assert [len(share) for share in shares] == [4, 3, 3]


def test_a_share_is_fetched_searched_and_put_back(tmp_path, monkeypatch):
    shard, asked = _shard(), []

    def search(command, check):
        asked.append(command[2:])
        run = Path(command[command.index("--out") + 1])
        run.mkdir(parents=True)
        (run / "run.json").write_text("{}")
        return subprocess.CompletedProcess(command, 3)

    for name in ("a.mha", "b.mha", "c.mha"):
        (tmp_path / "scans").mkdir(exist_ok=True)
        (tmp_path / "scans" / name).write_text(name)
    monkeypatch.setattr(shard.subprocess, "run", search)
    words = [f"file://{tmp_path}/scans", f"file://{tmp_path}/runs", "--shard", "0", "--of", "2"]
    monkeypatch.setattr(sys, "argv", ["shard.py", *words, "--work", str(tmp_path / "work"), "--", "--engine", "serial"])
    assert shard.main() == 3
    assert sorted(p.name for p in (tmp_path / "work" / "scans").iterdir()) == ["a.mha", "c.mha"]
    assert asked[0][-2:] == ["--engine", "serial"]
    assert (tmp_path / "runs" / "shard-00000-of-00002" / "run.json").is_file()


def test_a_plan_of_an_archive_adds_up():
    spec = importlib.util.spec_from_file_location("scale_plan", DEPLOY.parent / "benchmarks" / "scale_plan.py")
    plan = importlib.util.module_from_spec(spec)
    sys.modules["scale_plan"] = plan
    spec.loader.exec_module(plan)
    even = plan.Plan(8, 3600.0, 0.0, 0.0, machines=2, cores=2, lost_per_day=0.0)
    assert plan.simulate(even) == plan.Outcome(hours=2.0, core_hours=8.0, again=0)
    shaky = plan.simulate(plan.Plan(400, 360.0, 0.5, 0.1, machines=2, cores=4, lost_per_day=24.0))
    calm = plan.simulate(plan.Plan(400, 360.0, 0.5, 0.1, machines=2, cores=4, lost_per_day=0.0))
    assert shaky.again > 0
    assert shaky.hours > calm.hours
