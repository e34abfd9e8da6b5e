import json
import shutil

import pytest

from lesionkit.engine.map import EngineSettings
from lesionkit.nets.weights import load_model
from lesionkit.recipes.ct import train as subject
from lesionkit.recipes.ct.nodule import RECIPE
from lesionkit.recipes.ct.settings import CtNodule
from lesionkit.runs.run_folder import open_run, read_run


@pytest.fixture
def settings(model, tmp_path, monkeypatch) -> CtNodule:
    """Those of the small net, with "auto" for the batch; training itself is left to the tests of `learn`."""
    monkeypatch.setenv("LESIONKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(subject, "choose_batch", lambda *_: 4)
    base = RECIPE.model_settings(model)
    learn = base.learn.model_copy(update={"batch": "auto", "steps": 3})
    return base.model_copy(update={"learn": learn, "engine": EngineSettings(backend="here")})


@pytest.fixture
def data(chests, tmp_path):
    """A data set of two patients."""
    for number in (1, 4):
        (tmp_path / "data/scans").mkdir(parents=True, exist_ok=True)
        shutil.copy(chests / f"scans/ct-phantom-{number:05d}.mha", tmp_path / "data/scans")
    lines = (chests / "annotations.csv").read_text().splitlines()
    table = [line for line in lines if line.startswith(("seriesuid", "ct-phantom-00001"))]
    (tmp_path / "data/annotations.csv").write_text("\n".join(table) + "\n")
    return tmp_path / "data"


def test_two_patients_all_learn_and_the_card_tells_on_what(data, settings, tmp_path, monkeypatch):
    monkeypatch.setattr(subject, "fit", lambda *_: {"speed/steps_per_s": 2.0})
    with open_run(tmp_path / "r", "ct-nodule", settings, {"data": data}) as run:
        summary = subject.learn(run, data, settings, None).summary
    assert "has 2 usable patients: all of them learn and none validates or tests" in summary.warnings[0]
    assert summary.facts["validation CPM"] == "not measured: no validation cases"
    _, card = load_model(tmp_path / "r/model.safetensors")
    assert (card["training_cases"], card["training_lesions"]) == (2, 2)
    assert card["inputs"]["data"]["files"] == 3
    assert "path" not in card["inputs"]["data"]


def test_ctrl_c_is_an_interruption_and_the_same_command_goes_on_with_the_same_batch(
    data, settings, tmp_path, monkeypatch
):
    def interrupted(*_):
        # As Lightning does.
        raise SystemExit(1)

    monkeypatch.setattr(subject, "fit", interrupted)
    resume = f"interrupted; to resume, run the same command with --out {tmp_path / 'r'}"
    with (
        pytest.raises(KeyboardInterrupt, match=resume),
        open_run(tmp_path / "r", "ct-nodule", settings, {"data": data}) as run,
    ):
        subject.learn(run, data, settings, None)
    record = json.loads((tmp_path / "r/run.json").read_text())
    assert record["stages"]["train"]["state"] == "interrupted"
    monkeypatch.setattr(subject, "fit", lambda *_: {})
    monkeypatch.setattr(subject, "choose_batch", lambda *_: 16)
    with open_run(tmp_path / "r", "ct-nodule", settings, {"data": data}) as run:
        run.note(training_s=100)
        facts = subject.learn(run, data, settings, None).summary.facts
    assert facts["patches per step"] == 4
    assert int(facts["training time"].removesuffix(" s")) >= 100
    assert read_run(tmp_path / "r").record["stages"]["train"]["state"] == "done"
