"""Chest CT: what the flow needs to know of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

from lesionkit.recipes.base import Learned, MineRequest, Progress, Summary
from lesionkit.recipes.ct.data import index
from lesionkit.recipes.ct.hand import CT_HANDING
from lesionkit.recipes.ct.page import PAGES
from lesionkit.recipes.ct.prepare import prepare
from lesionkit.recipes.ct.review import CT_REVIEWING
from lesionkit.recipes.ct.score import basis, rescored, score_found, scores_of
from lesionkit.recipes.ct.search import CT_SEARCH, FoundScan, OpenedScan
from lesionkit.recipes.ct.settings import CtNodule, CtSettings
from lesionkit.recipes.ct.truth import items_of
from lesionkit.recipes.kind import Kind
from lesionkit.runs.run_folder import RunFolder

C = TypeVar("C", bound=CtSettings)
Learn: TypeAlias = Callable[[RunFolder, Path, C, Path | None, Progress | None], Learned]


def learn(
    run: RunFolder, data: Path, settings: CtNodule, start_from: Path | None, progress: Progress | None = None
) -> Learned:
    """See `Kind.learn`. Lightning is loaded only by who trains."""
    from lesionkit.recipes.ct.train import learn

    return learn(run, data, settings, start_from, progress)


def mined(run: RunFolder, request: MineRequest, settings: CtSettings) -> Summary:
    """See `Recipe.mine`: what the rounds of a training mined."""
    from lesionkit.recipes.ct.mined_page import write_mined

    return write_mined(run, request, settings)


def ct_kind(
    learn: Callable[[RunFolder, Path, C, Path | None, Progress | None], Learned],
) -> Kind[C, FoundScan, OpenedScan]:
    """Chest CT, of whose recipes each has networks and settings of its own, and so a training."""
    # What reads, searches and hands over looks at the groups alone that all recipes of CT have.
    search, handing, pages = cast(Any, CT_SEARCH), cast(Any, CT_HANDING), cast(Any, PAGES)
    reviewing = cast(Any, CT_REVIEWING)
    return Kind(
        search=search,
        items=items_of,
        index=index,
        prepare=prepare,
        learn=learn,
        score=score_found,
        show=pages,
        scores=scores_of,
        basis=basis,
        rescored=rescored,
        handing=handing,
        reviewing=reviewing,
    )


CT = ct_kind(learn)
