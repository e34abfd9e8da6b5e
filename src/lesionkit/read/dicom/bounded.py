"""A DICOM file opened so that no length which it states costs more memory than the file has bytes."""

import io
import os
import warnings
import zlib
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import FileDataset

_DEFLATED = b"1.2.840.10008.1.2.1.99"
_GROUP_LENGTH, _AFTER = b"\x02\x00\x00\x00UL\x04\x00", 144
"""Element (0002,0000), which says how long the group after it is; where that group begins."""
_MOST_BYTES, _BLOCK = 1 << 30, 1 << 16


class BoundedFile(io.BufferedReader):
    """A file of which no more is asked than is left: a length of 4 GB in 1 kB must not take 4 GB."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._size = os.fstat(self.fileno()).st_size

    def read(self, size: int | None = -1, /) -> bytes:
        """At most `size` bytes, and at most those that are left."""
        left = max(self._size - self.tell(), 0)
        return super().read(left if size is None or size < 0 else min(size, left))


def open_dicom(path: Path) -> BoundedFile:
    """A file to be read by pydicom.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is deflated, and holds more than 1 GB.
    """
    file = BoundedFile(path)
    try:
        _refuse_bomb(file)
    except ValueError:
        file.close()
        raise
    return file


def read_tags(path: Path, **words: Any) -> FileDataset:
    """`pydicom.dcmread` of such a file, without the warnings on what is odd in other people's files."""
    with open_dicom(path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(file, **{"force": True, **words})


def _refuse_bomb(file: BoundedFile) -> None:
    start = file.read(1024)
    file.seek(0)
    if _DEFLATED not in start or start[132:140] != _GROUP_LENGTH:
        return
    file.seek(_AFTER + int.from_bytes(start[140:144], "little"))
    inflate, total = zlib.decompressobj(-zlib.MAX_WBITS), 0
    try:
        while (block := file.read(_BLOCK)) and not inflate.eof:
            # What follows the end of the stream, as a byte that makes the length even, is left over for ever.
            while block and not inflate.eof:
                total += len(inflate.decompress(block, _BLOCK))
                block = inflate.unconsumed_tail
                if total > _MOST_BYTES:
                    raise ValueError(f"what is deflated in it holds more than {_MOST_BYTES >> 30} GB")
    except zlib.error:
        return  # who reads it says so
    finally:
        file.seek(0)
