"""The settings of ct-nodule-rpn."""

from pydantic import model_validator

from lesionkit.core.errors import LesionkitError
from lesionkit.infer.rpn_settings import RpnInferSettings
from lesionkit.learn.rpn_settings import RpnLearnSettings
from lesionkit.nets.rpn.rpn_net_settings import RpnNetSettings
from lesionkit.recipes.ct.rounds_settings import MineSettings
from lesionkit.recipes.ct.settings import CtSettings
from lesionkit.recipes.ensemble import MemberSettings, refuse_equal_names
from lesionkit.sample.draw_settings import SampleSettings

NAME = "ct-nodule-rpn"


class RpnMember(MemberSettings):
    """One network of an ensemble; what it does not name is that of the recipe."""

    net: RpnNetSettings = RpnNetSettings()
    learn: RpnLearnSettings | None = None
    """How it is trained; null: as the recipe says."""


class CtNoduleRpn(CtSettings):
    """Every setting of the recipe, one group per stage."""

    sample: SampleSettings = SampleSettings(
        lesion_share=0.4,
        insert_share=0.3,
        edge_samples=12,
        whole=True,
        zoom_by_size=True,
        size_limits_mm=(10.0, 80.0, 100.0),
        size_weights=(4.0, 2.0, 1.0, 0.0),
    )
    """30 % of the crops are random (row 2.24). Small lesions are shown more often (row 2.25); large ones are with
    size_limits_mm: [6, 30, 40] and size_weights: [0, 1, 3, 7], as in the network that system 2 was made from."""
    net: RpnNetSettings = RpnNetSettings()
    learn: RpnLearnSettings = RpnLearnSettings()
    mine: MineSettings = MineSettings()
    members: tuple[RpnMember, ...] = ()
    """Several networks instead of `net`, trained one after the other and searching together."""
    infer: RpnInferSettings = RpnInferSettings()

    @model_validator(mode="after")
    def _samples_are_millimetres(self) -> "CtNoduleRpn":
        if self.prepare.spacing_mm not in (1.0, (1.0, 1.0, 1.0)):
            raise LesionkitError(
                f"prepare.spacing_mm must be 1 in this recipe, whose anchors are in samples of 1 mm, got "
                f"{self.prepare.spacing_mm}"
            )
        return self

    @model_validator(mode="after")
    def _members_are_told_apart(self) -> "CtNoduleRpn":
        refuse_equal_names(self.members)
        return self

    @property
    def networks(self) -> tuple[RpnMember, ...]:
        """The members, or the one that stands for `net`."""
        return self.members or (RpnMember(name="net", net=self.net),)
