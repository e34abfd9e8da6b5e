from pathlib import Path
from types import SimpleNamespace

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.engine.map import EngineSettings
from lesionkit.recipes import study as subject
from lesionkit.recipes.base import Summary
from lesionkit.recipes.study import StudySearch, study_search


class ToySettings(Settings):
    engine: EngineSettings = EngineSettings()


@pytest.fixture
def recipe(monkeypatch):
    """A recipe whose search and export say what `told` says; the files that it exports are DICOM by their start."""
    told = SimpleNamespace(found=Summary({"scans searched": 1}), failed={}, asked=[], points=["a point"])

    def find(run, request, settings):
        told.asked.append((request.input.name, settings.engine.workers))
        return told.found

    def export(run, request, settings):
        told.asked.append((request.to, request.at))
        if told.failed:
            return Summary(failed=told.failed)
        file = run.path / "export" / request.to / "a.dcm"
        file.parent.mkdir(parents=True)
        file.write_bytes(bytes(128) + b"DICM")
        return Summary(paths=(file,))

    made = SimpleNamespace(name="toy", find=find, export=export, shipped_models=dict)
    monkeypatch.setattr(subject, "load_recipe", lambda name: made)
    monkeypatch.setattr(subject, "chosen_model", lambda model, name: model)
    monkeypatch.setattr(subject, "model_card", lambda model: {"points": told.points})
    return told


def search(folder: Path, *results: str, at: str | None = None):
    (folder / "study").mkdir()
    return study_search("toy", None, ToySettings(), results, at)(folder / "study", folder / "run")


def test_a_study_is_searched_and_each_kind_of_result_is_written(recipe, tmp_path):
    answered = search(tmp_path, "dicom-seg", "dicom-sr", at="0.5")
    assert recipe.asked == [("study", 1), ("dicom-seg", "0.5"), ("dicom-sr", "0.5")]
    assert [file.parent.name for file in answered.files] == ["dicom-seg", "dicom-sr"]
    assert answered.told.startswith("scans searched 1, find took 0.")


def test_a_series_that_cannot_be_searched_beside_one_that_can_is_told(recipe, tmp_path):
    recipe.found = Summary({"scans searched": 1}, failed={"1.2": "1.2: a slice is missing"})
    answered = search(tmp_path, "dicom-sr")
    assert len(answered.files) == 1
    assert answered.told.endswith(" s; 1.2: a slice is missing")


def test_where_nothing_can_be_written_the_study_has_failed(recipe, tmp_path):
    recipe.failed = {"1.2": "it has no frame of reference"}
    with pytest.raises(LesionkitError, match=r"1\.2: it has no frame of reference"):
        search(tmp_path, "dicom-sr")


def test_of_a_model_that_only_ranks_not_everything_goes_back(recipe, tmp_path):
    recipe.points = []
    search(tmp_path, "dicom-sr")
    assert recipe.asked[-1] == ("dicom-sr", "0.5")


def test_what_cannot_go_to_an_archive_is_refused_before_anything_arrives(recipe):
    with pytest.raises(
        LesionkitError, match=r"what goes back to an archive is dicom-seg, .*dicom-sr, dicom-ann, got 'nifti'"
    ):
        study_search("toy", None, ToySettings(), ["nifti"])


def test_a_search_travels_to_another_process(recipe):
    import pickle

    made = StudySearch("ct-nodule", None, EngineSettings(), ("dicom-sr",))
    assert pickle.loads(pickle.dumps(made)) == made
