"""Chest CT: what the flow needs to know of it."""

from pathlib import Path

from lesionkit.recipes.base import Learned, Progress
from lesionkit.recipes.ct.data import index
from lesionkit.recipes.ct.hand import CT_HANDING
from lesionkit.recipes.ct.page import PAGES
from lesionkit.recipes.ct.prepare import prepare
from lesionkit.recipes.ct.score import basis, rescored, score_found, scores_of
from lesionkit.recipes.ct.search import CT_SEARCH
from lesionkit.recipes.ct.settings import CtNodule
from lesionkit.recipes.ct.truth import items_of
from lesionkit.recipes.kind import Kind
from lesionkit.runs.run_folder import RunFolder


def learn(
    run: RunFolder, data: Path, settings: CtNodule, start_from: Path | None, progress: Progress | None = None
) -> Learned:
    """See `Kind.learn`. Lightning is loaded only by who trains."""
    from lesionkit.recipes.ct.train import learn

    return learn(run, data, settings, start_from, progress)


CT = Kind(
    search=CT_SEARCH,
    items=items_of,
    index=index,
    prepare=prepare,
    learn=learn,
    score=score_found,
    show=PAGES,
    scores=scores_of,
    basis=basis,
    rescored=rescored,
    handing=CT_HANDING,
)
