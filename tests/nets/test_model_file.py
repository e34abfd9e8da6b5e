import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.model_file import complete_card, read_arrays, read_card, weights_digest
from lesionkit.nets.nodule_net import NoduleNet
from lesionkit.nets.nodule_net_settings import NoduleNetSettings
from lesionkit.nets.weights import load_model, save_model


@pytest.fixture
def model(tmp_path):
    net = NoduleNet(NoduleNetSettings(channels=(16, 16, 16, 16), blocks=(1, 1, 1, 1)))
    return save_model(tmp_path / "m.safetensors", net, {"recipe": "ct-nodule", "old": 1})


def test_what_is_added_lies_beside_weights_that_stay_as_they_are(model):
    before, weights = weights_digest(model), load_model(model)[0].state_dict()
    complete_card(model, {"new": [2], "old": 3}, {"a.b": np.arange(3, dtype=np.float32)})
    assert read_card(model) == {"recipe": "ct-nodule", "old": 3, "new": [2]}
    assert read_arrays(model)["a.b"].tolist() == [0, 1, 2]
    assert weights_digest(model) == before
    loaded = load_model(model)[0].state_dict()
    assert all(bool((loaded[name] == weights[name]).all()) for name in weights)
    complete_card(model, {}, {"c": np.ones(1)})
    assert set(read_arrays(model)) == {"a.b", "c"}


def test_other_weights_have_another_digest(model, tmp_path):
    other = NoduleNet(NoduleNetSettings(channels=(16, 16, 16, 16), blocks=(1, 1, 1, 1)))
    assert weights_digest(save_model(tmp_path / "o.safetensors", other, {})) != weights_digest(model)


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "m.safetensors").write_bytes(b"no weights")
    with pytest.raises(LesionkitError, match="must be a safetensors model"):
        complete_card(tmp_path / "m.safetensors", {"a": 1})
