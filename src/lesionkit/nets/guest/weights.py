"""The weights of a bundle, and nothing else that its file may hold."""

import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lesionkit.core.errors import LesionkitError
from lesionkit.core.untrusted import reads
from lesionkit.nets.finite import refuse_not_finite

_INSIDE = ("model", "state_dict", "network")
"""Names under which a checkpoint may hold the weights."""


@reads("weights of PyTorch")
def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Names and tensors of a `.pt` file. Code that it may hold is not run.

    Raises:
        LesionkitError: it is missing, cut off, holds more than plain tensors, or a number that is none.
    """
    if not path.is_file():
        raise LesionkitError(
            f"the bundle has no {path.parent.name}/{path.name} ({path}); its weights are downloaded apart in some ways "
            "of getting it: 'python -m monai.bundle download' fetches both"
        )
    try:
        with warnings.catch_warnings():
            # What it finds odd is refused or does not matter.
            warnings.simplefilter("ignore")
            held: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "weights_only" not in str(error) and "Unsupported" not in str(error):
            raise _cut_off(path, error) from error
        raise LesionkitError(
            f"{path} must hold weights alone, but holds code or objects of a program, which were not run; ask its "
            "maker for the state_dict"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, IndexError, zipfile.BadZipFile) as error:
        raise _cut_off(path, error) from error
    for name in _INSIDE:
        if isinstance(held, dict) and isinstance(held.get(name), dict):
            held = held[name]
    if not isinstance(held, dict) or not held or not all(isinstance(value, torch.Tensor) for value in held.values()):
        raise LesionkitError(f"{path} must hold names with tensors (a state_dict), got {type(held).__name__}")
    state = {str(name).removeprefix("module."): value for name, value in held.items()}
    refuse_not_finite(path, state, "read")
    return state


def fill(net: nn.Module, path: Path, monai_version: str = "") -> nn.Module:
    """Put the weights of a file into a network; every name and shape must fit.

    Args:
        net: as it was made; on the device "meta", where that costs nothing.
        monai_version: that the bundle says it was made with, for the sentence.

    Raises:
        LesionkitError: a weight is missing, unknown or of another shape; see also `read_weights`.
    """
    given, wanted = read_weights(path), net.state_dict()
    missing, unknown = [n for n in wanted if n not in given], [n for n in given if n not in wanted]
    other = [n for n in wanted if n in given and given[n].shape != wanted[n].shape]
    if missing or unknown or other:
        said = [
            f"{len(names)} {what} (first '{names[0]}')"
            for names, what in ((missing, "are missing"), (unknown, "are unknown"), (other, "have another shape"))
            if names
        ]
        made = f"; the bundle was made with MONAI {monai_version}" if monai_version else ""
        raise LesionkitError(
            f"{path} must fit the network that its config describes, but of its weights {', '.join(said)}{made}: take "
            "configs and weights of one version of the bundle"
        )
    state = {name: value.to(wanted[name].dtype).contiguous() for name, value in given.items()}
    net.load_state_dict(state, assign=True)
    return net.eval()


def _cut_off(path: Path, error: Exception) -> LesionkitError:
    said = (str(error).splitlines() or [type(error).__name__])[0][:120]
    return LesionkitError(f"{path} must hold weights of PyTorch, but is cut off or damaged ({said}); download it again")
