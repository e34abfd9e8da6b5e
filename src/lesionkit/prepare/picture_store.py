"""Prepared radiographs on disk: grey values of 8 bits at one size and masks of 1 bit, in files that are mapped.

A set of pictures is a folder under the key of what it is made of. It is filled picture by picture, also by several
processes, so that what an interruption left unfinished is gone on with; the sum of each finished picture is kept.
"""

import logging
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from lesionkit.core.files import replacing
from lesionkit.prepare.keyed_folders import KeyedFolders, first_wins, size_of

_log = logging.getLogger(__name__)
_SUFFIX = ".pictures"
_IMAGES, _MASKS, _STATE = "images.npy", "masks.npy", "state.npy"
_FINISHED = 1 << 32
"""State of a picture: 0, or this and the CRC-32 of its grey values and mask."""


@dataclass(frozen=True)
class PictureEntry:
    """One set of pictures as `PictureStore.ls` lists it.

    Attributes:
        count: of pictures. finished: those that are prepared.
        side: pixels per side.
        size_bytes: of the files.
    """

    key: str
    count: int
    finished: int
    side: int
    size_bytes: int


class PictureFile:
    """Prepared pictures; `Pictures` of `lesionkit.sample.radiographs`. May be handed to other processes."""

    def __init__(self, folder: Path, count: int, side: int) -> None:
        self.folder, self.count, self.side = folder, count, side
        self._open: tuple[Any, Any] | None = None

    def __len__(self) -> int:
        return self.count

    def image(self, number: int) -> NDArray[np.uint8]:
        """(side, side) grey values."""
        return np.array(self._files()[0][number])

    def mask(self, number: int) -> NDArray[np.bool_]:
        """(side, side); all false where it is empty or nobody looked."""
        bits = np.unpackbits(np.array(self._files()[1][number]), axis=1)
        return bits[:, : self.side].astype(bool)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_open": None}

    def _files(self) -> tuple[Any, Any]:
        if self._open is None:
            self._open = (np.load(self.folder / _IMAGES, "r"), np.load(self.folder / _MASKS, "r"))
        return self._open


class PictureStore:
    """A folder of sets of pictures; may be that of a `Store`, whose cases it leaves alone.

    >>> import tempfile
    >>> PictureStore(Path(tempfile.mkdtemp())).ls()
    []
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self._kept = KeyedFolders(self.root, _SUFFIX)

    def begin(self, key: str, count: int, side: int) -> tuple[Path, list[int]]:
        """The folder of a set, made where it is not there, and the numbers of the pictures that are to be prepared.

        A folder whose files are not whole is removed and begun again. Sums are compared by `verify` only, which reads
        everything.

        Raises:
            LesionkitError: the folder cannot be written to.
        """
        folder = self._kept.folder(key)
        damage = _misfit(folder, (count, side)) if folder.is_dir() else None
        if damage:
            _log.warning("prepared pictures %s are damaged (%s); they were removed and are prepared again", key, damage)
            self.remove(key)
        if not folder.is_dir():
            with first_wins(folder / _STATE), replacing(folder) as temporary:
                temporary.mkdir()
                shapes = {_IMAGES: (count, side, side), _MASKS: (count, side, -(-side // 8))}
                for name, shape in shapes.items():
                    open_memmap(temporary / name, "w+", np.uint8, shape).flush()
                open_memmap(temporary / _STATE, "w+", np.int64, (count,)).flush()
        return folder, np.flatnonzero(np.load(folder / _STATE) == 0).tolist()

    def remove(self, key: str) -> None:
        """Delete one set; nothing happens if it is absent."""
        self._kept.remove(key)

    def ls(self) -> list[PictureEntry]:
        """All sets whose files are whole, by key."""
        found = []
        for folder in self._kept.all():
            if _misfit(folder) is None:
                count, side, _ = np.load(folder / _IMAGES, "r").shape
                finished = int(np.count_nonzero(np.load(folder / _STATE)))
                found.append(PictureEntry(folder.stem, count, finished, side, size_of(folder)))
        return found

    def verify(self, remove: bool = False) -> dict[str, str]:
        """Damaged sets: key -> what is wrong. With `remove` they are deleted."""
        found = self._kept.damaged(lambda folder: _misfit(folder) or _altered(folder))
        if remove:
            for key in found:
                self.remove(key)
        return found

    def clear(self) -> int:
        """Delete all sets, unfinished ones too, and return how many bytes that freed. Other files are left alone."""
        return self._kept.clear()


def write_picture(folder: Path, number: int, image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> None:
    """Write one picture into its place of a set that is begun, its state last; each process its own pictures.

    Args:
        image, mask: (side, side).
    """
    bits = np.packbits(mask, axis=1)
    for name, value in ((_IMAGES, image), (_MASKS, bits), (_STATE, _FINISHED + _sum(image, bits))):
        file: Any = np.load(folder / name, "r+")
        file[number] = value
        file.flush()


def _misfit(folder: Path, asked: tuple[int, int] | None = None) -> str | None:
    """What is wrong with the files of a set, or None: one is missing or cut short, or they do not belong together.

    Args:
        asked: pictures and pixels per side that it must have.
    """
    try:
        images, masks, state = (np.load(folder / name, "r") for name in (_IMAGES, _MASKS, _STATE))
    except (OSError, ValueError, EOFError) as error:
        return str(error)
    count, side = images.shape[:2] if images.ndim == 3 else (0, 0)
    shapes = (images.shape, masks.shape, state.shape)
    kinds = (images.dtype, masks.dtype, state.dtype)
    if shapes != ((count, side, side), (count, side, -(-side // 8)), (count,)) or kinds != (
        np.uint8,
        np.uint8,
        np.int64,
    ):
        return "its files do not belong together"
    if asked is not None and asked != (count, side):
        return f"it has {count} pictures of {side} pixels instead of {asked[0]} of {asked[1]}"
    return None


def _altered(folder: Path) -> str | None:
    """Which finished picture does not fit its sum, or None."""
    images, masks, state = (np.load(folder / name, "r") for name in (_IMAGES, _MASKS, _STATE))
    for number in np.flatnonzero(state).tolist():
        if _FINISHED + _sum(images[number], masks[number]) != state[number]:
            return f"picture {number} does not fit its checksum"
    return None


def _sum(image: NDArray[np.uint8], bits: NDArray[np.uint8]) -> int:
    return zlib.crc32(np.ascontiguousarray(bits).data, zlib.crc32(np.ascontiguousarray(image).data))
