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

from functools import partial
from pathlib import Path

from lesionkit.recipes.base import Progress, Recipe, Summary
from lesionkit.recipes.slide import data as slide_set
from lesionkit.recipes.slide import find as slide_find
from lesionkit.recipes.slide import prepare as slide_prepare
from lesionkit.recipes.slide.settings import NAME, SlideMetastasis, model_settings
from lesionkit.runs.models import shipped_models
from lesionkit.runs.run_folder import RunFolder


def train(run: RunFolder, data: Path, settings: SlideMetastasis, start_from: Path | None) -> Summary:
    """See `Recipe.train`. Lightning is loaded only by who trains."""
    from lesionkit.recipes.slide.train import train

    return train(run, data, settings, start_from)


def objective(data: Path, folder: Path, settings: SlideMetastasis, progress: Progress) -> float:
    """See `Recipe.objective`."""
    from lesionkit.recipes.slide.train import objective

    return objective(data, folder, settings, progress)


RECIPE = Recipe(
    name=NAME,
    summary="metastases in whole slides of lymph nodes",
    settings=SlideMetastasis,
    index=slide_set.index,
    prepare=slide_prepare.prepare,
    train=train,
    find=slide_find.find,
    report=slide_find.report,
    run=slide_find.run,
    model_settings=model_settings,
    shipped_models=partial(shipped_models, NAME),
    objective=objective,
)
