"""Find metastases as the third of ten teams of the HeLP Challenge 2018 did: two networks, sampled patches, maximum.

    lesionkit run slide-metastasis-2018 DATA --out RUN      # as published: days on a GPU
    lesionkit run slide-metastasis-2018 DATA --out RUN --set learn.minutes=20 --set um=1      # two cores

The simple network and a narrowed Inception-v3 (rows 4.1–4.21), each with its own augmentation, epochs and batch, on
patches of 256 pixels that are all tumour or hold none; at most 5,000 patches of a slide, whose score is the largest
probability in the middle of any; z-scores of both networks, averaged. Published: 0.93 in phase 1 for the simple network
or a U-Net, 0.76 in phase 2. Its author split patches of one slide between learning and validation: here slides are
split. Research use only; not a medical device.
"""

from lesionkit.infer.sampled_settings import SampledSettings
from lesionkit.infer.slide_score import SlideScoreSettings
from lesionkit.learn.patches_settings import PatchLearnSettings
from lesionkit.nets.patch_net_settings import PatchNetSettings
from lesionkit.prepare.tissue import TissueSettings
from lesionkit.recipes.slide.answer import SlideAnswerSettings
from lesionkit.recipes.slide.kind import SLIDE
from lesionkit.recipes.slide.metastasis import of_slides
from lesionkit.recipes.slide.settings import (
    DrawSettings,
    FewSettings,
    SlideInferSettings,
    SlideMember,
    SlideMetastasis,
)
from lesionkit.recipes.splits import SplitSettings
from lesionkit.sample.augment_slide_settings import SLIDE_AUGMENTATIONS, SlideAugmentSettings
from lesionkit.sample.slide_grid import SlideGridSettings

NAME = "slide-metastasis-2018"


def _learn(epochs: int, per_epoch: int, batch: int) -> PatchLearnSettings:
    """Rows 4.16 and 4.17: so many epochs of so many patches; what is not published is off."""
    steps = per_epoch // batch
    return PatchLearnSettings(
        steps=epochs * steps,
        batch=batch,
        optimizer="adam",
        rate=1e-3,
        shape="plateau",
        factor=0.5,
        patience=3,
        lowest=5e-5,
        epoch_steps=steps,
        weight_decay=0,
        clip_norm=1e6,
        average=0,
        middle_weight=0,
    )


class SlideMetastasis2018(SlideMetastasis):
    """Every setting of the recipe, one group per stage; the defaults are the published ones.

    Not published, and so chosen: µm per pixel (it read the finest level of its scans: 0.5 here, that of most), which
    network had which range of brightness, the dropout of Inception-v3. 9:1 is `split.shares=[0.9,0.1]`.
    """

    um: float = 0.5
    tissue: TissueSettings = TissueSettings(
        method="grey", smoothing_um=0, closing_um=0, min_hole_mm2=0, min_piece_mm2=0, pen=False, min_sharpness=0
    )
    """Row 4.4: grey that is not black, at most Otsu's threshold; nothing is smoothed, closed or left out."""
    patches: SlideGridSettings = SlideGridSettings(patch=256, min_tissue=1 / 256)
    """Rows 4.2 and 4.4: side by side; one sample of tissue is enough, of the 16 × 16 that are looked at."""
    few: FewSettings = FewSettings(below=0)
    """Suggested in 2018, and not used."""
    split: SplitSettings = SplitSettings(shares=(0.8, 0.2), seed=42)
    draw: DrawSettings = DrawSettings(per_epoch=20_000, weights=(1.0, 1.0, 2.0))
    """Row 4.9; boundary patches are never drawn (row 4.5)."""
    members: tuple[SlideMember, ...] = (
        SlideMember(
            name="simple",
            net=PatchNetSettings(architecture="transposed", scaling="half", dropout=0.2, pretrained=False),
            learn=_learn(20, 20_000, 128),
            augment="simple",
        ),
        SlideMember(
            name="inception",
            net=PatchNetSettings(architecture="inception", scaling="bytes", width_divisor=2, pretrained=False),
            learn=_learn(15, 10_000, 64),
            augment="inception",
        ),
    )
    """Rows 4.13, 4.14 and 4.12. 1,538,048 parameters, as published; and 2,878,696, where about 2 million are stated:
    2.1 million of these are Inception's own, and 0.8 million bring its maps back to the size of the patch."""
    augment: SlideAugmentSettings = SLIDE_AUGMENTATIONS["simple"]
    learn: PatchLearnSettings = _learn(20, 20_000, 128)
    infer: SlideInferSettings = SlideInferSettings(
        mode="sampled", sampled=SampledSettings(most=5000, seed=42, patch=256, centre=128, rule="maximum")
    )
    """Row 4.18."""
    answer: SlideAnswerSettings = SlideAnswerSettings(rule=SlideScoreSettings(rule="maximum"), curve="z-score")
    """Rows 4.18 and 4.20: the largest probability, as deviations from the mean of the validation slides."""


RECIPE = of_slides(NAME, "metastases as the third of HeLP 2018 found them", SlideMetastasis2018, SLIDE)
