"""Find lung nodules in chest CT: a one-stage 3-D detector made for CPUs.

    lesionkit find SCAN --out RUN                 # about 3 s a scan on two cores, with the model we ship
    lesionkit run ct-nodule DATA --out RUN        # index, prepare, train, find on the test split, score, report
    lesionkit train ct-nodule DATA --out RUN      # 2,000 steps, about 30 minutes on two cores with bf16

DATA is a folder of scans with annotations.csv in LUNA16's form (see `lesionkit phantom ct`). Expect a ranked table in
world millimetres, pictures and a page. Research use only; not a medical device.
"""

from functools import partial
from pathlib import Path

from lesionkit.recipes.base import Progress, Recipe, Summary
from lesionkit.recipes.ct import find as ct_find
from lesionkit.recipes.ct import prepare as ct_prepare
from lesionkit.recipes.ct.settings import NAME, CtNodule, model_settings
from lesionkit.runs.models import shipped_models
from lesionkit.runs.run_folder import RunFolder


def train(run: RunFolder, data: Path, settings: CtNodule, start_from: Path | None) -> Summary:
    """See `Recipe.train`. Lightning is loaded only by who trains."""
    from lesionkit.recipes.ct.train import train

    return train(run, data, settings, start_from)


def objective(data: Path, folder: Path, settings: CtNodule, progress: Progress) -> float:
    """See `Recipe.objective`."""
    from lesionkit.recipes.ct.train import objective

    return objective(data, folder, settings, progress)


RECIPE = Recipe(
    name=NAME,
    summary="lung nodules in chest CT",
    settings=CtNodule,
    index=ct_prepare.index,
    prepare=ct_prepare.prepare,
    train=train,
    find=ct_find.find,
    report=ct_find.report,
    run=ct_find.run,
    model_settings=model_settings,
    shipped_models=partial(shipped_models, NAME),
    objective=objective,
)
