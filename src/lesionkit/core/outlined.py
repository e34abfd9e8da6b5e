"""Axial slices around lesions that several readers outlined."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class OutlinedSlices:
    """Square slices with a lesion in the middle, each with what every reader outlined in it.

    Attributes:
        hu: int16 (n, y, x), Hounsfield values.
        readers: uint8 (n, y, x), bit r is set where reader r outlined.
        pixel_mm: (n,) distance of samples, the same along y and x.
        rows: of each slice what is known of it; "lesion" and "patient_id" are always there.
    """

    hu: NDArray[np.int16]
    readers: NDArray[np.uint8]
    pixel_mm: NDArray[np.float64]
    rows: tuple[Mapping[str, Any], ...]

    def __len__(self) -> int:
        return len(self.hu)

    @property
    def patients(self) -> tuple[str, ...]:
        """The patient of each slice."""
        return tuple(str(row["patient_id"]) for row in self.rows)

    def where(self, wanted: Callable[[Mapping[str, Any]], bool]) -> "OutlinedSlices":
        """The slices whose row is wanted, in their order."""
        kept = np.array([wanted(row) for row in self.rows], bool)
        rows = tuple(row for row, keep in zip(self.rows, kept, strict=True) if keep)
        return replace(self, hu=self.hu[kept], readers=self.readers[kept], pixel_mm=self.pixel_mm[kept], rows=rows)

    def votes(self) -> NDArray[np.uint8]:
        """(n,) bits of the readers who outlined the lesion of each slice, in any of its slices."""
        bits = np.bitwise_or.reduce(self.readers.reshape(len(self), -1), axis=1)
        of_lesion: dict[Any, int] = {}
        for row, some in zip(self.rows, bits.tolist(), strict=True):
            of_lesion[row["lesion"]] = of_lesion.get(row["lesion"], 0) | some
        return np.array([of_lesion[row["lesion"]] for row in self.rows], np.uint8)

    def agreed(self, share: float = 0.5) -> NDArray[np.bool_]:
        """(n, y, x) where so large a share, or a larger one, of those who outlined the lesion outlined the pixel.

        >>> row = {"lesion": "a", "patient_id": "1"}
        >>> one = OutlinedSlices(
        ...     np.zeros((1, 1, 3), np.int16), np.array([[[3, 1, 0]]], np.uint8), np.ones(1), (row,))
        >>> one.agreed().ravel().tolist(), one.agreed(0.6).ravel().tolist()
        ([True, True, False], [True, False, False])
        """
        said = np.bitwise_count(self.readers)
        asked = np.bitwise_count(self.votes()).astype(float)[:, None, None]
        return np.asarray((said > 0) & (said >= share * asked - 1e-9))
