import sys
import types
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lesionkit.cli.main import app
from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.recipes import RECIPES
from lesionkit.recipes.base import Recipe, Summary


class Read(Settings):
    series: str | None = None
    allow_gaps: bool = False


class Learn(Settings):
    """How the toy learns."""

    epochs: int = 10
    """Passes over the data."""
    batch: int | str = 8
    x: float = 0.0


class Engine(Settings):
    workers: int | None = None


class Toy(Settings):
    read: Read = Read()
    learn: Learn = Learn()
    engine: Engine = Engine()


def write(run, name, text):
    def step():
        (run.path / name).write_text(text)
        return {"letters": len(text)}

    return Summary(dict(run.once(name, step)), (run.path / name,), cases=1)


def find(run, request, settings):
    if request.input.name == "empty":
        raise LesionkitError("no scan in empty; give a folder of scans")
    summary = write(run, "found.txt", f"{settings.read.series} {settings.read.allow_gaps} {request.truth}")
    return Summary(summary.facts, summary.paths, {"1.2.3": "a slice is missing"}, ("odd kernel",), cases=2)


def model_settings(model):
    return Toy(learn=Learn(epochs=99 if model is None else 77))


def objective(data, folder, settings, progress):
    for step in (1, 2, 3):
        progress(step, -((settings.learn.x - 3) ** 2))
    return -((settings.learn.x - 3) ** 2)


RECIPE = Recipe(
    name="toy",
    summary="plays",
    settings=Toy,
    index=lambda data, out, settings: Summary({"cases": 1}, (out,), cases=1),
    prepare=lambda run, data, settings, preview: write(run, "prepared.txt", str(preview)),
    train=lambda run, data, settings, start_from: write(
        run, "trained.txt", f"{settings.learn.epochs} {settings.learn.batch} {start_from}"
    ),
    find=find,
    export=lambda run, request, settings: Summary(),
    report=lambda run, settings: Summary({"epochs": settings.learn.epochs}, (run.path / "report.html",)),
    run=lambda run, data, settings: write(run, "all.txt", str(settings.learn.epochs)),
    model_settings=model_settings,
    shipped_models=dict,
    complete=lambda model, runs, entries: dict(entries),
    objective=objective,
)


@pytest.fixture
def toy(monkeypatch):
    """The recipe `toy`, listed beside the real ones."""
    module = types.ModuleType("toy_recipe")
    module.RECIPE = RECIPE
    monkeypatch.setitem(sys.modules, "toy_recipe", module)
    monkeypatch.setitem(RECIPES, "toy", "toy_recipe:RECIPE")
    return RECIPE


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.mha").write_text("scan")
    return folder


@pytest.fixture
def lesionkit(tmp_path, monkeypatch):
    """Run a command line in an empty folder, wide enough that nothing wraps."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setenv("LESIONKIT_CACHE", str(tmp_path / "cache"))

    def run(*words: str | Path):
        result = CliRunner().invoke(app, [str(word) for word in words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run
