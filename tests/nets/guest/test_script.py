import numpy as np
import pytest
import torch
from torch import nn

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.guest.script import load_script

CPU = torch.device("cpu")

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning", "ignore:.*torch.jit:DeprecationWarning")


class Twice(nn.Module):
    def forward(self, x):
        return x * 2


def test_torchscript_runs_on_arrays_and_says_what_it_refuses(tmp_path):
    torch.jit.trace(nn.Conv2d(1, 1, 1), torch.zeros(1, 1, 2, 2)).save(tmp_path / "a.ts")
    run = load_script(tmp_path / "a.ts", CPU)
    assert run(np.zeros((1, 1, 4, 4), np.float32))[0].shape == (1, 1, 4, 4)
    with pytest.raises(LesionkitError, match=r"refused an input of shape \(1, 3, 4, 4\)"):
        run(np.zeros((1, 3, 4, 4), np.float32))


def test_onnx_runs_on_arrays_and_says_what_it_refuses(tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    number, helper = onnx.TensorProto.FLOAT, onnx.helper
    image, found = (helper.make_tensor_value_info(name, number, [1, 1, "y", "x"]) for name in ("image", "found"))
    graph = helper.make_graph([helper.make_node("Add", ["image", "image"], ["found"])], "twice", [image], [found])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "a.onnx").write_bytes(made.SerializeToString())
    run = load_script(tmp_path / "a.onnx", CPU)
    assert run(np.full((1, 1, 2, 3), 2, np.float32))[0].tolist() == [[[[4.0] * 3] * 2]]
    with pytest.raises(LesionkitError, match=r"refused an input of shape \(2, 1, 2, 3\)"):
        run(np.zeros((2, 1, 2, 3), np.float32))


def test_files_that_are_missing_or_none_are_one_sentence(tmp_path):
    with pytest.raises(LesionkitError, match=r"there is no .*a.ts, which its lesionkit.yaml names"):
        load_script(tmp_path / "a.ts", CPU)
    (tmp_path / "a.ts").write_text("hello")
    with pytest.raises(LesionkitError, match="must be a TorchScript model"):
        load_script(tmp_path / "a.ts", CPU)
