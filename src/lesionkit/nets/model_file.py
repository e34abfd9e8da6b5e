"""What stands in a model file beside its weights, read and completed without torch: header, plain arrays."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing
from lesionkit.core.untrusted import reads
from lesionkit.nets.guest.card import guest_card, is_guest

FORMAT = "lesionkit-1"
BESIDE = "beside."
"""Names of arrays that are no weights begin so."""


@reads("a safetensors model")
def read_header(path: Path) -> dict[str, str]:
    """The header of a model file: format, kind, net and card, the last two as JSON.

    Raises:
        LesionkitError: the file is missing, damaged or not a lesionkit model.
    """
    if not path.is_file():
        raise LesionkitError(f"no model at {path}; give --model a .safetensors file or a run folder that has one")
    try:
        with safe_open(path, framework="numpy") as file:
            header: dict[str, str] = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise LesionkitError(
            f"{path} must be a safetensors model, but cannot be read ({error}); copy it again"
        ) from error
    if header.get("format") != FORMAT:
        raise LesionkitError(f"{path} is no lesionkit model: its header says format {header.get('format')!r}")
    return header


@reads("a model with a card")
def read_card(path: Path) -> dict[str, Any]:
    """What a model file says of itself: settings, data, versions, figures; also one that others trained.

    Raises:
        LesionkitError: the file is missing, damaged or not a model that is run.
    """
    if is_guest(Path(path)):
        return guest_card(Path(path))
    card: dict[str, Any] = json.loads(read_header(Path(path))["card"])
    return card


@reads("a model")
def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays that lie in a model file beside its weights, by name.

    Raises:
        LesionkitError: the file is missing, damaged or not a lesionkit model.
    """
    return {name.removeprefix(BESIDE): value for name, value in _tensors(path).items() if name.startswith(BESIDE)}


@reads("a model")
def weights_digest(path: Path) -> str:
    """SHA-256 of the weights of a model file, whatever its header and the arrays beside them say.

    Raises:
        LesionkitError: the file is missing, damaged or not a lesionkit model.
    """
    told = hashlib.sha256()
    for name, value in sorted(_tensors(path).items()):
        if not name.startswith(BESIDE):
            told.update(f"{name} {value.dtype} {value.shape}".encode())
            told.update(np.ascontiguousarray(value).tobytes())
    return told.hexdigest()


def complete_card(path: Path, entries: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None) -> Path:
    """Write further entries into the card of a model file, over those of the same names; its weights stay as they are.

    Args:
        arrays: that lie beside the weights from now on, by name.

    Raises:
        LesionkitError: the file is missing, damaged or not a lesionkit model.
    """
    header, tensors = read_header(Path(path)), _tensors(path)
    card = json.loads(header["card"]) | dict(entries)
    tensors |= {f"{BESIDE}{name}": np.ascontiguousarray(value) for name, value in (arrays or {}).items()}
    with replacing(Path(path)) as temporary:
        save_file(tensors, temporary, metadata={**header, "card": json.dumps(card)})
        # safetensors makes files that only their owner may read.
        temporary.chmod(0o644)
    return Path(path)


def _tensors(path: Path) -> dict[str, NDArray[Any]]:
    read_header(path)
    with safe_open(path, framework="numpy") as file:
        # What is open is no mapping.
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
