"""The next item is opened while the present one is worked on."""

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import Any, Generic, Self, TypeVar

Item = TypeVar("Item")
Opened = TypeVar("Opened")


class Ahead(Generic[Item, Opened]):
    """Hands out opened items in their order; in a thread it opens the next one, and no more than that one.

    Args:
        items: in the order in which they will be asked for; one that is asked for out of turn is opened then.
        open_one: opens an item; what it raises comes out where the item is asked for.
        key: tells items apart.
    """

    def __init__(
        self, items: Sequence[Item], open_one: Callable[[Item], Opened], key: Callable[[Item], Hashable]
    ) -> None:
        self.open_one, self.key = open_one, key
        self.next_of = {key(one): following for one, following in pairwise(items)}
        self.waiting: tuple[Hashable, Future[Opened]] | None = None
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="next-item")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.pool.shutdown(cancel_futures=True)

    def __call__(self, item: Item) -> Opened:
        held, self.waiting = self.waiting, None
        opened = held[1].result() if held is not None and held[0] == self.key(item) else self.open_one(item)
        following = self.next_of.get(self.key(item))
        if following is not None:
            self.waiting = self.key(following), self.pool.submit(self.open_one, following)
        return opened
