import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.points import OperatingPoints, StoredPoint
from lesionkit.recipes.models import listed_models, named_model, told_model, written_card
from lesionkit.runs.models import digest


def points(name):
    return OperatingPoints((StoredPoint(name, 0.4),), name, {"scans": 2}).to_card()


CARD = {
    "recipe": "ct-nodule",
    "settings": {},
    "licence": "CC0",
    "training_cases": 3,
    "operating_points": points("1 false positive a scan"),
}


def write_weights(path, card, **header):
    metadata = {"format": "lesionkit-1", "net": "{}", "card": json.dumps(card), **header}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"w": np.zeros(1, np.float16)}, path, metadata=metadata)
    return path


def test_what_is_told_is_what_the_header_says(tmp_path):
    file = write_weights(tmp_path / "m.safetensors", CARD)
    told = told_model(file, "m")
    assert (told.recipe, told.origin, told.licence, told.learned_from) == ("ct-nodule", "trained", "CC0", "3 scans")
    assert told.operating_points == ("1 false positive a scan",)
    assert not told.tells_foreign
    assert (told.bytes, told.sha256) == (file.stat().st_size, digest([file]))
    assert json.loads(json.dumps(told.as_json()))["files"] == [str(file)]


def test_points_may_lie_in_the_card_itself_each_with_its_name(tmp_path):
    card = {"recipe": "r", "operating_points": points("sensitivity 95 %"), "origin": "imported"}
    told = told_model(write_weights(tmp_path / "m.safetensors", card), "m")
    assert (told.operating_points, told.origin) == (("sensitivity 95 %",), "imported")


def test_several_networks_are_one_model_of_several_files(tmp_path):
    files = [write_weights(tmp_path / "models" / f"{n}.safetensors", CARD) for n in (1, 2)]
    nets = [{"name": str(n), "file": f"models/{n}.safetensors"} for n in (1, 2)]
    about = {**CARD, "format": "lesionkit ensemble 1", "nets": nets}
    (tmp_path / "ensemble.json").write_text(json.dumps(about))
    (tmp_path / "run.json").touch()
    (told,) = [model for model in listed_models(tmp_path) if model.origin != "shipped"]
    assert (told.name, told.files[1:]) == (str(tmp_path), tuple(files))
    assert named_model(str(tmp_path)).sha256 == told.sha256


def test_the_shipped_ones_are_listed_first_with_the_licence_of_their_cards(tmp_path):
    shipped = listed_models(tmp_path)
    assert {model.recipe for model in shipped} >= {"ct-nodule", "slide-metastasis", "xray-pneumothorax"}
    assert {(model.origin, model.licence, model.problem) for model in shipped} == {("shipped", "Apache-2.0", "")}
    assert "Research use only" in (written_card(shipped[0]) or "")


def test_a_damaged_one_is_listed_with_its_fault_and_refused_when_it_is_named(tmp_path):
    (tmp_path / "bad.safetensors").write_bytes(b"no weights")
    bad = listed_models(tmp_path)[-1]
    assert "must be a safetensors model, but cannot be read" in bad.problem
    with pytest.raises(LesionkitError, match="must be a safetensors model, but cannot be read"):
        named_model(bad.name)


def test_a_card_of_another_form_is_a_fault_of_the_model_and_no_trace(tmp_path):
    write_weights(tmp_path / "m.safetensors", -1)
    (bad,) = [model for model in listed_models(tmp_path) if model.origin == "trained"]
    assert "m.safetensors must be a model with a card, but is damaged or of another form" in bad.problem
    with pytest.raises(LesionkitError, match="must be a model with a card"):
        named_model(str(tmp_path / "m.safetensors"))


def test_a_network_of_an_ensemble_that_is_gone_is_a_fault(tmp_path):
    nets = [{"name": "1", "file": "models/1.safetensors"}]
    (tmp_path / "ensemble.json").write_text(json.dumps({**CARD, "format": "lesionkit ensemble 1", "nets": nets}))
    told = told_model(tmp_path / "ensemble.json", "e")
    assert "1.safetensors" in told.problem


def test_a_name_that_is_none_is_told_which_there_are(tmp_path):
    with pytest.raises(LesionkitError, match=r"name of a shipped one \(.*ct-nodule, .*\), got 'ct-nodul'"):
        named_model("ct-nodul")
    with pytest.raises(LesionkitError, match="which holds no finished training"):
        named_model(str(tmp_path))
