"""Chest radiographs: what the flow needs to know of them."""

from pathlib import Path

from lesionkit.recipes.base import Learned, Progress
from lesionkit.recipes.kind import Kind
from lesionkit.recipes.xray.data import index
from lesionkit.recipes.xray.hand import XRAY_HANDING
from lesionkit.recipes.xray.page import PAGES
from lesionkit.recipes.xray.prepare import prepare
from lesionkit.recipes.xray.review import XRAY_REVIEWING
from lesionkit.recipes.xray.score import basis, rescored, score_found, scores_of
from lesionkit.recipes.xray.search import XRAY_SEARCH
from lesionkit.recipes.xray.settings import XrayPneumothorax
from lesionkit.recipes.xray.truth import items_of
from lesionkit.runs.run_folder import RunFolder


def learn(
    run: RunFolder, data: Path, settings: XrayPneumothorax, start_from: Path | None, progress: Progress | None = None
) -> Learned:
    """See `Kind.learn`. Lightning is loaded only by who trains."""
    from lesionkit.recipes.xray.train import learn

    return learn(run, data, settings, start_from, progress)


XRAY = Kind(
    search=XRAY_SEARCH,
    items=items_of,
    index=index,
    prepare=prepare,
    learn=learn,
    score=score_found,
    show=PAGES,
    scores=scores_of,
    basis=basis,
    rescored=rescored,
    finds="positive radiograph",
    handing=XRAY_HANDING,
    reviewing=XRAY_REVIEWING,
)
