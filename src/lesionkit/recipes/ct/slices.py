"""Draw lung nodules in chest CT slice by slice, and join the slices to bodies: the 2-D slice system.

    lesionkit run ct-nodule-slices DATA --out RUN        # slices, 2-D U-Net, masks joined through z, score, report
    lesionkit run ct-nodule-slices DATA --out RUN --set sample.slices=SLICES      # with slices that readers outlined
    lesionkit run ct-nodule-slices DATA --out RUN --set split.folds=5 --set split.every_fold=true
    lesionkit find SCAN --recipe ct-nodule-slices --model RUN [--screen ct-nodule]
    lesionkit measure RUN && lesionkit export RUN --to rle-kaggle

A scan is prepared as in every recipe of CT, here to slices 1.25 mm apart with samples of 0.7 mm; those are the slices
that are learned and drawn, not the scanner's own. What is drawn in them is joined through z into connected bodies.
What the system of 2017 (system 1) had, row by row:

1.1   built: slices with a lesion and its neighbours; they are cut when they are drawn, in no files of their own.
1.2   built corrected: lesions are drawn as outlined, or as spheres of their diameter; `form` has twice that too.
1.3   left out: the lungs of a slice by k-means, which their author dropped (1.4); lungs are found as in all recipes.
1.5   built corrected: slices are resampled once, to one width in mm, not halved and blown up to 512 pixels.
1.6   left out: arrays of all slices on disk; a store of prepared scans and splits.json do that.
1.7   built corrected: slices without a lesion are learned and searched, and no known place is used in a search.
1.8   built: the U-Net, 7,846,081 parameters, with `net` {channels: [32, 64, 128, 256, 512], norm: false}.
1.9   built: Dice over a batch, smooth 1, as `learn.dice` {per_image: false}, cross_entropy: 0.
1.10  built: Adam, `learn` {optimizer: adam, rate: 1e-5, shape: constant, weight_decay: 0, average: 0}.
1.11  built corrected: batch 2, 20 epochs; who validates is dealt by patient, and the last weights are kept.
1.12  built corrected: one window, −1024 to 476 HU, for learning and search; no mean of the training set.
1.13  built corrected: masks of every scan as NIfTI, and pictures (`lesionkit measure`).
1.14  left out: pictures are windowed, so nothing has to be brightened.
1.15  built corrected: Dice of masks; its "IoU" compared columns.
1.16  built corrected: bodies through z, whose centre lies in world mm and whose diameter is that of their volume.
1.17  left out: coronal slices; bodies have three coordinates.
1.18  built corrected: networks that judge what was drawn in cubes, `classify.nets`; none by default.
1.19  built corrected: every candidate is a row of the submission (`export --to luna16`), and run lengths with at least
      10 pixels (`export --to rle-kaggle`).
1.20  built: nodule_errors.csv, errors of X, Y, Z and diameter of each known nodule.
1.21  left out: the size of a set that is not there.

Its published numbers are those of the recipe `ct-nodule-slices-2017`. Research use only; not a medical device.
"""

from pathlib import Path

from lesionkit.recipes.base import Learned, Progress
from lesionkit.recipes.ct.kind import ct_kind
from lesionkit.recipes.ct.slices_settings import NAME, CtSlices
from lesionkit.recipes.flow import recipe
from lesionkit.runs.run_folder import RunFolder


def learn(
    run: RunFolder, data: Path, settings: CtSlices, start_from: Path | None, progress: Progress | None = None
) -> Learned:
    """See `Kind.learn`. Lightning is loaded only by who trains."""
    from lesionkit.recipes.ct.slices_train import learn

    return learn(run, data, settings, start_from, progress)


RECIPE = recipe(NAME, "lung nodules in chest CT, drawn slice by slice", CtSlices, ct_kind(learn))
