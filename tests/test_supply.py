"""What is handed out: wheel and sdist of the same bytes each time, a wheel that works outside of the tree, licences
that are allowed, and no reader that runs what a file holds."""

import importlib.util
import os
import re
import shutil
import site
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))


@pytest.fixture(scope="module")
def licences():
    spec = importlib.util.spec_from_file_location("benchmarks_licences", ROOT / "benchmarks" / "licences.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> tuple[Path, Path]:
    """Two folders with what two builds made of the same sources; weights are replaced by their names, to be quick."""
    tree = tmp_path_factory.mktemp("tree")
    left_out = shutil.ignore_patterns("__pycache__", "*.safetensors")
    shutil.copytree(ROOT / "src", tree / "src", ignore=left_out)
    for weights in (ROOT / "src").rglob("*.safetensors"):
        (tree / weights.relative_to(ROOT)).write_text(weights.name)
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "Makefile", "constraints.txt"):
        shutil.copy(ROOT / name, tree / name)
    folders = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("other")
    for folder in folders:
        environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
        words = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
        subprocess.run(words, cwd=tree, env=environment, check=True, capture_output=True)
    return folders


@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_two_builds_of_the_same_sources_give_the_same_bytes(built, kind):
    one, other = (next(folder.glob(kind)) for folder in built)
    assert one.name == other.name
    assert one.read_bytes() == other.read_bytes()


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(built):
    with zipfile.ZipFile(next(built[0].glob("*.whl"))) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    package = ROOT / "src" / "lesionkit"
    files = {file for file in package.rglob("*") if file.is_file() and "__pycache__" not in file.parts}
    assert held == {file.relative_to(ROOT / "src").as_posix() for file in files}


def test_the_sdist_holds_what_builds_it_again(built):
    with tarfile.open(next(built[0].glob("*.tar.gz"))) as held:
        names = {name.partition("/")[2] for name in held.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "src/lesionkit/__init__.py", "PKG-INFO"} <= names


@pytest.mark.slow
def test_the_wheel_is_installed_in_a_clean_environment_and_finds_something(built, model, tmp_path):
    scan = tmp_path / "scan.nii"
    hu = np.full((64, 64, 40), -1000, np.int16)
    hu[8:56, 12:52], hu[14:28, 18:46], hu[36:50, 18:46] = 40, -850, -850
    nibabel.save(nibabel.Nifti1Image(hu, np.diag([-4.0, -4.0, 4.0, 1.0])), scan)
    environment = tmp_path / "clean"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    wheel = next(built[0].glob("*.whl"))
    words = ["-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", "--no-compile", wheel]
    subprocess.run([sys.executable, *map(str, words)], check=True)
    inside = next((environment / "lib").glob("python*/site-packages"))
    # What it needs comes from this environment; its own wheel comes first.
    (inside / "needed.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    clean |= {"LESIONKIT_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    lesionkit = environment / "bin" / "lesionkit"

    said = subprocess.run([lesionkit, "--help"], cwd=tmp_path, env=clean, check=True, capture_output=True, text=True)
    assert "find" in said.stdout
    find = [lesionkit, "find", scan, "--model", model, "--out", tmp_path / "run"]
    done = subprocess.run(list(map(str, find)), cwd=tmp_path, env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "report.html").is_file()
    told = subprocess.run(
        [python, "-c", "import lesionkit; print(lesionkit.__file__)"],
        cwd=tmp_path,
        env=clean,
        check=True,
        capture_output=True,
        text=True,
    )
    assert Path(told.stdout.strip()).is_relative_to(environment)


def test_every_dependency_has_a_licence_that_is_allowed(licences):
    found = licences.licences()
    assert len(found) > 60
    assert licences.problems(found) == []


@pytest.mark.parametrize(
    ("says", "allowed"),
    [
        ("Apache-2.0 AND MIT", True),
        ("BSD-3-Clause OR GPL-2.0-only", True),
        ("LGPL-3.0-or-later", True),
        ("MPL-2.0 AND MIT", True),
        ("GPL-3.0-only", False),
        ("MIT AND AGPL-3.0", False),
        ("CC-BY-NC-4.0", False),
        ("", False),
    ],
)
def test_a_licence_is_allowed_where_every_part_is(licences, says, allowed):
    assert licences.is_allowed(says) is allowed


def test_a_licence_that_is_not_allowed_is_named_with_what_to_do(licences):
    (sentence,) = licences.problems([licences.Licence("left", "1.0", "GPL-3.0")])
    assert sentence.startswith("left 1.0 must have a permissive licence, LGPL or MPL, got 'GPL-3.0'; do without it")


def test_pydicom_is_of_a_version_whose_file_sets_do_not_lead_out_of_their_folder():
    # CVE-2026-32711 is mended in 3.0.2.
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    range_ = next(one for line in project["dependencies"] if (one := Requirement(line)).name == "pydicom").specifier
    assert "3.0.1" not in range_
    assert "3.0.2" in range_
    pinned = re.search(r"^pydicom==(.+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert Version(pinned[1]) >= Version("3.0.2")


_RUNS_WHAT_IT_READS = {
    r"\byaml\.(load|full_load|unsafe_load)\(": "yaml.safe_load, or core.untrusted.parse_yaml",
    r"(?<![\w.`])(eval|exec)\(": "a parser",
    r"allow_pickle\s*=\s*True": "allow_pickle=False",
    r"weights_only\s*=\s*False": "weights_only=True",
    r"\b(pd|pandas)\.read_pickle\(": "Parquet",
    r"\b(shelve|marshal|dill|joblib)\.load": "JSON or safetensors",
    r"xml\.etree[\w.]*\.(parse|fromstring|iterparse)\(": "defusedxml",
    r"\bextractall\(": "runs.guests.unpacked",
    r"shell\s*=\s*True": "a list of words",
    r"\bFileSet\(": "read.dicom.folder, which follows no path of a DICOMDIR",
}


@pytest.mark.parametrize(("pattern", "instead"), _RUNS_WHAT_IT_READS.items())
def test_no_source_runs_what_a_file_holds(pattern, instead):
    found = [
        f"{file.relative_to(ROOT)}, line {number}: {line.strip()}; use {instead}"
        for file in SOURCES
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if re.search(pattern, line)
    ]
    assert found == []


def test_torch_loads_values_alone():
    for file in SOURCES:
        text = file.read_text(encoding="utf-8")
        for call in re.findall(r"torch\.load\([^)]*\)", text):
            assert "weights_only=True" in call, f"{file}: {call}"


def test_pickle_goes_only_between_processes_that_we_started():
    found = {f"{file.parent.name}/{file.name}" for file in SOURCES if "pickle.load" in file.read_text(encoding="utf-8")}
    # learn/devices hands a training to the followers that it starts, in a folder that only it can write to.
    # engine hands cases to its workers, and gets their values back, by pipes and by Ray.
    assert found <= {"learn/devices.py", "engine/processes.py", "engine/cluster.py"}
