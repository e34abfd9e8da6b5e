"""Images as the page asks for them: slices and tiles as BMP or JPEG, and a whole volume as NIfTI."""

import io
import threading
from collections import OrderedDict
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picturing

from lesionkit.core.errors import LesionkitError
from lesionkit.review.session import Picture, Sheet, Volume

Plane: TypeAlias = Literal["axial", "coronal", "sagittal"]
PLANES: tuple[str, ...] = get_args(Plane)
TILE_PX = 256
_CHUNK = 1 << 22


class Opened:
    """Images that were opened, the last few; one that two ask for at once is read once."""

    def __init__(self, most: int = 3) -> None:
        self.most = most
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._held: OrderedDict[str, Volume | Picture] = OrderedDict()

    def get(self, sheet: Sheet) -> Volume | Picture:
        """The image of a sheet.

        Raises:
            LesionkitError: it is gone, or another.
        """
        if sheet.missing:
            raise LesionkitError(sheet.missing)
        with self._lock:
            turn = self._locks.setdefault(sheet.case_id, threading.Lock())
        with turn:
            with self._lock:
                if sheet.case_id in self._held:
                    self._held.move_to_end(sheet.case_id)
                    return self._held[sheet.case_id]
            image = sheet.open()
            with self._lock:
                self._held[sheet.case_id] = image
                while len(self._held) > self.most:
                    self._held.popitem(last=False)
            return image

    def volume(self, sheet: Sheet) -> Volume:
        """The same of a volume.

        Raises:
            LesionkitError: it is a picture.
        """
        image = self.get(sheet)
        if not isinstance(image, Volume):
            raise LesionkitError(f"{sheet.case_id} has no planes, for it is a picture; ask for tiles")
        return image

    def picture(self, sheet: Sheet) -> Picture:
        """The same of a picture.

        Raises:
            LesionkitError: it is a volume.
        """
        image = self.get(sheet)
        if not isinstance(image, Picture):
            raise LesionkitError(f"{sheet.case_id} has no tiles, for it is a volume; ask for slices")
        return image


def drawn_slice(volume: Volume, plane: str, index: int, window: str) -> bytes:
    """One slice as a BMP of 8 bits: axial (y, x); coronal (z, x) and sagittal (z, y) with the head at the top.

    Raises:
        LesionkitError: no such plane, slice or window.
    """
    if plane not in PLANES:
        raise LesionkitError(f"a plane must be one of {', '.join(PLANES)}, got '{plane}'")
    axis = PLANES.index(plane)
    if not 0 <= index < volume.samples.shape[axis]:
        raise LesionkitError(f"{plane} slices go from 0 to {volume.samples.shape[axis] - 1}, got {index}")
    if window not in volume.windows:
        raise LesionkitError(f"a window must be one of {', '.join(volume.windows)}, got '{window}'")
    samples: NDArray[np.int16] = np.moveaxis(volume.samples, axis, 0)[index]
    turned = np.ascontiguousarray(samples if axis == 0 else samples[::-1])
    # int16 as the place in a table of all its values.
    return encoded(_grey_of(*volume.windows[window])[turned.view(np.uint16)], "BMP")


@lru_cache(maxsize=16)
def _grey_of(centre: float, width: float) -> NDArray[np.uint8]:
    """(65536,) grey of every int16, at the place of its bits."""
    values = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.float32)
    return np.asarray(np.clip((values - centre) / width + 0.5, 0, 1) * 255 + 0.5).astype(np.uint8)


def tile_of(picture: Picture, level: int, column: int, row: int) -> tuple[bytes, str]:
    """One tile and its media type; level 0 is one pixel, the last is full size, as in Deep Zoom.

    Raises:
        LesionkitError: no such tile.
    """
    rows, columns = picture.grid.shape
    halvings = last_level(rows, columns) - level
    side = TILE_PX << max(halvings, 0)
    if halvings < 0 or level < 0 or not (0 <= column * side < columns and 0 <= row * side < rows):
        raise LesionkitError(f"there is no tile {column}, {row} of level {level}")
    left, top = column * side, row * side
    right, bottom = min(left + side, columns), min(top + side, rows)
    size = tuple(max(1, -(-edge >> halvings)) for edge in (right - left, bottom - top))
    image = picture.at(halvings)
    down, across = (own / full for own, full in zip(image.grid.shape, (rows, columns), strict=True))
    edges = left * across, top * down, right * across, bottom * down
    first_x, first_y = int(edges[0]), int(edges[1])
    last_x, last_y = (min(-int(-edge // 1), n) for edge, n in zip(edges[2:], image.grid.shape[::-1], strict=True))
    block = image.read((slice(first_y, max(last_y, first_y + 1)), slice(first_x, max(last_x, first_x + 1))))
    box = (edges[0] - first_x, edges[1] - first_y, edges[2] - first_x, edges[3] - first_y)
    held = (block.shape[1], block.shape[0])
    if held == size:
        pixels = block
    else:
        limited = (box[0], box[1], min(box[2], held[0]), min(box[3], held[1]))
        pixels = np.asarray(Picturing.fromarray(block).resize((size[0], size[1]), Picturing.Resampling.BOX, limited))
    is_colour = pixels.ndim == 3
    return encoded(pixels, "JPEG" if is_colour else "BMP"), "image/jpeg" if is_colour else "image/bmp"


def last_level(rows: int, columns: int) -> int:
    """The level of full size.

    >>> last_level(1024, 600), last_level(1025, 600)
    (10, 11)
    """
    return (max(rows, columns) - 1).bit_length()


def encoded(pixels: NDArray[np.uint8], format: Literal["BMP", "JPEG"]) -> bytes:
    """Pixels as a file. What is grey is not packed: it does not go far, and a PNG takes ten milliseconds to make."""
    file = io.BytesIO()
    how = {"quality": 90} if format == "JPEG" else {}
    Picturing.fromarray(np.ascontiguousarray(pixels)).save(file, format=format, **how)
    return file.getvalue()


def nifti_chunks(volume: Volume) -> tuple[int, Iterator[bytes]]:
    """A volume as an uncompressed NIfTI-1 file: its length, and its parts. Its world is its lattice in mm, upright."""
    import nibabel

    z, y, x = volume.grid.spacing_mm
    # NIfTI's x grows to the right and y to the front, ours to the left and to the back.
    header: Any = nibabel.nifti1.Nifti1Header
    header = header()
    header.set_data_dtype(np.int16)
    header.set_data_shape(volume.samples.shape[::-1])
    header.set_sform(np.diag([-x, -y, z, 1.0]), code=1)
    header.set_zooms((x, y, z))
    header["vox_offset"] = 352
    header.set_slope_inter(1, 0)
    begin = header.binaryblock + bytes(4)
    samples = np.ascontiguousarray(volume.samples, dtype=header.get_data_dtype()).reshape(-1)

    def parts() -> Iterator[bytes]:
        yield begin
        step = _CHUNK // 2
        for start in range(0, samples.size, step):
            yield samples[start : start + step].tobytes()

    return len(begin) + samples.nbytes, parts()
