import json

import pytest
import torch

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.nodule_net import NoduleNet
from lesionkit.nets.nodule_net_settings import NoduleNetSettings
from lesionkit.nets.onnx_file import OnnxNet, write_onnx

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def small() -> NoduleNet:
    torch.manual_seed(0)
    return NoduleNet(NoduleNetSettings(channels=(16, 16, 16, 16), blocks=(1, 1, 1, 1)))


def test_a_file_computes_what_the_network_does_and_tells_its_input_and_output(tmp_path):
    told = {"input": {"image": "HU"}, "output": {"maps": "logit"}}
    files, difference = write_onnx(OnnxNet("a", small(), (1, 1, 16, 16, 16), ("maps",), told), tmp_path)
    assert difference < 1e-4
    props = {one.key: one.value for one in onnx.load(files[0]).metadata_props}
    assert json.loads(props["input"]) == {"image": "HU"}
    assert json.loads(files[1].read_text())["output"] == {"maps": "logit"}


def test_a_file_that_computes_something_else_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("lesionkit.nets.onnx_file.PARITY", 0.0)
    with pytest.raises(LesionkitError, match="the ONNX file of a must compute what the network does"):
        write_onnx(OnnxNet("a", small(), (1, 1, 16, 16, 16), ("maps",), {}), tmp_path)
    assert list(tmp_path.iterdir()) == []
