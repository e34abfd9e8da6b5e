"""Open slide files: opened when first needed, in each process for itself, and never more than a few at a time."""

import os
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any

MAX_OPEN = 16
"""Slides that one process holds open."""


class Handles:
    """The open files of this process by key; the one not used for longest is let go first."""

    def __init__(self, room: int = MAX_OPEN) -> None:
        self._room = room
        self._reset()
        # A child shares the file positions, the locks and the decoder states of its parent: it opens its own.
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._open: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._open)

    def get(self, key: Hashable, open_one: Callable[[], Any]) -> Any:
        """The handle of a key, opened if it is not; who holds it keeps it alive though it is let go here."""
        with self._lock:
            handle = self._open.pop(key, None)
            if handle is None:
                handle = open_one()
            self._open[key] = handle
            while len(self._open) > self._room:
                self._open.popitem(last=False)
            return handle

    def drop(self, key: Hashable) -> None:
        """Let a handle go, so that the next use opens it anew."""
        with self._lock:
            self._open.pop(key, None)


HANDLES = Handles()
"""Those of this process."""
