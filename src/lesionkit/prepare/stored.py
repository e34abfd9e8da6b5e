"""An array on disk, compressed in chunks, of which any box can be read."""

import os
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.display import Displayed
from lesionkit.core.grid import Box, Grid

CHUNK = 64
BLOCK = 32
"""Sides of what is stored and of what is decompressed together, in samples."""


@dataclass(frozen=True, eq=False)
class StoredImage(Displayed):
    """An image in the store. Small, can be pickled; each process opens the file when it first reads.

    Attributes:
        path: a .b2nd file.
    """

    grid: Grid
    path: Path

    def read(self, box: Box) -> NDArray[Any]:
        """A new array with the samples of a box; only the blocks it touches are decompressed."""
        array: NDArray[Any] = _opened(str(self.path), os.getpid(), self.path.stat().st_mtime_ns)[tuple(box)]
        return array


def write_array(path: Path, array: NDArray[Any], threads: int = 2) -> None:
    """Write a (z, y, x) array losslessly: LZ4 on shuffled bits, which reads as fast as it writes."""
    import blosc2  # 0.2 s that a search of one scan does not need

    blosc2.asarray(
        np.ascontiguousarray(array),
        urlpath=str(path),
        mode="w",
        chunks=tuple(min(CHUNK, n) for n in array.shape),
        blocks=tuple(min(BLOCK, n) for n in array.shape),
        cparams=blosc2.CParams(codec=blosc2.Codec.LZ4, clevel=5, filters=[blosc2.Filter.BITSHUFFLE], nthreads=threads),
    )


def checksum(path: Path) -> str:
    """CRC-32 of a file's bytes, eight hexadecimal digits; some gigabytes a second."""
    value = 0
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            value = zlib.crc32(block, value)
    return f"{value:08x}"


@lru_cache(maxsize=256)
def _opened(path: str, process: int, changed_ns: int) -> Any:
    """The file, opened once per process and version: a handle must not cross a fork, nor outlive a rebuild."""
    import blosc2

    return blosc2.open(path, mode="r", dparams=blosc2.DParams(nthreads=1))
