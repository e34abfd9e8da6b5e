"""The settings of ct-nodule-slices."""

from lesionkit.infer.two_stage_settings import TwoStageInferSettings
from lesionkit.learn.mask_settings import MaskLearnSettings
from lesionkit.learn.segmentation_loss_settings import DiceSettings
from lesionkit.nets.cube.mask_net_settings import MaskNetSettings
from lesionkit.prepare.case import PrepareSettings
from lesionkit.recipes.ct.two_stage_settings import ClassifySettings, CtTwoStage, TwoStageMember
from lesionkit.sample.slice_settings import SliceSampleSettings

NAME = "ct-nodule-slices"
FLAT = MaskNetSettings(dimensions=2, channels=(16, 32, 64, 128), norm=True)


class SliceMember(TwoStageMember):
    """One network of an ensemble; what it does not name is that of the recipe."""

    net: MaskNetSettings = FLAT


class CtSlices(CtTwoStage):
    """Every setting of the recipe, one group per stage."""

    prepare: PrepareSettings = PrepareSettings(spacing_mm=(1.25, 0.7, 0.7))
    """Slices are those of the prepared scan: this far apart, and of samples this wide."""
    sample: SliceSampleSettings = SliceSampleSettings(lesion_share=0.15, insert_share=0.15)
    net: MaskNetSettings = FLAT
    """The network that draws."""
    learn: MaskLearnSettings = MaskLearnSettings(
        steps=4000,
        batch=16,
        dice=DiceSettings(eps_above=1.0, eps_below=1.0, per_image=True),
        cross_entropy=0.5,
    )
    classify: ClassifySettings = ClassifySettings(nets=())
    """Networks that judge what was drawn, in cubes; none: it is ranked by the network that drew it."""
    members: tuple[SliceMember, ...] = ()
    """Several networks, trained one after the other and searching together."""
    infer: TwoStageInferSettings = TwoStageInferSettings(drawn_from=0.5, largest_window=800_000)

    @property
    def networks(self) -> tuple[TwoStageMember, ...]:
        """The members, or the one that stands for `net`."""
        return self.members or (SliceMember(name="net", net=self.net),)
