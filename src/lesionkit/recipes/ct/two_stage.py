"""Draw lung nodules in chest CT, then judge each: the two-stage system, with masks, volumes and an ensemble.

    lesionkit run ct-nodule-two-stage DATA --out RUN       # 3-D U-Net, its false positives, classifiers, score, report
    lesionkit find SCAN --recipe ct-nodule-two-stage --model RUN
    lesionkit find SCAN --recipe ct-nodule-two-stage --model RUN --screen ct-nodule    # only around what is found first
    lesionkit run ct-nodule-two-stage DATA --out RUN --set net.channels=[32,64,128,256] --set net.norm=false

The system is system 0, of the Tianchi contest of 2017; ct-nodule-two-stage-2017 has its numbers. Of its rows are

built as they were: 0.1, 0.8, 0.14, 0.15, 0.17, 0.22 to 0.25, 0.27, 0.30 (a weighted sampler), 0.32, 0.35 to 0.46, 0.48;
0.3 as `debug`; 0.6, 0.7, 0.10 and 0.11 in mm, by prepare.lung.preset=threshold.

Built corrected: 0.2 and 0.34 (by patient; no negative holds a lesion, most are false positives of the first stage), 0.4
(date and time to the second), 0.5 and 0.21 (any format; axes are z, y, x), 0.9 (two lungs), 0.13 (what lies outside the
lungs keeps its HU), 0.18 (resampled to 1 mm; no abs(), and a mask moves with its patch), 0.19 (beyond a scan is air),
0.20 (−1024 to 476 HU become −1 to 1, as for every network of CT here), 0.28 (as outlined, or a ball; the cuboid by
`form`), 0.29 (all 48 orientations; validation is not augmented), 0.31 and 0.33 (`watch`: the same patches each time;
precision divides by the mask), 0.47 (it was a name alone).

Left out: 0.12 (commented out), 0.16 (a time), of 0.26 endless epochs and early stopping (a training has `learn.steps`).
New: inference, candidates, volumes. Research use only; not a medical device.
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
