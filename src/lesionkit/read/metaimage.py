"""Packed samples of a MetaImage (`.zraw`), unpacked by ourselves: ITK makes something up where they are cut off."""

import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.read.volume_header import metaimage_fields

_TYPES = {"CHAR": "i1", "UCHAR": "u1", "SHORT": "i2", "USHORT": "u2", "INT": "i4", "UINT": "u4"}
_TYPES |= {"LONG": "i4", "ULONG": "u4", "LONG_LONG": "i8", "ULONG_LONG": "u8", "FLOAT": "f4", "DOUBLE": "f8"}


def packed_slices(path: Path) -> Iterator[NDArray[Any]] | None:
    """The slices (y, x) of a packed MetaImage in order of z; None where the file is of another kind.

    Raises:
        LesionkitError: when the first slice is taken: the packed samples are cut off or damaged.
    """
    if not path.name.lower().endswith((".mha", ".mhd")):
        return None
    fields, local = metaimage_fields(path)
    named, kind = fields.get("ElementDataFile", ""), fields.get("ElementType", "").removeprefix("MET_")
    is_plain = named.upper().startswith("LIST") or "%" in named or kind not in _TYPES
    if fields.get("CompressedData", "").lower() != "true" or is_plain or int(fields.get("HeaderSize", 0)) != 0:
        return None
    most = fields.get("BinaryDataByteOrderMSB", fields.get("ElementByteOrderMSB", "")).lower() == "true"
    dtype = np.dtype(f"{'>' if most else '<'}{_TYPES[kind]}")
    size = tuple(map(int, fields["DimSize"].split()))
    file = path if named.upper() == "LOCAL" else path.parent / named
    start = path.stat().st_size - local if named.upper() == "LOCAL" else 0
    return _slices(file, start, dtype, size)


def _slices(file: Path, start: int, dtype: np.dtype[Any], size: tuple[int, ...]) -> Iterator[NDArray[Any]]:
    wanted = math.prod(size) * dtype.itemsize
    try:
        with file.open("rb") as stream:
            stream.seek(start)
            # A little more than is wanted, so that too much is noticed without unpacking all of it.
            unpacker = zlib.decompressobj()
            samples = unpacker.decompress(stream.read(), wanted + 1)
    except zlib.error as error:
        raise LesionkitError(f"{file}: the packed samples are damaged ({error}); copy it again") from error
    # Only at the end of the stream is its checksum looked at.
    if len(samples) != wanted or not unpacker.eof:
        raise LesionkitError(
            f"{file}: the file is truncated or damaged, {len(samples)} of {wanted} bytes can be unpacked; copy it again"
        )
    whole = np.frombuffer(samples, dtype).astype(dtype.newbyteorder("="), copy=False)
    yield from whole.reshape(-1, *size[1::-1])
