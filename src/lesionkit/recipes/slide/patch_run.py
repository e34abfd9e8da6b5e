"""A folder of labelled patches -> the score of what was trained on those it has not learned from."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from lesionkit.evaluate.document import to_document, to_tables
from lesionkit.infer.patch_scores import score_patches
from lesionkit.read.patch_set import read_patch_set
from lesionkit.recipes.base import Summary
from lesionkit.recipes.slide.patch_score import score_of_patches
from lesionkit.recipes.slide.patches import pack_labelled
from lesionkit.recipes.slide.search import load_committee
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.report.score_page import write_score_page
from lesionkit.runs.models import model_of_run
from lesionkit.runs.run_folder import RunFolder
from lesionkit.write.camelyon import write_slide_scores
from lesionkit.write.score import write_score

OPTIMISTIC = (
    "patches were dealt to learning and validation one by one, for they carry no name of their slide: neighbours of "
    "one slide are on both sides, so the figure is optimistic"
)


def score_labelled(run: RunFolder, data: Path, settings: SlideMetastasis, trained: Summary) -> Summary:
    """Score the patches that were kept out, as cases that are positive or not."""
    names = read_patch_set(data).names
    held = pack_labelled(run, data, settings)
    nets, patches = load_committee(model_of_run(run.path)), held.part(held.validation)
    each = [
        score_patches(net, patches, settings.learn.batch, settings.learn.middle_px, pool=settings.learn.middle_pool)
        for _, net, _ in nets
    ]
    found = np.average(each, axis=0, weights=[weight for _, _, weight in nets])
    kept = [names[number] for number in held.validation]
    scores = dict(zip(kept, map(float, found), strict=True))
    labels = dict(zip(kept, held.labels[held.validation].tolist(), strict=True))
    score = score_of_patches(labels, scores, settings)
    score = replace(score, warnings=(*score.warnings, OPTIMISTIC))
    run.warn(OPTIMISTIC)
    table = write_slide_scores(run.path / "scores.csv", scores)
    write_score(run.path / "score", to_document(score), to_tables(score))
    page = write_score_page(run.path, [score], "Labelled patches")
    area = score.figures["patch AUC"]
    told = {**trained.facts, "AUC of patches kept out": round(area.value, 4)}
    return Summary(told, (page, table, *trained.paths), trained.failed, run.warnings, trained.cases)
