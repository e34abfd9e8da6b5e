"""A network -> an ONNX file that says how its input is made and what its output means, checked against the network."""

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing, write_text

PARITY = 1e-4
"""Largest difference of an output that is accepted between the network and the file, as numbers of the network."""
_OPSET = 17
_SEED = 20


@dataclass(frozen=True, eq=False)
class OnnxNet:
    """A network with what is told of it.

    Attributes:
        name: of the file.
        shape: of an input (batch, channels, sides…) that the network takes; batch and sides may differ later.
        outputs: names of its outputs in order; those that are None are left out.
        told: what its input is made of and what its output means, as JSON can hold it.
    """

    name: str
    net: nn.Module
    shape: tuple[int, ...]
    outputs: tuple[str, ...]
    told: Mapping[str, Any]


def write_onnx(one: OnnxNet, folder: Path) -> tuple[list[Path], float]:
    """Write `NAME.onnx` with its statement as metadata, and the same as `NAME.json`.

    Returns:
        The files, and the largest difference of an output on noise of another size than the network was traced with.

    Raises:
        LesionkitError: onnx or onnxruntime is not installed, or the file computes something else.
    """
    try:
        import onnx
    except ImportError as error:
        raise LesionkitError(f"ONNX needs {error.name}; pip install 'lesionkit[onnx]'") from error
    net = one.net.to("cpu", torch.float32).eval()
    path = folder / f"{one.name}.onnx"
    with replacing(path) as temporary:
        _trace(_Outputs(net).eval(), one, temporary)
        model: Any = onnx.load(str(temporary))
        told = {**one.told, "notice": "Research use only; not a medical device."}
        for name, value in told.items():
            entry = model.metadata_props.add()
            entry.key, entry.value = name, value if isinstance(value, str) else json.dumps(value)
        onnx.checker.check_model(model)
        onnx.save(model, str(temporary))
        difference = _difference(net, one, temporary)
    told |= {"opset": _OPSET, "largest difference to PyTorch": difference}
    return [path, write_text(path.with_suffix(".json"), json.dumps(told, indent=1) + "\n")], difference


class _Outputs(nn.Module):
    """A network whose outputs are a tuple of tensors, without those that it does not have."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return _tensors(self.net(image))


def _tensors(output: Any) -> tuple[Tensor, ...]:
    return (output,) if isinstance(output, Tensor) else tuple(one for one in output if one is not None)


def _trace(net: nn.Module, one: OnnxNet, path: Path) -> None:
    sides = {0: "batch", **{axis: f"side{axis - 1}" for axis in range(2, len(one.shape))}}
    with warnings.catch_warnings(), torch.no_grad():
        # The tracing exporter is the one that needs no further library; it says that it will go.
        warnings.simplefilter("ignore")
        example = torch.zeros(one.shape)
        names = list(one.outputs[: len(net(example))])
        axes = {"image": sides, **{name: {0: "batch"} for name in names}}
        torch.onnx.export(
            net,
            (example,),
            str(path),
            input_names=["image"],
            output_names=names,
            dynamic_axes=axes,
            opset_version=_OPSET,
            dynamo=False,
        )


def _difference(net: nn.Module, one: OnnxNet, path: Path) -> float:
    """The largest difference of any output on noise of twice the size."""
    try:
        import onnxruntime
    except ImportError as error:
        raise LesionkitError(f"ONNX needs {error.name}; pip install 'lesionkit[onnx]'") from error
    shape = (2, one.shape[1], *(2 * side for side in one.shape[2:]))
    image = np.random.default_rng(_SEED).random(shape, np.float32)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        known = [output.numpy() for output in _tensors(net(torch.from_numpy(image)))]
    found = session.run(None, {"image": image})
    pairs = list(zip(known, found, strict=True))
    difference = max(float(np.abs(a - b).max()) for a, b in pairs)
    if not difference < PARITY:
        raise LesionkitError(
            f"the ONNX file of {one.name} must compute what the network does to {PARITY:g}, but differs by "
            f"{difference:.2g}; report it with the versions of torch and onnxruntime"
        )
    return difference
