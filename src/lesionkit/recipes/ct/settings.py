"""The settings of ct-nodule, and the models it has."""

from pathlib import Path

from lesionkit.core.settings import Settings
from lesionkit.engine.map import EngineSettings
from lesionkit.evaluate.luna16_match import Luna16Settings
from lesionkit.infer.detect_settings import InferSettings
from lesionkit.learn.detection_settings import LearnSettings
from lesionkit.nets.model_file import read_card
from lesionkit.nets.nodule_net_settings import NoduleNetSettings
from lesionkit.phantoms.ct.nodule import NoduleSettings
from lesionkit.phantoms.ct.nodule_bank import TransplantSettings
from lesionkit.prepare.case import PrepareSettings
from lesionkit.read.options import ScanOptions
from lesionkit.recipes.splits import SplitSettings
from lesionkit.runs.models import MODEL_FILE, chosen_model
from lesionkit.runs.old_names import kept_settings
from lesionkit.sample.draw_settings import SampleSettings

NAME = "ct-nodule"


class CtNodule(Settings):
    """Every setting of the recipe, one group per stage."""

    read: ScanOptions = ScanOptions()
    partial_truth: bool = False
    """Allow truth tables that name series which are not there, as in a part of a downloaded set."""
    prepare: PrepareSettings = PrepareSettings()
    split: SplitSettings = SplitSettings(fold=-1)
    sample: SampleSettings = SampleSettings()
    insert: NoduleSettings = NoduleSettings(large_share=0.15, texture_weights=(0.6, 0.15, 0.25))
    """Which synthetic nodules are inserted into training patches."""
    transplant: TransplantSettings = TransplantSettings()
    """Which real ones, where sample.nodules names a bank."""
    net: NoduleNetSettings = NoduleNetSettings()
    learn: LearnSettings = LearnSettings()
    infer: InferSettings = InferSettings()
    score: Luna16Settings = Luna16Settings(protocol="exact")
    engine: EngineSettings = EngineSettings()


def model_path(model: Path | None) -> Path:
    """The weights that `--model` means; see `chosen_model`."""
    return chosen_model(model, NAME, lambda run: run / MODEL_FILE)


def model_settings(model: Path | None) -> CtNodule:
    """The settings a model was trained with."""
    path = model_path(model)
    return kept_settings(CtNodule, read_card(path)["settings"], path)
