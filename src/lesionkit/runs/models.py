"""The models in the package, and which weights `--model` means."""

from collections.abc import Callable, Mapping
from pathlib import Path

from lesionkit.core.errors import LesionkitError

MODELS = Path(__file__).parent / "shipped"
MODEL_FILE, ENSEMBLE_FILE = "model.safetensors", "ensemble.json"
"""Where a run with one network keeps it, and what describes several."""


def model_of_run(folder: Path) -> Path:
    """The file that stands for all that a run trained, whether it is there or not."""
    return folder / ENSEMBLE_FILE if (folder / ENSEMBLE_FILE).is_file() else folder / MODEL_FILE


def shipped_models(recipe: str) -> Mapping[str, Path]:
    """Name -> file of a recipe's models in the package."""
    return {path.stem: path for path in sorted(MODELS.glob(f"{recipe}*.safetensors"))}


def chosen_model(model: Path | None, recipe: str, of_run: Callable[[Path], Path] = model_of_run) -> Path:
    """What `--model` means: a file, a run folder, the name of a shipped model, or for None the one that is shipped.

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
    path = of_run(model) if model.is_dir() else model
    if not path.is_file():
        what = f"the folder {model}, which holds no finished training" if model.is_dir() else str(model)
        raise LesionkitError(f"--model must name a run folder or a .safetensors file, got {what}; shipped: {names}")
    return path
