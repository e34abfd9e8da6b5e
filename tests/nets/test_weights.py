import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.model_file import complete_card, read_card
from lesionkit.nets.nodule_net import NoduleNet
from lesionkit.nets.nodule_net_settings import NoduleNetSettings
from lesionkit.nets.segmenter import Segmenter
from lesionkit.nets.segmenter_settings import SegmenterSettings
from lesionkit.nets.weights import load_model, load_net, pick_device, save_model

SMALL = NoduleNetSettings(channels=(8, 16, 16, 16), blocks=(1, 1, 1, 1))


def test_a_saved_model_comes_back_with_its_settings_and_card(tmp_path):
    net = NoduleNet(SMALL).eval()
    loaded, card = load_model(save_model(tmp_path / "m.safetensors", net, {"seed": 3}))
    volume = torch.randn(1, 1, 32, 32, 32).clamp(-1, 1)
    assert card == {"seed": 3}
    assert loaded.settings == SMALL
    torch.testing.assert_close(loaded(volume), net(volume), atol=0.02, rtol=0.02)


def test_a_completed_card_has_further_entries_and_the_same_weights_and_kind(tmp_path):
    file = save_model(tmp_path / "m.safetensors", NoduleNet(SMALL), {"seed": 3, "licence": ""})
    before = load_file(file)
    complete_card(file, {"licence": "CC0", "limits": ["none"]})
    assert read_card(file) == {"seed": 3, "licence": "CC0", "limits": ["none"]}
    assert load_model(file)[0].settings == SMALL
    for name, weights in load_file(file).items():
        torch.testing.assert_close(weights, before[name], rtol=0, atol=0)


def test_a_missing_model_is_one_sentence(tmp_path):
    with pytest.raises(LesionkitError, match=r"no model at .*give --model"):
        load_model(tmp_path / "none.safetensors")


def test_a_damaged_model_is_one_sentence(tmp_path):
    path = save_model(tmp_path / "m.safetensors", NoduleNet(SMALL), {})
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(LesionkitError, match="cannot be read"):
        load_model(path)


def test_somebody_elses_weights_are_refused(tmp_path):
    save_file({"w": torch.zeros(1)}, tmp_path / "m.safetensors")
    with pytest.raises(LesionkitError, match="no lesionkit model"):
        load_model(tmp_path / "m.safetensors")


def test_a_named_device_is_taken_as_named():
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device("auto").type in ("cpu", "cuda", "mps")


def test_a_segmenter_comes_back_without_a_download(tmp_path):
    settings = SegmenterSettings(architecture="unet", encoder="tu-test_resnet", pretrained=False, head="linear")
    net = Segmenter(settings).eval()
    # As trained with downloaded weights: the file says so, and loading it must not fetch them again.
    net.settings = settings.model_copy(update={"pretrained": True})
    loaded, card = load_net(save_model(tmp_path / "m.safetensors", net, {"seed": 3}), Segmenter)
    image = torch.rand(1, 1, 32, 32)
    assert loaded.settings == settings
    assert card == read_card(tmp_path / "m.safetensors") == {"seed": 3}
    torch.testing.assert_close(loaded(image).mask, net(image).mask, atol=0.02, rtol=0.02)


def test_a_model_of_another_kind_is_refused(tmp_path):
    path = save_model(tmp_path / "m.safetensors", NoduleNet(SMALL), {})
    with pytest.raises(LesionkitError, match="must hold a Segmenter, got a NoduleNet"):
        load_net(path, Segmenter)


def test_what_float16_cannot_hold_is_written_as_it_is(tmp_path):
    net = NoduleNet(SMALL)
    net.up8.join.norm.running_var.fill_(123456.0)
    loaded, _ = load_model(save_model(tmp_path / "m.safetensors", net, {}))
    assert (loaded.up8.join.norm.running_var == 123456.0).all()
    kept = {name: str(tensor.dtype) for name, tensor in load_file(tmp_path / "m.safetensors").items()}
    wide = {name for name, kind in kept.items() if kind == "torch.float32"}
    assert wide == {"up8.join.norm.running_var"}


@pytest.mark.parametrize("value", [float("nan"), float("inf")], ids=["NaN", "infinite"])
def test_weights_that_are_no_finite_numbers_are_not_written(tmp_path, value):
    net = NoduleNet(SMALL)
    with torch.no_grad():
        net.stem.conv.weight[0, 0, 0, 0, 0] = value
    with pytest.raises(LesionkitError, match=r"cannot be written as a model.*stem.conv.weight holds NaN or infinity"):
        save_model(tmp_path / "m.safetensors", net, {})
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_holds_nan_is_not_read(tmp_path):
    path = save_model(tmp_path / "m.safetensors", NoduleNet(SMALL), {})
    with safe_open(path, framework="pt") as file:
        header = file.metadata()
    state = load_file(path)
    state["head.1.bias"][0] = float("nan")
    save_file(state, path, metadata=header)
    with pytest.raises(LesionkitError, match=r"m.safetensors cannot be read as a model.*head.1.bias holds NaN"):
        load_model(path)
