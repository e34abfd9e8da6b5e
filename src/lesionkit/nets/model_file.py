"""What stands in the header of a model file, read and completed without torch."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing
from lesionkit.nets.guest.card import guest_card, is_guest

FORMAT = "lesionkit-1"


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


def read_card(path: Path) -> dict[str, Any]:
    """What a model file says of itself: settings, data, versions, figures; also one that others trained.

    Raises:
        LesionkitError: the file is missing, damaged or not a model that is run.
    """
    if is_guest(Path(path)):
        return guest_card(Path(path))
    card: dict[str, Any] = json.loads(read_header(Path(path))["card"])
    return card


def complete_card(path: Path, entries: Mapping[str, Any]) -> Path:
    """Write further entries into the card of a model file, over those of the same names; its weights stay as they are.

    Raises:
        LesionkitError: the file is missing, damaged or not a lesionkit model.
    """
    from safetensors.numpy import load_file, save_file

    header = read_header(Path(path))
    card = json.loads(header["card"]) | dict(entries)
    weights = load_file(path)
    with replacing(Path(path)) as temporary:
        save_file(weights, temporary, metadata={**header, "card": json.dumps(card)})
        # safetensors makes files that only their owner may read.
        temporary.chmod(0o644)
    return Path(path)
