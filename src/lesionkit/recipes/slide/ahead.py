"""The next slide is opened, and its tissue found, while the present one is searched."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

from lesionkit.prepare.tissue import TissueMask
from lesionkit.read.slide.whole import Slide
from lesionkit.recipes.slide.case import open_case, tissue_of
from lesionkit.recipes.slide.settings import SlideMetastasis

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Opened:
    """A slide that is ready to be searched.

    Attributes:
        seconds: that opening it and finding its tissue took.
    """

    slide: Slide
    tissue: TissueMask
    seconds: float


def open_searched(path: Path, settings: SlideMetastasis) -> Opened:
    """Open a slide and find its tissue.

    Raises:
        LesionkitError: the slide cannot be used.
    """
    start = time.perf_counter()
    slide = open_case(path, settings)
    return Opened(slide, tissue_of(slide, settings), time.perf_counter() - start)


class Ahead(Generic[T]):
    """Hands out slides in their order; in a thread it opens the next one, and no more than that one.

    Args:
        paths: in the order in which they will be asked for; one that is asked for out of turn is opened then.
        open_one: opens a slide; what it raises comes out where the slide is asked for.
    """

    def __init__(self, paths: Sequence[Path], open_one: Callable[[Path], T]) -> None:
        self.open_one = open_one
        self.next_of = dict(pairwise(paths))
        self.waiting: tuple[Path, Future[T]] | None = None
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="next-slide")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.pool.shutdown(cancel_futures=True)

    def __call__(self, path: Path) -> T:
        held, self.waiting = self.waiting, None
        opened = held[1].result() if held is not None and held[0] == path else self.open_one(path)
        following = self.next_of.get(path)
        if following is not None:
            self.waiting = following, self.pool.submit(self.open_one, following)
        return opened
