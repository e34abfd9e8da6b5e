"""The models in the package and in run folders, and which weights `--model` means."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from lesionkit.core.errors import LesionkitError
from lesionkit.runs.guests import added_models, guest_file

MODELS = Path(__file__).parent / "shipped"
MODEL_FILE, ENSEMBLE_FILE = "model.safetensors", "ensemble.json"
"""Where a run with one network keeps it, and what describes several."""


def model_of_run(folder: Path) -> Path:
    """The file that stands for all that a run trained, whether it is there or not."""
    return folder / ENSEMBLE_FILE if (folder / ENSEMBLE_FILE).is_file() else folder / MODEL_FILE


def shipped_models(recipe: str) -> Mapping[str, Path]:
    """Name -> file of a recipe's models in the package; of all recipes for "".

    Whose a model is its card tells: the name of a recipe may begin as another's does.
    """
    files = sorted(MODELS.glob(f"{recipe}*.safetensors"))
    return {path.stem: path for path in files if not recipe or _recipe_of(path) == recipe}


def _recipe_of(path: Path) -> str | None:
    """The recipe of a model's card; None of what is no model of a recipe, or damaged."""
    with path.open("rb") as file:
        # The first 8 bytes of a safetensors file say how long its header is.
        length = int.from_bytes(file.read(8), "little")
        header = file.read(min(length, path.stat().st_size))
    try:
        recipe: str | None = json.loads(json.loads(header)["__metadata__"]["card"]).get("recipe")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return recipe


def chosen_model(model: Path | None, recipe: str, of_run: Callable[[Path], Path] = model_of_run) -> Path:
    """What `--model` means: a file, a run folder, a model that others trained (see `guest_file`), the name of a shipped
    or added model, or for None the one that is shipped.

    Args:
        of_run: the file that stands for all that a run trained, whether it is there or not.

    Raises:
        LesionkitError: there is none; lists the models there are.
    """
    shipped = shipped_models(recipe)
    names = ", ".join(shipped) or "none"
    if model is None:
        if recipe not in shipped:
            raise LesionkitError(
                f"no model is shipped for {recipe} (shipped: {names}); train one with 'lesionkit train {recipe} DATA "
                "--out RUN' and give --model RUN"
            )
        return shipped[recipe]
    if str(model) in shipped:
        return shipped[str(model)]
    model = model_path(model, recipe) or model
    path = guest_file(model) or (of_run(model) if model.is_dir() else model)
    if not path.is_file():
        what = f"the folder {model}, which holds no finished training" if model.is_dir() else str(model)
        what += f", a model of another recipe than {recipe}" if str(model) in shipped_models("") else ""
        raise LesionkitError(
            f"--model must name a run folder, a .safetensors file or a MONAI bundle, got {what}; shipped: {names}"
        )
    return path


def model_path(model: Path | None, recipe: str) -> Path | None:
    """Where what `--model` names lies, for its digest; what is no name of a shipped or added model stays as it is."""
    shipped = shipped_models(recipe)
    if model is None or str(model) in shipped:
        return shipped.get(str(model or recipe))
    return model if model.exists() else added_models().get(str(model), model)


def models_below(folder: Path) -> list[Path]:
    """The models in a folder: what each finished training trained, and weights that lie in no run folder; by path.

    A run folder is one that holds `run.json`; what lies in it is its own, and not listed again.

    Raises:
        LesionkitError: there is no such folder.
    """
    if not folder.is_dir():
        raise LesionkitError(f"models are looked for in a folder, but {folder} is none; name one that holds runs")
    found = []
    for root, folders, files in os.walk(folder):
        here = Path(root)
        folders[:] = [] if "run.json" in files else sorted(name for name in folders if not name.startswith("."))
        if "run.json" not in files:
            found += [here / name for name in files if name.endswith(".safetensors")]
        elif model_of_run(here).is_file():
            found.append(model_of_run(here))
    return sorted(found)


def digest(files: Iterable[Path]) -> str:
    """SHA-256 of what files hold, one after the other, in hexadecimal digits."""
    sum_of_all = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            while block := opened.read(1 << 20):
                sum_of_all.update(block)
    return sum_of_all.hexdigest()
