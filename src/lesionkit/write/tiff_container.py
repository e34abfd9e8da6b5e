"""The bones of a tiled TIFF: tiles are appended in any order, the directories that point at them come last."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError

_SHORT, _LONG, _RATIONAL, _LONG8 = 3, 4, 5, 16
_ASCII = 2
_FORMATS = {_SHORT: "H", _LONG: "I", _LONG8: "Q"}
_CLASSIC_LIMIT = 2**32 - 2**20
_UM_PER_CM = 10_000

JPEG, DEFLATE = 7, 8
"""Codes of the two compressions that are written."""


@dataclass(frozen=True)
class TiffPage:
    """One level: its size, its tiles, and what their samples are.

    Attributes:
        shape: rows and columns.
        tile: side of the square tiles in pixels, a multiple of 16.
        compression: JPEG (YCbCr, colour at half resolution) or DEFLATE.
        dtype: of the samples.
        channels: 1 or 3.
        mpp: µm per pixel, written as pixels per centimetre.
        description: text of the first page, empty for none.
    """

    shape: tuple[int, int]
    tile: int
    compression: int
    dtype: np.dtype[np.generic]
    channels: int
    mpp: float
    description: str = ""

    @property
    def tiles(self) -> tuple[int, int]:
        """Rows and columns of tiles."""
        return -(-self.shape[0] // self.tile), -(-self.shape[1] // self.tile)


@dataclass
class TiffContainer:
    """A TIFF file that is being written; a context manager.

    Attributes:
        big: 64-bit offsets, for files that may grow beyond 4 GB.
    """

    path: Path
    big: bool
    _file: BinaryIO = field(init=False, repr=False)
    _link: int = field(init=False, default=0)

    def __enter__(self) -> Self:
        self._file = self.path.open("wb")
        header = struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0) if self.big else struct.pack("<2sHI", b"II", 42, 0)
        self._file.write(header)
        self._link = 8 if self.big else 4
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def append(self, data: bytes) -> int:
        """Put bytes at the end and return where they begin, which is even as TIFF asks.

        Raises:
            LesionkitError: a file with 32-bit offsets would grow beyond 4 GB.
        """
        start = self._file.seek(0, 2)
        if start % 2:
            self._file.write(b"\0")
            start += 1
        if not self.big and start + len(data) > _CLASSIC_LIMIT:
            raise LesionkitError(f"{self.path} would exceed 4 GB, the limit of classic TIFF; write a BigTIFF")
        self._file.write(data)
        return start

    def add_page(self, page: TiffPage, offsets: NDArray[np.int64], lengths: NDArray[np.int64], reduced: bool) -> None:
        """Write a directory; pages come from the finest to the coarsest.

        Args:
            offsets: where each tile begins, row by row.
            lengths: bytes of each tile.
            reduced: whether this is a smaller version of the page before.
        """
        entries = sorted(self._entries(page, offsets, lengths, reduced))
        count, entry, pointer = ("<Q", "<HHQ", "<Q") if self.big else ("<H", "<HHI", "<I")
        room = struct.calcsize(pointer)
        directory = struct.pack(count, len(entries))
        for tag, kind, values in entries:
            data = self._pack(kind, values)
            number = len(values) // 2 if kind == _RATIONAL else len(values)
            inline = data.ljust(room, b"\0") if len(data) <= room else struct.pack(pointer, self.append(data))
            directory += struct.pack(entry, tag, kind, number) + inline
        start = self.append(directory + struct.pack(pointer, 0))
        self._file.seek(self._link)
        self._file.write(struct.pack(pointer, start))
        self._link = start + len(directory)

    def _entries(
        self, page: TiffPage, offsets: NDArray[np.int64], lengths: NDArray[np.int64], reduced: bool
    ) -> list[tuple[int, int, Sequence[int]]]:
        rows, columns = page.shape
        is_jpeg = page.compression == JPEG
        per_cm = (round(_UM_PER_CM / page.mpp * 1000), 1000)
        entries: list[tuple[int, int, Sequence[int]]] = [
            (254, _LONG, [int(reduced)]),
            (256, _LONG, [columns]),
            (257, _LONG, [rows]),
            (258, _SHORT, [page.dtype.itemsize * 8] * page.channels),
            (259, _SHORT, [page.compression]),
            (262, _SHORT, [6 if is_jpeg and page.channels == 3 else 2 if page.channels == 3 else 1]),
            (277, _SHORT, [page.channels]),
            (282, _RATIONAL, per_cm),
            (283, _RATIONAL, per_cm),
            (284, _SHORT, [1]),
            (296, _SHORT, [3]),
            (322, _LONG, [page.tile]),
            (323, _LONG, [page.tile]),
            (324, _LONG8 if self.big else _LONG, offsets.ravel().tolist()),
            (325, _LONG, lengths.ravel().tolist()),
            (339, _SHORT, [3 if page.dtype.kind == "f" else 1] * page.channels),
        ]
        if is_jpeg and page.channels == 3:
            entries.append((530, _SHORT, [2, 2]))
        if page.description:
            entries.append((270, _ASCII, [*page.description.encode("ascii", "replace"), 0]))
        return entries

    @staticmethod
    def _pack(kind: int, values: Sequence[int]) -> bytes:
        if kind == _ASCII:
            return bytes(values)
        return np.asarray(values, dtype="<u4" if kind == _RATIONAL else f"<{_FORMATS[kind]}").tobytes()
