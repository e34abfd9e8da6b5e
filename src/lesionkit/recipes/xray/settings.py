"""The settings of the recipes for pneumothorax on chest radiographs, and the models they have."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.engine.map import EngineSettings
from lesionkit.evaluate.points import DecideSettings
from lesionkit.evaluate.siim import SiimSettings
from lesionkit.infer.decide import RULES
from lesionkit.infer.lung_crop import LungCropSettings
from lesionkit.infer.stack import StackSettings
from lesionkit.learn.schedule_settings import TrainingPart
from lesionkit.learn.segmentation_loss_settings import LOSSES
from lesionkit.learn.segmentation_settings import SegmentationLearnSettings
from lesionkit.nets.segmenter_settings import SegmenterSettings
from lesionkit.recipes.splits import SplitSettings
from lesionkit.recipes.xray.members import LearnChange, Member, NetChange, SampleChange, changed_members
from lesionkit.sample.balance import BALANCES, BalanceSettings
from lesionkit.sample.pseudo import PseudoSettings

SMALL_NET = SegmenterSettings(architecture="light unet", encoder="narrow-resnet18", pretrained=False, head="linear")
"""3.3 million parameters, made for CPUs: what a laptop trains in an hour."""

SMALL = Member(
    name="small",
    net=SMALL_NET,
    learn=SegmentationLearnSettings(
        parts=(TrainingPart(epochs=20, rate=1.5e-3, shape="cosine", period=20, lowest=1e-6, side=256, keep=3),),
        loss=LOSSES["1st 1:1:1"].model_copy(update={"image_bce": 0.1}),
        batch=8,
        clip_norm=1.0,
    ),
    balance=(BalanceSettings(knots=((0, 0.8), (19, 0.4)), between="linear", passes=3),),
    augment="3rd",
    side=256,
    checkpoints=3,
)
"""The best combination that was measured, "best of three" in benchmarks/RADIOGRAPHS.md."""

LUNG = Member(
    name="lung",
    net=SMALL_NET.model_copy(update={"head": "none"}),
    learn=SegmentationLearnSettings(
        parts=(TrainingPart(epochs=30, rate=1e-3, side=256),), loss=LOSSES["bce"], batch=16, clip_norm=1.0
    ),
    balance=(BALANCES["2nd"],),
    augment="1st",
    side=256,
)
"""Learns from lung masks, of which every image has one."""


class LungSettings(Settings):
    """Cut radiographs down to the lungs first, as the third place did."""

    crop: bool = False
    model: Path | None = None
    """Weights of a network that draws lungs; null: it is trained on the lung masks of the data set."""
    member: Member = LUNG
    box: LungCropSettings = LungCropSettings()


class UnlabelledSettings(Settings):
    """Further radiographs without masks, for pseudo-labels and the mean teacher; none of a test set."""

    images: Path | None = None
    """A folder of them."""
    labels: Path | None = None
    """NIH's or CheXpert's label table of these images; lateral views are left out."""
    most: int | None = Field(None, ge=1)
    """Use so many, drawn at random."""


class RuleSettings(Settings):
    """From probability to mask."""

    search: Literal[
        "none",
        "plain",
        "triplet",
        "triplet and contour",
        "triplet of the 1st",
        "classify then segment",
        "head and area",
        "maximum pixel",
        "all",
    ] = "triplet and contour"
    """Which rule's numbers are searched on the validation images; none takes `published` as it is. That of the 1st
    keeps its least contour area of 100 in every triplet."""
    published: str = "1st validation"
    """Name of a rule in `RULES`: plain, 1st validation, 1st submitted, 1st submitted, second, 2nd, 3rd, 4th, 5th."""
    side: int = Field(512, ge=32)
    """Rules are searched on probabilities of at most so many pixels per side."""
    folds: int = Field(5, ge=2)
    """Of the nested cross-validation that tells how much the search flatters itself."""
    stack: bool = False
    """Decide whether there is a lesion by a logistic model of all image heads (second place), not by their mean."""
    stacking: StackSettings = StackSettings()

    @field_validator("published")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in RULES:
            raise LesionkitError(f"published must be one of {', '.join(RULES)}, got '{name}'")
        return name


class XrayInferSettings(Settings):
    """How radiographs are searched; each network has its own side."""

    flip: bool = True
    """Average with the image mirrored left to right."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """auto takes what this machine computes fastest in: measured once."""
    device: str = "auto"
    foreign: Literal["refuse", "allow"] = "refuse"
    """What to do with radiographs that lie far from those that the model learned from; nearer ones are warned of."""


class XrayPneumothorax(Settings):
    """Every setting of the recipe, one group per stage."""

    members: tuple[Member, ...] = Field((SMALL,), min_length=1)
    """The networks of the ensemble, each trained on every fold. The groups net, sample and learn change all of them."""
    net: NetChange = NetChange()
    sample: SampleChange = SampleChange()
    learn: LearnChange = LearnChange()
    split: SplitSettings = SplitSettings(shares=(0.68, 0.17, 0.15), folds=5)
    """Alike in how many images are positive and how large their lesions are."""
    lung: LungSettings = LungSettings()
    unlabelled: UnlabelledSettings = UnlabelledSettings()
    further: UnlabelledSettings = UnlabelledSettings()
    """A second folder of radiographs without masks, such as NIH's beside CheXpert's: no label of it is believed, the
    networks' confidence alone makes pseudo-labels. Members tell whether they learn from it (`pseudo`)."""
    pseudo: PseudoSettings = PseudoSettings(rounds=0)
    rule: RuleSettings = RuleSettings()
    infer: XrayInferSettings = XrayInferSettings()
    decide: DecideSettings = DecideSettings()
    """Which radiographs are held to be positive."""
    score: SiimSettings = SiimSettings()
    engine: EngineSettings = EngineSettings(memory_per_case_gb=0.5)

    @property
    def networks(self) -> tuple[Member, ...]:
        """The members as they are trained."""
        return changed_members(self.members, self.net, self.sample, self.learn)

    @property
    def lung_member(self) -> Member:
        """The lung network as it is trained: with the changes of all, except its size, loss and head."""
        learn = self.learn.model_copy(
            update=dict.fromkeys(("side", "loss", "teacher", "average", "checkpoints", "rate", "minutes"))
        )
        net = self.net.model_copy(update=dict.fromkeys(("architecture", "head", "scaling")))
        sample = SampleChange(augment=self.sample.augment)
        return changed_members((self.lung.member,), net, sample, learn)[0]

    @property
    def side(self) -> int:
        """Pixels per side of the prepared pictures: the largest that any network is shown."""
        return max(max(m.side, *(shown_side(part, m) for part in m.learn.parts)) for m in self.networks)


def shown_side(part: TrainingPart, member: Member) -> int:
    """Pixels per side of a picture before a crop is cut from it."""
    return round(part.side / member.crop / 32) * 32
