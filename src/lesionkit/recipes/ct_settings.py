"""The settings of ct-nodule, and the models it has."""

from collections.abc import Mapping
from pathlib import Path

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.engine.map import EngineSettings
from lesionkit.evaluate.luna16_match import Luna16Settings
from lesionkit.infer.detect import InferSettings
from lesionkit.learn.detection import LearnSettings
from lesionkit.nets.nodule_net import NoduleNetSettings
from lesionkit.nets.weights import load_model
from lesionkit.phantoms.nodule import NoduleSettings
from lesionkit.prepare.case import PrepareSettings
from lesionkit.read.options import ScanOptions
from lesionkit.sample.draw import SampleSettings

MODELS = Path(__file__).parent / "models"
MODEL_FILE = "model.safetensors"


class SplitSettings(Settings):
    """Who learns and who is kept out. A splits.json in the data set, or LUNA16's subset folders, come first."""

    shares: tuple[float, float, float] = (0.7, 0.15, 0.15)
    """Share of the cases in train, validation and test; patients stay together."""
    seed: int = 0
    test_fold: str | None = None
    """Of given folds, the one that is scored; None takes the last."""
    validation_fold: str | None = None
    """Of given folds, the one that thresholds are tuned on; None takes the one before."""


class CtNodule(Settings):
    """Every setting of the recipe, one group per stage."""

    read: ScanOptions = ScanOptions()
    partial_truth: bool = False
    """Allow truth tables that name series which are not there, as in a part of a downloaded set."""
    prepare: PrepareSettings = PrepareSettings()
    split: SplitSettings = SplitSettings()
    sample: SampleSettings = SampleSettings()
    insert: NoduleSettings = NoduleSettings(large_share=0.15, texture_weights=(0.6, 0.15, 0.25))
    """Which nodules are inserted into training patches."""
    net: NoduleNetSettings = NoduleNetSettings()
    learn: LearnSettings = LearnSettings()
    infer: InferSettings = InferSettings()
    score: Luna16Settings = Luna16Settings(protocol="exact")
    engine: EngineSettings = EngineSettings()


def shipped_models() -> Mapping[str, Path]:
    """Name -> file of the models in the package."""
    return {path.stem: path for path in sorted(MODELS.glob("ct-nodule*.safetensors"))}


def model_path(model: Path | None) -> Path:
    """The weights that `--model` means: a file, a run folder, or the shipped model for None.

    Raises:
        LesionkitError: there are none; lists the models there are.
    """
    shipped = shipped_models()
    if model is None:
        if "ct-nodule" not in shipped:
            raise LesionkitError("no model is shipped for ct-nodule; train one and give --model RUN")
        return shipped["ct-nodule"]
    if str(model) in shipped:
        return shipped[str(model)]
    path = model / MODEL_FILE if model.is_dir() else model
    if not path.is_file():
        names = ", ".join(shipped) or "none"
        raise LesionkitError(f"--model must name a run folder or a .safetensors file, got {model}; shipped: {names}")
    return path


def model_settings(model: Path | None) -> CtNodule:
    """The settings a model was trained with."""
    return CtNodule.parse(load_model(model_path(model))[1]["settings"])
