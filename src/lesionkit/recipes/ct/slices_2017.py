"""Draw lung nodules slice by slice with the numbers of a 2-D system of 2017.

    lesionkit run ct-nodule-slices-2017 DATA --out RUN --set sample.slices=SLICES       # hours without a GPU

The network, loss, optimiser, batch and number of steps of system 1 (rows 1.8 to 1.11), as `ct-nodule-slices` can be set
to them; 7,920 steps are 20 epochs of 792 slices. What was wrong stays mended, see there. Its slices of 512 samples were
halved and blown up again; here they are of 0.7 mm. Research use only; not a medical device.
"""

from pathlib import Path

from lesionkit.learn.mask_settings import MaskLearnSettings
from lesionkit.nets.cube.mask_net_settings import FULL, MaskNetSettings
from lesionkit.recipes.base import Learned, Progress
from lesionkit.recipes.ct.kind import ct_kind
from lesionkit.recipes.ct.slices_settings import CtSlices
from lesionkit.recipes.flow import recipe
from lesionkit.runs.run_folder import RunFolder
from lesionkit.sample.augment_settings import NO_AUGMENTATION
from lesionkit.sample.slice_settings import SliceSampleSettings

NAME = "ct-nodule-slices-2017"
_PLAIN = {"batch": 2, "optimizer": "adam", "shape": "constant", "weight_decay": 0, "clip_norm": 1e6, "average": 0}


class CtSlices2017(CtSlices):
    """Every setting of the recipe, one group per stage; the defaults are the published ones."""

    sample: SliceSampleSettings = SliceSampleSettings(
        patch=512, lesion_share=0.5, insert_share=0, shift_mm=0, augment=NO_AUGMENTATION
    )
    """Rows 1.5 to 1.7; of the items that come from scans half hold no lesion."""
    net: MaskNetSettings = MaskNetSettings(dimensions=2, channels=FULL)
    """Row 1.8: 7,846,081 parameters."""
    learn: MaskLearnSettings = MaskLearnSettings.parse({**_PLAIN, "steps": 7920, "rate": 1e-5})
    """Rows 1.9 to 1.11: Dice of a batch with smooth 1, Adam at 1e-5, 20 epochs, batch 2."""


def learn(
    run: RunFolder, data: Path, settings: CtSlices2017, start_from: Path | None, progress: Progress | None = None
) -> Learned:
    """See `Kind.learn`. Lightning is loaded only by who trains."""
    from lesionkit.recipes.ct.slices_train import learn

    return learn(run, data, settings, start_from, progress)


RECIPE = recipe(NAME, "lung nodules drawn slice by slice as in 2017", CtSlices2017, ct_kind(learn))
