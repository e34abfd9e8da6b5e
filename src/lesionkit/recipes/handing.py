"""How the findings of a kind of image are handed to other programs: what a kind gives, and what is asked for."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic

from lesionkit.core.errors import LesionkitError
from lesionkit.core.handed import Handed, Maker
from lesionkit.recipes.ensemble import model_card
from lesionkit.recipes.searching import F, S
from lesionkit.runs.fingerprint import fingerprint
from lesionkit.runs.run_folder import RunFolder

if TYPE_CHECKING:
    from lesionkit.nets.onnx_file import OnnxNet


@dataclass(frozen=True)
class Handing(Generic[S, F]):
    """What a kind of image gives to be handed over.

    Attributes:
        hand: (found, run folder, settings, maker): the findings of one image in the form of the kind.
        derive: (handed, folder): write the image as DICOM into a new folder, and give the same findings on it.
        networks: (model, settings): the networks of a model, one after the other, with what is told of each.
    """

    hand: Callable[[F, Path, S, Maker], Handed]
    derive: Callable[[Any, Path], Handed]
    networks: Callable[[Path, S], Iterable["OnnxNet"]]


def maker_of(run: RunFolder, model: Path) -> Maker:
    """What made the findings of a run; without digests where the weights are no longer those that searched."""
    given = run.record["inputs"].get("model")
    same = model.is_file() and (not isinstance(given, Mapping) or _unchanged(model, given))
    return Maker(
        recipe=run.record["recipe"],
        version=str(run.record["versions"].get("lesionkit", "")),
        model=model.name if model.is_file() else "",
        model_sha256=hashlib.sha256(model.read_bytes()).hexdigest() if same else "",
        card_sha256=_digest(model_card(model)) if same else "",
        made_at=datetime.fromisoformat(str(run.record["started"])),
    )


def _unchanged(model: Path, given: Mapping[str, Any]) -> bool:
    """Whether weights are those that a run recorded; of a run folder other files count too, so nothing can be told."""
    if not Path(str(given.get("path", ""))).is_file():
        return True
    return bool(fingerprint(model)["sha256"] == given.get("sha256"))


def _digest(card: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(card, sort_keys=True, default=str).encode()).hexdigest()


def refuse_filled(out: Path) -> None:
    """Refuse a folder that holds something, before anything is read.

    Raises:
        LesionkitError: it does, or is a file.
    """
    if out.is_file():
        raise LesionkitError(f"--out must be a folder, but {out} is a file; name another")
    if out.is_dir() and any(out.iterdir()):
        raise LesionkitError(f"{out} holds something already; name a new or an empty folder with --out, or empty it")
