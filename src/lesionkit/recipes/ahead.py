"""The next image is opened while the present one is searched."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import Any, Generic, Self, TypeVar

from lesionkit.recipes.base import Item

T = TypeVar("T")


class Ahead(Generic[T]):
    """Hands out images in their order; in a thread it opens the next one, and no more than that one.

    Args:
        items: in the order in which they will be asked for; one that is asked for out of turn is opened then.
        open_one: opens an image; what it raises comes out where the image is asked for.
    """

    def __init__(self, items: Sequence[Item], open_one: Callable[[Item], T]) -> None:
        self.open_one = open_one
        self.next_of = {one.case_id: following for one, following in pairwise(items)}
        self.waiting: tuple[str, Future[T]] | None = None
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="next-image")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.pool.shutdown(cancel_futures=True)

    def __call__(self, item: Item) -> T:
        held, self.waiting = self.waiting, None
        opened = held[1].result() if held is not None and held[0] == item.case_id else self.open_one(item)
        following = self.next_of.get(item.case_id)
        if following is not None:
            self.waiting = following.case_id, self.pool.submit(self.open_one, following)
        return opened
