"""From stored values to those that are shown: lookup tables and windows of DICOM (PS3.3 C.11.1 and C.11.2)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

Values = NDArray[np.float64]


def look_up(values: NDArray[np.generic], item: Dataset, big_endian: bool = False) -> Values:
    """Values after the table of a Modality or VOI LUT sequence's item; what lies beyond its ends gets its ends.

    Args:
        big_endian: how the file writes tables of words.

    Raises:
        ValueError, TypeError, AttributeError: the item holds no table.

    >>> table = Dataset()
    >>> table.add_new("LUTDescriptor", "US", [3, 10, 16])
    >>> table.add_new("LUTData", "US", [7, 50, 900])
    >>> look_up(np.array([0, 10, 11, 99]), table).tolist()
    [7.0, 7.0, 50.0, 900.0]
    """
    entries, first, bits = (int(number) for number in item.LUTDescriptor)
    table = _table(item["LUTData"].value, entries % 65536 or 65536, bits, ">" if big_endian else "<")
    if np.min(values) < 0 and first > 32767:
        # The first value is signed where values are, but is often written unsigned.
        first -= 65536
    place = np.clip(np.rint(np.asarray(values, dtype=np.float64)) - first, 0, len(table) - 1)
    return np.asarray(table[place.astype(np.int64)], dtype=np.float64)


def windowed(values: NDArray[np.generic], tags: Dataset) -> Values:
    """0..1 of values within the first window, by its function: LINEAR (the default), LINEAR_EXACT or SIGMOID.

    Raises:
        ValueError, TypeError: no window, or one of no width.

    >>> tags = Dataset()
    >>> tags.WindowCenter, tags.WindowWidth, tags.VOILUTFunction = 50, 100, "LINEAR_EXACT"
    >>> windowed(np.array([-9, 0, 25, 100, 200]), tags).tolist()
    [0.0, 0.0, 0.25, 1.0, 1.0]
    """
    centre, width = _first(tags.WindowCenter), _first(tags.WindowWidth)
    function = str(tags.get("VOILUTFunction") or "LINEAR").strip().upper()
    if function == "LINEAR":
        centre, width = centre - 0.5, width - 1
    if not (np.isfinite([centre, width]).all() and width >= (0 if function == "LINEAR" else 1e-9)):
        raise ValueError(f"a window of centre {centre:g} and width {width:g}")
    away = np.asarray(values, dtype=np.float64) - centre
    if width == 0:
        return (away > 0).astype(np.float64)
    if function == "SIGMOID":
        return np.asarray(1 / (1 + np.exp(-4 * np.clip(away / width, -50, 50))))
    return np.clip(away / width + 0.5, 0, 1)


def _first(value: Any) -> float:
    """The first of several windows, or the only one."""
    return float(value[0] if isinstance(value, Sequence) and not isinstance(value, str) else value)


def _table(held: object, entries: int, bits: int, order: str) -> NDArray[np.generic]:
    """Entries of a table: numbers, or bytes that hold one or two bytes per entry."""
    if not isinstance(held, bytes):
        return np.asarray(held if isinstance(held, list) or hasattr(held, "__len__") else [held])[:entries]
    if bits <= 8 and len(held) < 2 * entries:
        return np.frombuffer(held, np.uint8, count=entries)
    return np.frombuffer(held, f"{order}u2", count=min(entries, len(held) // 2))
