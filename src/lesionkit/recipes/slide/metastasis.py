"""Find metastases in whole slides of lymph nodes: slide scores, lesion marks, probability maps and outlines for QuPath.

    lesionkit find SLIDE --recipe slide-metastasis --out OUT      # seconds to a minute a slide on two cores
    lesionkit run slide-metastasis DATA --out RUN                 # tissue, patches, train, search, score, report
    lesionkit train slide-metastasis DATA --out RUN --set labelled=PATCHES     # slides and labelled patches together

    lesionkit run slide-metastasis DATA --out RUN --set split.folds=5 --set split.every_fold=true    # five networks
    lesionkit sweep slide-metastasis DATA --out SWEEP --search 'learn.rate=loguniform(5e-4,5e-3)'

Several networks (`members`, in a file for --config) are trained one after the other and search together.
DATA is a folder of slides with masks at 1/16 or outlines in the layout of CAMELYON or HeLP (see `lesionkit phantom
slide`), or a folder of labelled patches as PatchCamelyon has them. 2,000 steps of 64 patches take about 15 minutes on
two cores. Expect scores.csv, marks/ (CAMELYON16), maps/ (pyramidal TIFF), geojson/ (QuPath), and report.html with
lesion FROC and slide AUC where the truth is known. Research use only; not a medical device.
"""

from dataclasses import replace
from pathlib import Path

from lesionkit.read.patch_set import is_patch_set
from lesionkit.recipes.base import Summary
from lesionkit.recipes.flow import recipe
from lesionkit.recipes.slide.kind import SLIDE
from lesionkit.recipes.slide.settings import NAME, SlideMetastasis
from lesionkit.runs.run_folder import RunFolder

_OF_SLIDES = recipe(NAME, "metastases in whole slides of lymph nodes", SlideMetastasis, SLIDE)


def _run(run: RunFolder, data: Path, settings: SlideMetastasis) -> Summary:
    """As of every kind; a folder of labelled patches is trained on and scored as patches."""
    if is_patch_set(data):
        from lesionkit.recipes.slide.patch_run import score_labelled

        return score_labelled(run, data, settings, _OF_SLIDES.train(run, data, settings, None))
    return _OF_SLIDES.run(run, data, settings)


RECIPE = replace(_OF_SLIDES, run=_run)
