import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.nodule_net import NoduleNet
from lesionkit.nets.nodule_net_settings import NoduleNetSettings
from lesionkit.nets.weights import save_model
from lesionkit.recipes.ct.nodule import RECIPE


def test_the_recipe_is_one_of_ct_and_has_a_shipped_model_of_its_kind():
    assert RECIPE.name == "ct-nodule"
    assert "ct-nodule" in RECIPE.shipped_models()
    assert isinstance(RECIPE.model_settings(None), RECIPE.settings)


def test_a_model_whose_card_tells_no_settings_is_refused(tmp_path):
    net = NoduleNet(NoduleNetSettings(channels=(8, 16, 16, 16), blocks=(1, 1, 1, 1)))
    path = save_model(tmp_path / "m.safetensors", net, {"recipe": "ct-nodule"})
    with pytest.raises(LesionkitError, match=r"the card of .*m.safetensors holds no settings; train it with lesionkit"):
        RECIPE.model_settings(path)
