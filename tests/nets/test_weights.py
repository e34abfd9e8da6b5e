import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.cube.chain import Chain
from lesionkit.nets.cube.cube_net import CubeNet
from lesionkit.nets.cube.mask_net import MaskNet
from lesionkit.nets.model_file import complete_card, read_card
from lesionkit.nets.nodule_net import NoduleNet
from lesionkit.nets.nodule_net_settings import NoduleNetSettings
from lesionkit.nets.patch_net import PatchNet
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


@pytest.mark.parametrize(
    ("kind", "net", "said"),
    [
        (NoduleNet, {"blocks": [1, 2147483648, 1, 1]}, "'blocks.1': Input should be less than or equal to 64"),
        (NoduleNet, {"channels": [8, 8, 8, 2147483648]}, "'channels.3': Input should be less than or equal to 1024"),
        (NoduleNet, {"channels": [0, 8, 8, 8]}, "'channels.0': Input should be greater than or equal to 1"),
        (PatchNet, {"encoder": "narrow", "blocks": [2, 2147483648]}, "'blocks.1': Input should be less"),
        (PatchNet, {"architecture": "unet", "base": 2147483648}, "'base': Input should be less"),
        (MaskNet, {"channels": [8] * 30}, "'channels': Tuple should have at most 8 items"),
        (CubeNet, {"architecture": "resnet", "bottlenecks": 2147483648}, "'bottlenecks': Input should be less"),
        (CubeNet, {"architecture": "densenet", "layers": 2147483648}, "'layers': Input should be less"),
        (CubeNet, {"architecture": "inception", "blocks": 2147483648}, "'blocks': Input should be less"),
        (CubeNet, {"width": 1e300}, "'width': Input should be less"),
        (Chain, {"cubes": [{}] * 17}, "'cubes': Tuple should have at most 16 items"),
        (Chain, {"mask": {"channels": [8, 2147483648]}}, "'mask.channels.1': Input should be less"),
    ],
)
def test_a_header_that_asks_for_an_endless_network_is_refused_before_it_is_built(tmp_path, kind, net, said):
    header = {"format": "lesionkit-1", "kind": kind.__name__, "net": json.dumps(net), "card": "{}"}
    save_file({"w": torch.zeros(1)}, tmp_path / "m.safetensors", metadata=header)
    with pytest.raises(LesionkitError, match=f"setting {said}"):
        load_net(tmp_path / "m.safetensors", kind)
