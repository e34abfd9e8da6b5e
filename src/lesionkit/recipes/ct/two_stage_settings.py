"""The settings of ct-nodule-two-stage."""

from typing import Literal

from pydantic import model_validator

from lesionkit.core.settings import Settings
from lesionkit.infer.two_stage_settings import TwoStageInferSettings
from lesionkit.learn.detection_settings import LearnSettings
from lesionkit.learn.mask_settings import MaskLearnSettings
from lesionkit.learn.watch_settings import WatchSettings
from lesionkit.nets.cube.cube_net_settings import CubeNetSettings
from lesionkit.nets.cube.mask_net_settings import MaskNetSettings
from lesionkit.recipes.ct.debug_settings import DebugSettings
from lesionkit.recipes.ct.settings import CtSettings
from lesionkit.recipes.ensemble import MemberSettings, refuse_equal_names
from lesionkit.sample.cube_settings import CubeSettings
from lesionkit.sample.draw_settings import SampleSettings
from lesionkit.sample.drawn import Form

NAME = "ct-nodule-two-stage"
NARROW = MaskNetSettings(channels=(8, 16, 32, 64), norm=True)


class ClassifySettings(Settings):
    """The second stage: which networks judge what was drawn, and how they are trained and joined."""

    nets: tuple[CubeNetSettings, ...] = (
        CubeNetSettings(),
        CubeNetSettings(architecture="resnet"),
        CubeNetSettings(architecture="densenet"),
    )
    """None: what was drawn is ranked by the network that drew it."""
    learn: LearnSettings = LearnSettings(steps=1500, batch=16, rate=1e-3)
    """Of each; system 0 has Adam at 1e-4."""
    cubes: CubeSettings = CubeSettings()
    join: Literal["mean", "weighted", "stacking"] = "stacking"
    """How the networks' logits become one: their mean; weighted by how far each is above chance on validation; or a
    logistic model of them all, the network that draws among them, fitted on candidates in validation scans."""


class TwoStageMember(MemberSettings):
    """One chain of an ensemble; what it does not name is that of the recipe."""

    net: MaskNetSettings = NARROW
    learn: MaskLearnSettings | None = None
    """How the network that draws is trained; null: as the recipe says."""


class CtTwoStage(CtSettings):
    """Every setting of the recipe, one group per stage."""

    sample: SampleSettings = SampleSettings(lesion_share=0.4, insert_share=0.3)
    """Of the network that draws; 30 % of its patches hold no lesion (system 0, row 0.27)."""
    form: Form = "outline"
    """How lesions are drawn in the masks that are learned."""
    net: MaskNetSettings = NARROW
    """The network that draws; as published with {channels: [32, 64, 128, 256], norm: false}."""
    learn: MaskLearnSettings = MaskLearnSettings()
    classify: ClassifySettings = ClassifySettings()
    members: tuple[TwoStageMember, ...] = ()
    """Several chains, trained one after the other and searching together."""
    watch: WatchSettings = WatchSettings()
    """How the networks are looked at while they learn."""
    debug: DebugSettings = DebugSettings()
    infer: TwoStageInferSettings = TwoStageInferSettings()

    @model_validator(mode="after")
    def _members_are_told_apart(self) -> "CtTwoStage":
        refuse_equal_names(self.members)
        return self

    @property
    def networks(self) -> tuple[TwoStageMember, ...]:
        """The members, or the one that stands for `net`."""
        return self.members or (TwoStageMember(name="net", net=self.net),)
