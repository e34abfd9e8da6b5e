"""Find lung nodules in chest CT with one region proposal network, taught in rounds by its own mistakes.

    lesionkit run ct-nodule-rpn DATA --out RUN --set learn.rounds=3    # train, mine, train, mine, train, score, report
    lesionkit find SCAN --recipe ct-nodule-rpn --model RUN
    lesionkit run ct-nodule-rpn DATA --out RUN --set net.preset=paper --set sample.patch=128
    lesionkit run ct-nodule-rpn DATA --out RUN --set learn.curriculum=[[32,1],[64,1],[96,1],[128,1]]

The system is one of the Tianchi contest of 2017 (system 2), whose released code has neither its rounds nor its last
weighting, nor its growing crops; these follow its text. Row by row:

- 2.1-2.13, 2.16, 2.17, 2.19 (lungs): as in every recipe of CT; `prepare.lung.preset=volume-axis` is that chain.
- 2.14 (values to 0-255, 170 outside the lungs): corrected; HU are scaled alike everywhere, and nothing is painted.
- 2.15, 2.20 (spacing): corrected; scans have 1 mm, so that anchors are millimetres.
- 2.18, 2.40, 2.41 (commands, processes): those of every recipe.
- Table of layers, 2.21, 2.22: built, `net.preset=paper`. Norms have scales, and no biases before them. "tiny" folds the
  scan into channels instead of two layers at full resolution, is narrower and has fewer blocks.
- 2.23 (scale by size, bounded place): built (`sample.zoom_by_size`, `whole`, `edge_samples`). Crops have 64 samples
  unless `sample.patch` says 128, and mirror nothing: what is beyond the scan is air, not 170.
- 2.24 (30 % random crops): built; corrected: a random crop that holds a nodule learns it.
- 2.25 (copies by size): built in both directions, as weights of a draw (`sample.size_limits_mm`, `size_weights`).
- 2.26 (flips of y and x): built (`sample.augment.flip` with `turn: 0`); by default all 48 orientations.
- 2.27 (one positive): built, and all that fit (`learn.rule.positives`); of several nodules one is drawn first. A nodule
  larger than the crop, or an anchor that is, takes no part.
- 2.28-2.31 (ignored band, 800 negatives, the hardest, three parts, "johnny"): built (`learn.rule`).
- 2.32 (rounds): built after the text (`learn.rounds`, `mine`), whose rule for choosing is not told.
- 2.33 (last round): built as (1 - p)^`learn.last_focus`.
- 2.34 (dropout 0.1 or 0.5, growing crops): built, both at once too (`net.dropout`, `learn.curriculum`).
- 2.35 (SGD in steps): built as `learn.optimizer=sgd`; the rate falls along a cosine. Left out: a rate of biases.
- 2.36 (best of all snapshots): corrected; by CPM on validation scans (`learn.keep`), not by anchors.
- 2.37 (tiles, margins): built, over the lungs alone.
- 2.38 (logit above -3): built; new: suppression of what overlaps, world coordinates, tables, the ensemble.
- 2.39: no second stage.

Research use only; not a medical device.
"""

from pathlib import Path

from lesionkit.recipes.base import Learned, Progress
from lesionkit.recipes.ct.kind import ct_kind, mined
from lesionkit.recipes.ct.rpn_settings import NAME, CtNoduleRpn
from lesionkit.recipes.flow import recipe
from lesionkit.runs.run_folder import RunFolder


def learn(
    run: RunFolder, data: Path, settings: CtNoduleRpn, start_from: Path | None, progress: Progress | None = None
) -> Learned:
    """See `Kind.learn`. Lightning is loaded only by who trains."""
    from lesionkit.recipes.ct.rpn_train import learn

    return learn(run, data, settings, start_from, progress)


RECIPE = recipe(NAME, "lung nodules in chest CT, by one network taught in rounds", CtNoduleRpn, ct_kind(learn), mined)
