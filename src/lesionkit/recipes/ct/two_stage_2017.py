"""Draw lung nodules, then judge each, with the numbers of a system of the Tianchi contest of 2017.

    lesionkit run ct-nodule-two-stage-2017 DATA --out RUN       # simplified U-Net, four classifiers: days without a GPU
    lesionkit run ct-nodule-two-stage-2017 DATA --out RUN --set net.channels=[32,64,128,256,512]       # the full U-Net
    lesionkit run ct-nodule-two-stage-2017 DATA --out RUN --set classify.nets='[{architecture: vgg full}]'

The networks, losses, optimisers, batches, shares, shifts and weights of system 0, as `ct-nodule-two-stage` can be set
to them. What was wrong stays mended: scans at 1 mm, splits by patient, negatives without lesions, all 48 orientations,
validation as it is. Not published, and so chosen: the end of a training, which stopped when its loss on two to five
batches had not fallen for ten epochs: here 100 epochs of 20 steps, and 40 of 10 for a classifier; and how classifiers
are joined, of which it had the name alone: their mean. Research use only; not a medical device.
"""

from pathlib import Path

from lesionkit.learn.detection_settings import LearnSettings
from lesionkit.learn.mask_settings import MaskLearnSettings
from lesionkit.nets.cube.cube_net_settings import CubeNetSettings
from lesionkit.nets.cube.mask_net_settings import SIMPLIFIED, MaskNetSettings
from lesionkit.prepare.case import PrepareSettings
from lesionkit.prepare.lung.settings import LungSettings
from lesionkit.recipes.base import Learned, Progress
from lesionkit.recipes.ct.kind import ct_kind
from lesionkit.recipes.ct.two_stage_settings import ClassifySettings, CtTwoStage
from lesionkit.recipes.flow import recipe
from lesionkit.runs.run_folder import RunFolder
from lesionkit.sample.augment_settings import NO_AUGMENTATION
from lesionkit.sample.cube_settings import CubeSettings
from lesionkit.sample.draw_settings import SampleSettings
from lesionkit.sample.drawn import Form

NAME = "ct-nodule-two-stage-2017"
_PATCH, _SHIFT = 64, 20
_PLAIN = {"batch": 16, "optimizer": "adam", "shape": "constant", "weight_decay": 0, "clip_norm": 1e6, "average": 0}
"""Rows 0.26 and 0.34; what is not published is off."""


class CtTwoStage2017(CtTwoStage):
    """Every setting of the recipe, one group per stage; the defaults are the published ones."""

    prepare: PrepareSettings = PrepareSettings(lung=LungSettings(preset="threshold"))
    """Rows 0.6 to 0.11; what lies outside the lungs keeps its values."""
    sample: SampleSettings = SampleSettings(
        patch=_PATCH,
        lesion_share=0.7,
        insert_share=0,
        edge_samples=_PATCH // 2 - _SHIFT,
        size_weights=(4.0, 3.0, 1.0),
        augment=NO_AUGMENTATION.model_copy(update={"turn": 1.0}),
    )
    """Rows 0.17, 0.27, 0.29 and 0.30: 30 % without a lesion, shifts by up to 20 samples, axes permuted."""
    form: Form = "cuboid"
    """Row 0.28."""
    net: MaskNetSettings = MaskNetSettings(channels=SIMPLIFIED)
    """Rows 0.23 and 0.24. 5,836,033 parameters; the full one 23,532,289."""
    learn: MaskLearnSettings = MaskLearnSettings.parse({**_PLAIN, "steps": 2000, "rate": 3e-5})
    """Rows 0.22, 0.25 and 0.26."""
    classify: ClassifySettings = ClassifySettings(
        nets=(
            CubeNetSettings(),
            CubeNetSettings(architecture="inception"),
            CubeNetSettings(architecture="resnet"),
            CubeNetSettings(architecture="densenet"),
        ),
        learn=LearnSettings.parse({**_PLAIN, "steps": 400, "rate": 1e-4}),
        cubes=CubeSettings(side=32, positive_share=0.5, hard_share=0, shift=2),
        join="mean",
    )
    """Rows 0.34 to 0.46."""


def learn(
    run: RunFolder, data: Path, settings: CtTwoStage2017, start_from: Path | None, progress: Progress | None = None
) -> Learned:
    """See `Kind.learn`. Lightning is loaded only by who trains."""
    from lesionkit.recipes.ct.two_stage_train import learn

    return learn(run, data, settings, start_from, progress)


RECIPE = recipe(NAME, "lung nodules drawn and judged as in 2017", CtTwoStage2017, ct_kind(learn))
