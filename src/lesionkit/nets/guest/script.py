"""A model in TorchScript or ONNX as a function of arrays: nothing of its maker's Python is needed, and none is run."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.guest.described_settings import FORMATS

Outputs = tuple[NDArray[np.float32], ...]
"""What a model gives: one map, or boxes and their scores."""


def load_script(path: Path, device: torch.device) -> Callable[[NDArray[np.float32]], Outputs]:
    """A function from (b, c, …) float32 to what the model gives.

    Raises:
        LesionkitError: the file is missing, damaged, or in another form; or onnxruntime is not installed.
    """
    if not path.is_file():
        raise LesionkitError(f"there is no {path}, which its lesionkit.yaml names; put it beside that file")
    return _onnx(path, device) if FORMATS[path.suffix] == "ONNX" else _torchscript(path, device)


def _torchscript(path: Path, device: torch.device) -> Callable[[NDArray[np.float32]], Outputs]:
    try:
        with warnings.catch_warnings():
            # It is deprecated for who writes models, not for who has one.
            warnings.simplefilter("ignore")
            # Its own interpreter runs it: the file holds no Python.
            load: Any = torch.jit.load
            net: Any = load(path, map_location=device).eval()
    except (RuntimeError, ValueError, EOFError, OSError) as error:
        said = str(error).splitlines()[0][:120]
        raise LesionkitError(
            f"{path} must be a TorchScript model, but cannot be read ({said}); save it by torch.jit.save"
        ) from error

    @torch.inference_mode()
    def run(array: NDArray[np.float32]) -> Outputs:
        try:
            found = net(torch.from_numpy(array).to(device))
        except RuntimeError as error:
            raise _refused(path, array.shape, str(error)) from error
        parts = found if isinstance(found, tuple | list) else (found,)
        return tuple(one.float().cpu().numpy() for one in parts if isinstance(one, torch.Tensor))

    return run


def _onnx(path: Path, device: torch.device) -> Callable[[NDArray[np.float32]], Outputs]:
    try:
        import onnxruntime
    except ImportError as error:
        raise LesionkitError(f"{path} needs onnxruntime: pip install 'lesionkit[onnx]'") from error
    providers = ["CUDAExecutionProvider"] if device.type == "cuda" else []
    options = onnxruntime.SessionOptions()
    # What it has to say comes as an error.
    options.log_severity_level = 4
    try:
        known = [name for name in providers if name in onnxruntime.get_available_providers()]
        session = onnxruntime.InferenceSession(str(path), options, providers=[*known, "CPUExecutionProvider"])
    except Exception as error:  # Its exceptions have no public base.
        said = str(error).splitlines()[0][:120]
        raise LesionkitError(f"{path} must be an ONNX model, but cannot be read ({said}); export it again") from error
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise LesionkitError(f"{path} must take one input, the image, got {len(inputs)}; export it with one")

    def run(array: NDArray[np.float32]) -> Outputs:
        try:
            found = session.run(None, {inputs[0].name: array})
        except Exception as error:  # Its exceptions have no public base.
            raise _refused(path, array.shape, str(error)) from error
        return tuple(np.asarray(one, np.float32) for one in found)

    return run


def _refused(path: Path, shape: tuple[int, ...], error: str) -> LesionkitError:
    said = (error.splitlines() or [""])[-1][:160]
    return LesionkitError(
        f"{path} must take what its lesionkit.yaml says, but refused an input of shape {shape} ({said}); correct "
        "window, multiple or axes"
    )
