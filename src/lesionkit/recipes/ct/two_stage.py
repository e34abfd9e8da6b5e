"""Draw lung nodules in chest CT, then judge each: the two-stage system, with masks, volumes and an ensemble.

    lesionkit run ct-nodule-two-stage DATA --out RUN       # 3-D U-Net, its false positives, classifiers, score, report
    lesionkit find SCAN --recipe ct-nodule-two-stage --model RUN
    lesionkit find SCAN --recipe ct-nodule-two-stage --model RUN --screen ct-nodule    # only around what is found first
    lesionkit run ct-nodule-two-stage DATA --out RUN --set net.channels=[32,64,128,256] --set net.norm=false

The system is one of the Tianchi contest of 2017 (system 0). Built as it was: the U-Net, full and simplified, the four
classifiers, the loss, 30 % of patches without a lesion, weights 4, 3 and 1 by size. Built corrected: scans are
resampled to 1 mm; lesions are drawn as outlined, or as spheres (cuboids by `form`); splits are by patient; negatives
hold no lesion, and most are false positives of the first stage; orientations are all 48; validation is not augmented.
Left out: the closing and dilation of its lung mask, since lungs are found as in every recipe of CT. New: inference,
candidates, and the ensemble, of which it had the name alone. Research use only; not a medical device.
"""

from pathlib import Path

from lesionkit.recipes.base import Learned, Progress
from lesionkit.recipes.ct.kind import ct_kind
from lesionkit.recipes.ct.two_stage_settings import NAME, CtTwoStage
from lesionkit.recipes.flow import recipe
from lesionkit.runs.run_folder import RunFolder


def learn(
    run: RunFolder, data: Path, settings: CtTwoStage, start_from: Path | None, progress: Progress | None = None
) -> Learned:
    """See `Kind.learn`. Lightning is loaded only by who trains."""
    from lesionkit.recipes.ct.two_stage_train import learn

    return learn(run, data, settings, start_from, progress)


RECIPE = recipe(NAME, "lung nodules in chest CT, drawn and then judged", CtTwoStage, ct_kind(learn))
