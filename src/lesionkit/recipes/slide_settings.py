"""The settings of slide-metastasis, and the models it has."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.engine.map import EngineSettings
from lesionkit.evaluate.camelyon16 import Camelyon16Settings
from lesionkit.infer.dense import DenseSettings
from lesionkit.infer.marks import PeakSettings, RegionMarkSettings
from lesionkit.infer.sampled import SampledSettings
from lesionkit.learn.patch_settings import PatchLearnSettings
from lesionkit.nets.patch_net import PatchNetSettings
from lesionkit.nets.weights import read_card
from lesionkit.prepare.tissue import TissueSettings
from lesionkit.read.slide import SlideOptions
from lesionkit.recipes.slide_answer import SlideAnswerSettings
from lesionkit.recipes.slide_truth import TruthSettings
from lesionkit.sample.augment_slide import SlideAugmentSettings
from lesionkit.sample.mine_slide import MineSettings
from lesionkit.sample.slide_grid import SlideGridSettings

NAME = "slide-metastasis"
MODELS = Path(__file__).parent / "models"
MODEL_FILE = "model.safetensors"


class OverviewSettings(Settings):
    """The small picture of the whole slide on which tissue is found."""

    max_px: int = Field(default=2**21, ge=2**12)
    """Its pixels at most."""
    min_um: float = Field(default=8.0, gt=0)
    """µm per pixel at least."""


class FewSettings(Settings):
    """Smaller patches for slides whose tumour is small (system 4 suggested them and did not use them)."""

    below: int = Field(default=100, ge=0)
    """Slides with fewer patches that are all tumour get smaller ones too; 0 for none."""
    patch: int = Field(default=32, ge=16)
    """Samples in the middle of a patch that must all be tumour. The patch that is read keeps its size."""
    stride: int = Field(default=16, ge=1)
    """Samples from one of these to the next."""


class SlideSplitSettings(Settings):
    """Who learns and who is kept out, by patient. A splits.json in the data set comes first."""

    shares: tuple[float, ...] = Field(default=(0.8, 0.2), min_length=1, max_length=3)
    """Of the slides in train, validation and test; patients stay together. 8:2 or 9:1 in system 4."""
    folds: int | None = Field(default=None, ge=2)
    """Cross-validation instead: so many folds, of which one validates."""
    fold: int = Field(default=0, ge=0)
    """Which fold validates."""
    seed: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Of the parts."""
        if self.folds is not None:
            return ("train", "validation")
        return ("train", "validation", "test")[: len(self.shares)]


class DrawSettings(Settings):
    """Which patches an epoch shows."""

    per_epoch: int = Field(default=6400, ge=2)
    """Patches drawn anew every so many."""
    weights: tuple[float, float, float] = (1.0, 1.0, 2.0)
    """tumour : normal of slides with tumour : normal of slides without (row 4.9); what a set does not have gets 0."""
    labelled_share: float = Field(default=0.25, ge=0, lt=1)
    """Share of labelled patches, where there are any beside slides."""
    packed: bool = False
    """Pack every patch into one file first, instead of reading them from the slides."""
    validation: int = Field(default=768, ge=2)
    """Patches of validation slides, drawn once in the same ratio, on which the net is judged while it learns."""


class RoundSettings(Settings):
    """Hard negatives."""

    rounds: int = Field(default=0, ge=0)
    """Trainings after the first, each from the last one's weights with its false positives shown again."""
    per_slide: int = Field(default=2000, ge=1)
    """Normal patches of a slide that are looked at."""
    hard: MineSettings = MineSettings()


class SearchSettings(Settings):
    """How a slide is searched."""

    mode: Literal["dense", "sampled"] = "dense"
    """dense: every place of the tissue. sampled: at most `sampled.most` patches, as the original (row 4.18)."""
    threads: int = Field(default=2, ge=0)
    """That read ahead."""


class SlideMetastasis(Settings):
    """Every setting of the recipe, one group per stage."""

    read: SlideOptions = SlideOptions()
    truth: TruthSettings = TruthSettings()
    um: float = Field(default=1.0, gt=0)
    """µm per pixel at which slides are analysed; 1.0 is about a 10x lens."""
    overview: OverviewSettings = OverviewSettings()
    tissue: TissueSettings = TissueSettings()
    patches: SlideGridSettings = SlideGridSettings(patch=96)
    """Which patches a slide has, in samples of the analysed image."""
    few: FewSettings = FewSettings()
    split: SlideSplitSettings = SlideSplitSettings()
    labelled: Path | None = None
    """A folder of labelled patches, shown beside those of slides: labels.csv (id,label) and pictures."""
    stain: Literal["none", "macenko", "reinhard"] = "none"
    """Bring every slide to one stain, in training and search alike."""
    draw: DrawSettings = DrawSettings()
    augment: SlideAugmentSettings = SlideAugmentSettings()
    net: PatchNetSettings = PatchNetSettings()
    learn: PatchLearnSettings = PatchLearnSettings(middle_weight=1.0)
    mine: RoundSettings = RoundSettings()
    search: SearchSettings = SearchSettings()
    dense: DenseSettings = DenseSettings()
    sampled: SampledSettings = SampledSettings()
    answer: SlideAnswerSettings = SlideAnswerSettings()
    """The score of a slide."""
    peaks: PeakSettings = PeakSettings()
    """Marks of lesions."""
    regions: RegionMarkSettings = RegionMarkSettings()
    """Outlines of lesions."""
    score: Camelyon16Settings = Camelyon16Settings()
    engine: EngineSettings = EngineSettings()

    @model_validator(mode="after")
    def _smaller_patches_are_smaller(self) -> "SlideMetastasis":
        if self.few.patch >= self.patches.patch or (self.patches.patch - self.few.patch) % 2:
            raise ValueError(
                f"few.patch must be smaller than patches.patch by an even number, got {self.few.patch} and "
                f"{self.patches.patch}"
            )
        return self


def shipped_models() -> Mapping[str, Path]:
    """Name -> file of the models in the package."""
    return {path.stem: path for path in sorted(MODELS.glob(f"{NAME}*.safetensors"))}


def model_path(model: Path | None) -> Path:
    """The weights that `--model` means: a file, a run folder, the name of a shipped model, or that of the recipe.

    Raises:
        LesionkitError: there are none; lists the models there are.
    """
    shipped = shipped_models()
    if model is None:
        if NAME not in shipped:
            names = ", ".join(shipped) or "none"
            raise LesionkitError(f"no model is shipped for {NAME} (there is {names}); train one and give --model RUN")
        return shipped[NAME]
    if str(model) in shipped:
        return shipped[str(model)]
    path = model / MODEL_FILE if model.is_dir() else model
    if not path.is_file():
        names = ", ".join(shipped) or "none"
        raise LesionkitError(f"--model must name a run folder or a .safetensors file, got {model}; shipped: {names}")
    return path


def model_settings(model: Path | None) -> SlideMetastasis:
    """The settings a model was trained with."""
    card = read_card(model_path(model))
    if card.get("recipe") != NAME:
        raise LesionkitError(
            f"{model} must be a model of {NAME}, got one of {card.get('recipe')}; give another --model"
        )
    return SlideMetastasis.parse(card["settings"])
