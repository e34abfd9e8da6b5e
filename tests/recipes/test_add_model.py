import json

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes.add_model import add_model
from lesionkit.recipes.models import listed_models
from lesionkit.runs.models import chosen_model, model_path


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LESIONKIT_CACHE", str(tmp_path / "cache"))


def test_a_bundle_is_checked_copied_listed_and_used_by_its_name(tmp_path, make_bundle):
    make_bundle(tmp_path, "lung")
    told = add_model(tmp_path / "lung")
    assert (told.name, told.recipe, told.licence, told.operating_points) == ("lung", "ct-nodule", "Apache-2.0", ())
    copied = tmp_path / "cache/models/lung"
    assert json.loads((copied / "added.json").read_text())["sha256"] == told.sha256
    assert "lung" in [model.name for model in listed_models() if model.origin == "added"]
    assert model_path(told_path := copied.relative_to(copied.parent), "ct-nodule") == copied
    assert chosen_model(told_path, "ct-nodule") == copied / "models/model.pt"


def test_what_we_trained_is_used_by_its_path_and_names_are_plain(tmp_path, model, make_bundle):
    with pytest.raises(LesionkitError, match="what is added is a MONAI bundle"):
        add_model(model)
    make_bundle(tmp_path, "b", of="tumour")
    for name in ("ct-nodule", "../out", ""):
        with pytest.raises(LesionkitError, match=r"cannot be the name of an added model|what is added"):
            add_model(tmp_path / "b", name or " ")
    assert add_model(tmp_path / "b", "mine").recipe == "slide-metastasis"
