"""Find metastases in whole slides of lymph nodes: slide scores, lesion marks, probability maps and outlines for QuPath.

    lesionkit find SLIDE --recipe slide-metastasis --out OUT      # seconds to a minute a slide on two cores
    lesionkit find PATCHES --recipe slide-metastasis --out OUT    # a folder of patches, labelled or not: scores.csv
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
from typing import Any, TypeVar

from lesionkit.read.patch_set import is_patch_set
from lesionkit.recipes.base import Recipe, Summary
from lesionkit.recipes.flow import recipe
from lesionkit.recipes.kind import Kind
from lesionkit.recipes.slide.kind import SLIDE
from lesionkit.recipes.slide.settings import NAME, SlideMetastasis
from lesionkit.runs.run_folder import RunFolder

S = TypeVar("S", bound=SlideMetastasis)


def of_slides(name: str, summary: str, settings: type[S], kind: Kind[S, Any, Any]) -> Recipe[S]:
    """A recipe of whole slides whose `run` takes folders of labelled patches too."""
    base = recipe(name, summary, settings, kind)

    def run_any(run: RunFolder, data: Path, settings: S) -> Summary:
        if is_patch_set(data):
            from lesionkit.recipes.slide.patch_run import score_labelled

            return score_labelled(run, data, settings, base.train(run, data, settings, None))
        return base.run(run, data, settings)

    return replace(base, run=run_any)


RECIPE = of_slides(NAME, "metastases in whole slides of lymph nodes", SlideMetastasis, SLIDE)
