"""The settings of slide-metastasis, and the models it has."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.engine.map import EngineSettings
from lesionkit.evaluate.camelyon16_settings import Camelyon16Settings
from lesionkit.evaluate.points import DecideSettings
from lesionkit.infer.calibrate import ORIGINAL_WEIGHTS
from lesionkit.infer.dense_settings import DenseSettings
from lesionkit.infer.marks import PeakSettings, RegionMarkSettings
from lesionkit.infer.sampled_settings import SampledSettings
from lesionkit.learn.patches_settings import PatchLearnSettings
from lesionkit.nets.patch_net_settings import PatchNetSettings
from lesionkit.prepare.tissue import TissueSettings
from lesionkit.read.slide.whole import SlideOptions
from lesionkit.recipes.card import dotted
from lesionkit.recipes.ensemble import MemberSettings, refuse_equal_names
from lesionkit.recipes.slide.answer import SlideAnswerSettings
from lesionkit.recipes.slide.drawn import TruthSettings
from lesionkit.recipes.splits import SplitSettings
from lesionkit.sample.augment_slide_settings import SLIDE_AUGMENTATIONS, SlideAugmentSettings
from lesionkit.sample.mine_slide import MineSettings
from lesionkit.sample.slide_grid import SlideGridSettings

NAME = "slide-metastasis"


class OverviewSettings(Settings):
    """The small picture of the whole slide on which tissue is found."""

    max_px: int = Field(default=2**20, ge=2**12)
    """Its pixels at most; tissue is found on so many in a quarter of a second."""
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


class DrawSettings(Settings):
    """Which patches an epoch shows."""

    per_epoch: int = Field(default=6400, ge=2)
    """Patches drawn anew every so many."""
    weights: tuple[float, float, float] = (1.0, 1.0, 2.0)
    """tumour : normal of slides with tumour : normal of slides without (row 4.9); what a set does not have gets 0."""
    labelled_share: float = Field(default=0.25, ge=0, lt=1)
    """Share of labelled patches, where there are any beside slides."""
    labelled_jpeg: int | None = Field(default=90, ge=1, le=100)
    """Quality of the JPEG that every labelled patch becomes before it is learned from, so that files of several
    formats, with other shares of tumour, are not told apart by that; null leaves them as they are."""
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


class SlideInferSettings(DenseSettings):
    """How a slide is searched."""

    mode: Literal["dense", "sampled"] = "dense"
    """dense: every place of the tissue. sampled: at most `infer.sampled.most` patches, as the original (row 4.18)."""
    threads: int = Field(default=2, ge=0)
    """That read ahead."""
    sampled: SampledSettings = SampledSettings()
    patch_orientations: Literal[1, 8] = 8
    """Of a folder of patches: in how many orientations each is asked, of which the mean counts. Slides are in one."""
    foreign: Literal["refuse", "allow"] = "refuse"
    """What to do with slides that lie far from those that the model learned from (nearer ones are warned of), or that
    are to be analysed at another `um` than it learned at, by more than a quarter."""


class SlideMember(MemberSettings):
    """One network of an ensemble; what it does not name is that of the recipe."""

    net: PatchNetSettings = PatchNetSettings()
    learn: PatchLearnSettings | None = None
    """How it is trained; null: as the recipe says."""
    augment: str | None = None
    """What becomes of the patches it is shown, by name: none, orientation, default, those of the original's networks
    (simple, inception), or what its author found not to work (colour, hue, contrast, elastic); null: as the recipe
    says."""

    @field_validator("augment")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name is not None and name not in SLIDE_AUGMENTATIONS:
            raise LesionkitError(f"augment must be one of {', '.join(SLIDE_AUGMENTATIONS)}, got '{name}'")
        return name

    def groups(self) -> Mapping[str, Any]:
        """See `MemberSettings.groups`."""
        own = {} if self.augment is None else {"augment": SLIDE_AUGMENTATIONS[self.augment]}
        return {**super().groups(), **own}


class SlideEnsembleSettings(Settings):
    """How networks that search together become one; the maps are averaged, and marks and outlines are of their mean."""

    score: Literal["calibrated average", "mean map"] = "calibrated average"
    """calibrated average: of the score of each network's own map. mean map: the score of the averaged map."""
    weights: Literal["members", "phase 1", "phase 2"] = "members"
    """Of scores: those of the members; or those that the original gave z-scores of two networks (row 4.20), for which
    set answer.curve to z-score and answer.rule.rule to maximum."""


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
    split: SplitSettings = SplitSettings(shares=(0.8, 0.2))
    """8:2 or 9:1 of slides in system 4, without a test part."""
    labelled: Path | tuple[Path, ...] | None = None
    """Labelled patches, shown beside those of slides: a folder of labels.csv (id,label) and pictures, or several."""
    stain: Literal["none", "macenko", "reinhard"] = "none"
    """Bring every slide to one stain, in training and search alike."""
    draw: DrawSettings = DrawSettings()
    augment: SlideAugmentSettings = SlideAugmentSettings()
    net: PatchNetSettings = PatchNetSettings()
    learn: PatchLearnSettings = PatchLearnSettings(middle_weight=1.0)
    members: tuple[SlideMember, ...] = ()
    """Several networks instead of `net`, trained one after the other and searching together, such as
    [{name: light, net: {architecture: transposed}}, {name: deep, net: {architecture: inception}}]."""
    ensemble: SlideEnsembleSettings = SlideEnsembleSettings()
    mine: RoundSettings = RoundSettings()
    infer: SlideInferSettings = SlideInferSettings()
    answer: SlideAnswerSettings = SlideAnswerSettings()
    """The score of a slide."""
    peaks: PeakSettings = PeakSettings()
    """Marks of lesions."""
    regions: RegionMarkSettings = RegionMarkSettings()
    """Outlines of lesions."""
    decide: DecideSettings = DecideSettings()
    """Which slides are held to be positive."""
    score: Camelyon16Settings = Camelyon16Settings()
    objective: Literal["patch AUC", "lesion FROC"] = "patch AUC"
    """What a sweep makes larger: AUC of validation patches, or FROC (exact) of the lesions of validation slides, which
    are searched for it after each training."""
    engine: EngineSettings = EngineSettings()

    @model_validator(mode="after")
    def _members_are_told_apart(self) -> "SlideMetastasis":
        refuse_equal_names(self.members)
        count = len(self.members)
        if self.ensemble.weights != "members" and count != len(ORIGINAL_WEIGHTS[self.ensemble.weights]):
            raise ValueError(f"ensemble.weights '{self.ensemble.weights}' are of two members, got {count}")
        return self

    @property
    def map_basis(self) -> dict[str, Any]:
        """The settings that the map of a slide depends on, by dotted name; its calibration holds for these alone."""
        left_out = {"precision", "device", "threads", "tile", "foreign", "patch_orientations"}
        left_out |= set() if self.infer.mode == "sampled" else {"sampled"}
        told = {
            "um": self.um,
            "stain": self.stain,
            "overview": self.overview.model_dump(),
            "tissue": self.tissue.model_dump(),
            "infer": self.infer.model_dump(exclude=left_out),
        }
        return dotted(told)

    @property
    def networks(self) -> tuple[SlideMember, ...]:
        """The members, or the one that stands for `net`."""
        return self.members or (SlideMember(name="net", net=self.net),)

    @model_validator(mode="after")
    def _smaller_patches_are_smaller(self) -> "SlideMetastasis":
        if self.few.patch >= self.patches.patch or (self.patches.patch - self.few.patch) % 2:
            raise ValueError(
                f"few.patch must be smaller than patches.patch by an even number, got {self.few.patch} and "
                f"{self.patches.patch}"
            )
        return self
