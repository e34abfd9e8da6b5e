"""Tiles that wait for their last part: the newest in memory, the others in a scratch file."""

import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Place: TypeAlias = tuple[int, int]


class Waiting:
    """Unfinished tiles of one shape by place.

    Args:
        folder: where the scratch file lies; it has no name and vanishes with the process.
        fill: what a tile holds where nothing came.
        room: tiles in memory, at least 1.
    """

    def __init__(self, folder: Path, shape: tuple[int, ...], dtype: np.dtype[Any], fill: float, room: int) -> None:
        self._folder, self._shape, self._dtype, self._fill, self._room = folder, shape, dtype, fill, room
        self._bytes = int(np.prod(shape)) * dtype.itemsize
        self._held: OrderedDict[Place, NDArray[Any]] = OrderedDict()
        self._parts: dict[Place, int] = {}
        self._slots: dict[Place, int] = {}
        self._free: list[int] = []
        self._file: Any = None

    @property
    def on_disk(self) -> int:
        """Tiles in the scratch file."""
        return len(self._slots)

    def places(self) -> list[Place]:
        """Places of all tiles that wait, in order."""
        return sorted(self._parts)

    def count(self, place: Place) -> int:
        """Parts that came."""
        return self._parts.get(place, 0)

    def fill(self, place: Place, part: tuple[slice, slice], values: NDArray[Any]) -> None:
        """Put a part of a tile."""
        tile = self._held.pop(place, None)
        if tile is None:
            tile = self._load(place)
        tile[part] = values
        self._parts[place] = self.count(place) + 1
        self._held[place] = tile
        if len(self._held) > self._room:
            self._spill(*self._held.popitem(last=False))

    def take(self, place: Place) -> NDArray[Any]:
        """A tile, which waits no longer."""
        tile = self._held.pop(place, None)
        if tile is None:
            tile = self._load(place)
        del self._parts[place]
        return tile

    def close(self) -> None:
        """Drop everything."""
        self._held.clear()
        if self._file is not None:
            self._file.close()

    def _load(self, place: Place) -> NDArray[Any]:
        slot = self._slots.pop(place, None)
        if slot is None:
            return np.full(self._shape, self._fill, dtype=self._dtype)
        self._free.append(slot)
        self._file.seek(slot * self._bytes)
        return np.frombuffer(self._file.read(self._bytes), dtype=self._dtype).reshape(self._shape).copy()

    def _spill(self, place: Place, tile: NDArray[Any]) -> None:
        if self._file is None:
            # It lives as long as this object does; `close` ends it.
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
        slot = self._free.pop() if self._free else len(self._slots)
        self._slots[place] = slot
        self._file.seek(slot * self._bytes)
        self._file.write(tile.tobytes())
