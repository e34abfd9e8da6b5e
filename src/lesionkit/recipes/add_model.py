"""`lesionkit models add`: a model that others trained is checked, copied and remembered under a name."""

import re
from pathlib import Path

from lesionkit.core.errors import LesionkitError
from lesionkit.infer.detect_settings import InferSettings
from lesionkit.nets.guest.card import guest_files
from lesionkit.recipes.ensemble import model_card
from lesionkit.recipes.models import ToldModel, named_model
from lesionkit.runs.guests import DESCRIPTION, guest_file, remember
from lesionkit.runs.models import digest, shipped_models

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def add_model(path: Path, name: str | None = None) -> ToldModel:
    """Check a model, copy what it needs below the cache, and tell of it.

    Args:
        name: that `--model` takes; None for that of its folder, without a version.

    Raises:
        LesionkitError: it is none that is run, does not fit its config, or the name is taken.
    """
    file = guest_file(path) if path.exists() else None
    if file is None:
        raise LesionkitError(
            f"what is added is a MONAI bundle (folder or zip) or a model with a {DESCRIPTION}, got {path}; what "
            "lesionkit trained is used by its path"
        )
    called = name or _called(path, file)
    if not _NAME.fullmatch(called) or called in shipped_models(""):
        raise LesionkitError(
            f"'{called}' cannot be the name of an added model; give another --name of letters and digits"
        )
    card = model_card(file)
    _refuse_unfit(file, str(card["recipe"]))
    files = guest_files(file)
    facts = {"recipe": card["recipe"], "sha256": digest(files.values()), "from": path.name}
    remember(path, files, called, facts)
    return named_model(called)


def _called(path: Path, file: Path) -> str:
    """The name of a bundle's folder or of the zip, without the version that zips have."""
    folder = file.parent if file.name == DESCRIPTION else file.parent.parent
    inside_zip = path.suffix == ".zip" and folder.parent.name == ".unpacked"
    return re.sub(r"_v?\d+(\.\d+)+$", "", path.stem if inside_zip else folder.resolve().name)


def _refuse_unfit(file: Path, recipe: str) -> None:
    """Load the network once, so that weights which do not fit are told of now."""
    if recipe == "slide-metastasis":
        from lesionkit.nets.guest.slide_net import load_guest_patch_net

        load_guest_patch_net(file)
    else:
        from lesionkit.infer.detectors import load_detector

        load_detector(file, InferSettings())
