"""Whole slides: what the flow needs to know of them."""

from pathlib import Path

from lesionkit.read.patch_set import holds_patches
from lesionkit.recipes.base import FindRequest, Learned, Progress, Summary
from lesionkit.recipes.kind import Apart, Kind
from lesionkit.recipes.slide.data import index
from lesionkit.recipes.slide.hand import SLIDE_HANDING
from lesionkit.recipes.slide.page import PAGES
from lesionkit.recipes.slide.prepare import prepare
from lesionkit.recipes.slide.review import SLIDE_REVIEWING
from lesionkit.recipes.slide.score import basis, score_found, scores_of
from lesionkit.recipes.slide.search import SLIDE_SEARCH
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.recipes.slide.truth import items_of
from lesionkit.runs.run_folder import RunFolder


def learn(
    run: RunFolder, data: Path, settings: SlideMetastasis, start_from: Path | None, progress: Progress | None = None
) -> Learned:
    """See `Kind.learn`. Lightning is loaded only by who trains."""
    from lesionkit.recipes.slide.train import learn

    return learn(run, data, settings, start_from, progress)


def find_patches(run: RunFolder, request: FindRequest, settings: SlideMetastasis, model: Path) -> Summary:
    """See `Apart.find`. The page of patches is loaded only by who asks for it."""
    from lesionkit.recipes.slide.patch_find import score_patch_folder

    return score_patch_folder(run, request, settings, model)


def show_patches(run: RunFolder, path: Path, truth: Path | None, settings: SlideMetastasis, model: Path) -> Summary:
    """See `Apart.show`."""
    from lesionkit.recipes.slide.patch_find import show_patch_folder

    return show_patch_folder(run, path, truth, settings, model)


SLIDE = Kind(
    search=SLIDE_SEARCH,
    items=items_of,
    index=index,
    prepare=prepare,
    learn=learn,
    score=score_found,
    show=PAGES,
    handing=SLIDE_HANDING,
    reviewing=SLIDE_REVIEWING,
    scores=scores_of,
    basis=basis,
    finds="positive slide",
    apart=Apart(holds_patches, find_patches, show_patches),
)
