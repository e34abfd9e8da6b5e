from pathlib import Path

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes import load_recipe
from lesionkit.runs.models import digest, models_below, shipped_models


@pytest.mark.parametrize("recipe", ["ct-nodule", "slide-metastasis", "xray-pneumothorax"])
def test_the_models_that_are_shipped_are_searched_with_in_the_precision_of_the_machine_they_are_on(recipe):
    infer = load_recipe(recipe).model_settings(None).infer
    assert (infer.precision, infer.device) == ("auto", "auto")


def touched(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_of_a_run_the_file_that_stands_for_all_is_listed_and_of_other_folders_every_file_of_weights(tmp_path):
    touched(tmp_path, "a/run.json", "a/model.safetensors", "a/trainings/x/other.safetensors", "loose.safetensors")
    touched(tmp_path, "b/run.json", "b/ensemble.json", "b/models/1.safetensors", "c/run.json", ".d/x.safetensors")
    found = [path.relative_to(tmp_path).as_posix() for path in models_below(tmp_path)]
    assert found == ["a/model.safetensors", "b/ensemble.json", "loose.safetensors"]


def test_models_are_not_looked_for_in_a_file(tmp_path):
    touched(tmp_path, "a")
    with pytest.raises(LesionkitError, match=r"looked for in a folder, but .* is none; name one that holds runs"):
        models_below(tmp_path / "a")


def test_a_digest_is_the_sha_256_of_all_files_one_after_the_other(tmp_path):
    (tmp_path / "1").write_bytes(b"a")
    (tmp_path / "2").write_bytes(b"bc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest([tmp_path / "1", tmp_path / "2"]) == known


def test_a_model_belongs_to_the_recipe_that_its_card_names_whatever_its_own_name_begins_with():
    assert set(shipped_models("ct-nodule")) == {"ct-nodule"}
    assert set(shipped_models("ct-nodule-slices")) == {"ct-nodule-slices"}
    assert set(shipped_models("xray-pneumothorax")) == {"xray-pneumothorax", "xray-pneumothorax-painted"}
    assert not shipped_models("ct-nodule-two-stage-2017")
    assert {"ct-nodule", "ct-nodule-rpn", "xray-lung"} < set(shipped_models(""))


@pytest.mark.parametrize("content", [b"", b"weights of nobody", b"\x02" + bytes(7) + b"{}", b"\x02" + bytes(7) + b"[]"])
def test_a_damaged_model_in_the_package_is_nobody_s(tmp_path, monkeypatch, content):
    (tmp_path / "ct-nodule.safetensors").write_bytes(content)
    monkeypatch.setattr("lesionkit.runs.models.MODELS", tmp_path)
    assert not shipped_models("ct-nodule")
    assert set(shipped_models("")) == {"ct-nodule"}
