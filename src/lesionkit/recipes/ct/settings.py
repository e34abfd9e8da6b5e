"""What every recipe of CT has to be told, and the settings of ct-nodule."""

from pydantic import model_validator

from lesionkit.core.settings import Settings
from lesionkit.engine.map import EngineSettings
from lesionkit.evaluate.luna16_match import Luna16Settings
from lesionkit.evaluate.points import DecideSettings
from lesionkit.infer.detect_settings import InferSettings
from lesionkit.infer.screen import ScreenSettings
from lesionkit.learn.detection_settings import RoundsLearnSettings
from lesionkit.nets.nodule_net_settings import NoduleNetSettings
from lesionkit.phantoms.ct.nodule import NoduleSettings
from lesionkit.phantoms.ct.nodule_bank import TransplantSettings
from lesionkit.prepare.case import PrepareSettings
from lesionkit.read.options import ScanOptions
from lesionkit.recipes.ct.rounds_settings import MineSettings
from lesionkit.recipes.ensemble import MemberSettings, refuse_equal_names
from lesionkit.recipes.splits import SplitSettings
from lesionkit.sample.draw_settings import SampleSettings

NAME = "ct-nodule"


class NoduleMember(MemberSettings):
    """One network of an ensemble; what it does not name is that of the recipe."""

    net: NoduleNetSettings = NoduleNetSettings()
    learn: RoundsLearnSettings | None = None
    """How it is trained; null: as the recipe says."""


class CtSettings(Settings):
    """The groups that every recipe of CT has, one per stage."""

    read: ScanOptions = ScanOptions()
    partial_truth: bool = False
    """Allow truth tables that name series which are not there, as in a part of a downloaded set."""
    lesion_labels: tuple[str, ...] = ()
    """Which labels of data sets of nnU-Net, nnDetection and MONAI are lesions; none: those whose names say so."""
    prepare: PrepareSettings = PrepareSettings()
    split: SplitSettings = SplitSettings(fold=-1)
    sample: SampleSettings = SampleSettings()
    insert: NoduleSettings = NoduleSettings(large_share=0.15, texture_weights=(0.6, 0.15, 0.25))
    """Which synthetic nodules are inserted into training patches."""
    transplant: TransplantSettings = TransplantSettings()
    """Which real ones, where sample.nodules names a bank."""
    infer: InferSettings = InferSettings()
    decide: DecideSettings = DecideSettings()
    """What is shown as found, and what as weaker."""
    screen: ScreenSettings = ScreenSettings()
    """Look only around what a faster model finds first."""
    score: Luna16Settings = Luna16Settings(protocol="exact")
    engine: EngineSettings = EngineSettings()


class CtNodule(CtSettings):
    """Every setting of the recipe, one group per stage."""

    net: NoduleNetSettings = NoduleNetSettings()
    learn: RoundsLearnSettings = RoundsLearnSettings()
    mine: MineSettings = MineSettings()
    members: tuple[NoduleMember, ...] = ()
    """Several networks instead of `net`, trained one after the other and searching together, such as
    [{name: a}, {name: b, seed: 1}, {name: wide, net: {channels: [48, 96, 128, 128]}}]."""

    @model_validator(mode="after")
    def _members_are_told_apart(self) -> "CtNodule":
        refuse_equal_names(self.members)
        return self

    @property
    def networks(self) -> tuple[NoduleMember, ...]:
        """The members, or the one that stands for `net`."""
        return self.members or (NoduleMember(name="net", net=self.net),)
