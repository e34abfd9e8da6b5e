"""Tiles and patches of a slide in the order they lie in the file, read ahead by a few threads."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Box
from lesionkit.core.image import Image
from lesionkit.read.slide.level import SlideLevel


def in_file_order(level: SlideLevel, boxes: Iterable[Box]) -> list[Box]:
    """Boxes by the tile their first sample lies in, so that each tile is decoded once and then found in memory."""
    places = level.source.places(level.level)
    height, width = level.tile_shape

    def place(box: Box) -> tuple[int, int, int]:
        rows, columns = box
        return int(places[rows.start // height, columns.start // width]), rows.start, columns.start

    return sorted(boxes, key=place)


def stream(image: Image, boxes: Sequence[Box], threads: int = 2, ahead: int = 16) -> Iterator[tuple[Box, NDArray[Any]]]:
    """Read boxes in the order given, while the caller works on those before; memory is that of `ahead` boxes.

    Args:
        threads: readers beside the caller; 0 reads in the caller.
        ahead: boxes that are read or wait at a time.

    Raises:
        LesionkitError: fewer than 0 threads, or fewer than one box ahead.
    """
    if threads < 0 or ahead < 1:
        raise LesionkitError(f"reading needs 0 or more threads and 1 or more boxes ahead, got {threads} and {ahead}")
    if threads == 0:
        yield from ((box, image.read(box)) for box in boxes)
        return
    waiting: deque[tuple[Box, Future[NDArray[Any]]]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="slide")
    try:
        for box in boxes:
            waiting.append((box, pool.submit(image.read, box)))
            if len(waiting) >= ahead:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    finally:
        # Also when the caller stops early: what nobody asked for yet is not read.
        pool.shutdown(cancel_futures=True)
