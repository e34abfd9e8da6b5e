"""Patches packed into one file, so that a training reads each once from its slide; an index beside it says which.

A patch is a chunk of the file: its colours and its mask, compressed without loss. The folder holds `patches.b2frame`
and `patches.parquet` with slide, row, column, kind and what else the table of patches had.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import blosc2
import numpy as np
import pandas as pd
from torch.utils.data import Dataset

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing
from lesionkit.sample.slide_patches import Item, Patches, RawPatch

PIXELS, INDEX = "patches.b2frame", "patches.parquet"
_KEY = ["slide", "row", "column"]


def pack_patches(
    folder: Path, patches: Patches, rows: pd.DataFrame, progress: Callable[[int], None] | None = None
) -> Path:
    """Write a packed cache and return its folder, which must not exist or be empty.

    Args:
        patches: number i belongs to row i.
        rows: slide, row and column, each place once; further columns are kept.
        progress: told how many patches are written.

    Raises:
        LesionkitError: rows and patches differ in number, a place comes twice, or patches have different sides.
    """
    if len(rows) != len(patches) or not len(rows):
        raise LesionkitError(f"a cache needs one row per patch, at least one, got {len(rows)} and {len(patches)}")
    twice = rows.duplicated(_KEY)
    if twice.any():
        slide, row, column = rows[_KEY].iloc[int(np.argmax(twice))]
        raise LesionkitError(
            f"a cache holds each place once, got row {row}, column {column} of slide {slide} twice; drop duplicates"
        )
    side, labels = len(patches.raw(0).image), []
    with replacing(Path(folder)) as temporary:
        temporary.mkdir()
        store = blosc2.SChunk(
            chunksize=side * side * 4,
            urlpath=str(temporary / PIXELS),
            mode="w",
            contiguous=True,
            cparams={"codec": blosc2.Codec.ZSTD, "clevel": 1, "typesize": 1, "filters": [blosc2.Filter.NOFILTER]},
        )
        for number in range(len(patches)):
            raw = patches.raw(number)
            if raw.image.shape != (side, side, 3):
                raise LesionkitError(f"patches of a cache have one side, got {raw.image.shape[:2]} after {side}")
            planes = np.concatenate([raw.image.transpose(2, 0, 1), raw.mask[None].view(np.uint8)])
            store.append_data(np.ascontiguousarray(planes))
            labels.append(raw.label)
            if progress is not None:
                progress(number + 1)
        rows.assign(label=labels, side=side).reset_index(drop=True).to_parquet(temporary / INDEX)
    return Path(folder)


class PackedPatches(Dataset[Item]):
    """Patches of a packed cache: what `SlidePatches` would read, without opening a slide.

    Args:
        folder: of `pack_patches`.
        rows: which of them and in which order, by slide, row and column; None for all as they were packed.

    Attributes:
        rows: the index of what is shown.

    Raises:
        LesionkitError: no cache there, or a row that it does not hold.
    """

    def __init__(self, folder: Path, rows: pd.DataFrame | None = None) -> None:
        self.folder = Path(folder)
        if not all((self.folder / name).is_file() for name in (PIXELS, INDEX)):
            raise LesionkitError(f"{folder} must be a cache of patches with {PIXELS} and {INDEX}; pack it first")
        index = pd.read_parquet(self.folder / INDEX)
        self.side = int(index["side"].iloc[0])
        self._numbers = np.arange(len(index)) if rows is None else _found(index, rows, self.folder)
        self.rows = index.iloc[self._numbers].reset_index(drop=True)
        self._labels = self.rows["label"].to_numpy()
        self._store: Any = None

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, number: int) -> Item:
        return self.raw(number).item()

    def raw(self, number: int) -> RawPatch:
        """Patch `number`."""
        if self._store is None:
            self._store = blosc2.open(str(self.folder / PIXELS), mode="r")
        planes = np.empty((4, self.side, self.side), np.uint8)
        self._store.decompress_chunk(int(self._numbers[number]), planes)
        return RawPatch(planes[:3].transpose(1, 2, 0), planes[3].view(np.int8), int(self._labels[number]))

    def __getstate__(self) -> dict[str, Any]:
        # Each process opens the file for itself.
        return {**self.__dict__, "_store": None}


def _found(index: pd.DataFrame, rows: pd.DataFrame, folder: Path) -> Any:
    numbers = pd.MultiIndex.from_frame(index[_KEY]).get_indexer(pd.MultiIndex.from_frame(rows[_KEY]))
    if (numbers < 0).any():
        slide, row, column = rows[_KEY].iloc[int(np.argmin(numbers))]
        raise LesionkitError(
            f"{folder} must hold every patch asked for, but lacks {(numbers < 0).sum()} of {len(rows)}, first row "
            f"{row}, column {column} of slide {slide}; pack it again"
        )
    return numbers
