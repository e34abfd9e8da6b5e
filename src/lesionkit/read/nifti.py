"""NIfTI-1 and -2: the header as nibabel understands it, the samples slice by slice."""

import bz2
import gzip
import math
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import nibabel as nib
import numpy as np
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.read.nifti_place import nifti_grid

_SIZES: dict[int, Any] = {348: nib.Nifti1Header, 540: nib.Nifti2Header}
_PACKED: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open}
_MOST_PACKED = {b"\x1f\x8b": 1_100, b"BZ": 100_000_000}
"""How often the size of a packed file its content may have, by its first bytes: zeros that are packed."""
_BLOCK_BYTES, _MOST_LEFT_BYTES = 1 << 24, 1 << 30


@dataclass(frozen=True)
class Nifti:
    """What the header of a NIfTI file says.

    Attributes:
        size: samples per axis in the file's order (x, y, z, …).
        dtype: of the samples in the file.
        offset: bytes before the first sample.
        slope, intercept: value = slope * sample + intercept.
        grid: in LPS millimetres; None where the file is no single volume.
        warnings: sentences on what the header leaves open.
    """

    path: Path
    size: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    slope: float
    intercept: float
    grid: Grid | None
    warnings: tuple[str, ...]

    @property
    def components(self) -> int:
        """Values per voxel; more than 1 in a colour picture."""
        return len(self.dtype.names or (0,))

    def refuse_short(self) -> None:
        """Raise, before memory is taken, where the file cannot hold all samples.

        Raises:
            LesionkitError: it is shorter, or so short that nothing packed into it is long enough.
        """
        with self.path.open("rb") as file:
            packing = _MOST_PACKED.get(file.read(2), 1)
        found, wanted = self.path.stat().st_size, self.offset + math.prod(self.size) * self.dtype.itemsize
        if found * packing < wanted:
            raise LesionkitError(
                f"{self.path}: the file is truncated or damaged, it holds {found} of {wanted} bytes; copy it again"
            )

    def slices(self) -> Iterator[NDArray[Any]]:
        """The slices (y, x) in order of z, scaled; of the file's own type where no scale is needed.

        Raises:
            LesionkitError: the file ends before its samples do, or is damaged.
        """
        x, y, z = self.size[:3]
        each = x * y * self.dtype.itemsize
        at_once = max(1, min(z, _BLOCK_BYTES // max(each, 1)))
        with _unpacked(self.path) as file:
            _skip(file, self.offset)
            for first in range(0, z, at_once):
                count = min(at_once, z - first)
                block = _exactly(file, count * each)
                if len(block) < count * each:
                    found, wanted = self.offset + first * each + len(block), self.offset + z * each
                    raise LesionkitError(
                        f"{self.path}: the file is truncated or damaged, it holds {found} of {wanted} bytes; "
                        "copy it again"
                    )
                if first + count == z:
                    # Only at the end of what is packed is its checksum looked at: a byte that changed shows there.
                    _to_the_end(file)
                for values in np.frombuffer(block, self.dtype).reshape(count, y, x):
                    yield self._scaled(values)

    def _scaled(self, values: NDArray[Any]) -> NDArray[Any]:
        if (self.slope, self.intercept) == (1.0, 0.0):
            return values.astype(self.dtype.newbyteorder("="), copy=False)
        scaled: NDArray[Any] = values.astype(np.float64 if self.dtype.itemsize > 4 else np.float32)
        scaled *= self.slope
        scaled += self.intercept
        return scaled


def read_nifti_header(path: Path) -> Nifti:
    """The header of a NIfTI file, whether it is packed or not and whatever its suffix says of that.

    Raises:
        LesionkitError: no NIfTI file, or one whose samples are of a type or at a place that cannot be used.
    """
    header = _header(path)
    try:
        dtype = header.get_data_dtype()
        size = tuple(map(int, header.get_data_shape()))
        slope, intercept = header.get_slope_inter()
    except (HeaderDataError, ValueError, KeyError) as error:
        raise LesionkitError(
            f"{path}: a NIfTI header must say type, size and scale of its samples, got: {error}"
        ) from error
    if dtype.itemsize == 0:
        raise LesionkitError(f"{path}: a NIfTI header must say the type of its samples, got none; copy the file again")
    if dtype.kind == "c":
        raise LesionkitError(f"{path}: a CT has real values, got complex ones ({dtype}); give the magnitude in HU")
    while len(size) > 3 and size[-1] == 1:
        size = size[:-1]
    grid, warnings = nifti_grid(path, header, size) if len(size) == 3 and min(size) > 0 else (None, ())
    offset = max(int(float(header["vox_offset"])), int(header.single_vox_offset))
    return Nifti(
        path=path,
        size=size,
        dtype=dtype,
        offset=offset,
        slope=1.0 if slope is None else float(slope),
        intercept=0.0 if intercept is None else float(intercept),
        grid=grid,
        warnings=warnings,
    )


def _header(path: Path) -> Any:
    with _unpacked(path) as file:
        start = _exactly(file, 540)
    sizes = {order: int.from_bytes(start[:4], order) for order in ("little", "big")}
    kind = next((_SIZES[size] for size in sizes.values() if size in _SIZES), None)
    if kind is None or len(start) < 348:
        raise LesionkitError(
            f"{path}: the file is truncated or damaged, it does not begin as a NIfTI file does; copy it again"
        )
    magic = start[344:347] if kind is nib.Nifti1Header else start[4:7]
    if magic[:2] == b"ni":
        raise LesionkitError(
            f"{path}: a .nii file holds header and samples, got one half of a pair (.hdr and .img); "
            "convert the pair to one file"
        )
    header: Any = kind(start[: kind.template_dtype.itemsize], check=False)
    # Left over by programs that mirror the first axes; the standard asks for lengths, and the sform says the rest.
    header["pixdim"][1:4] = np.abs(header["pixdim"][1:4])
    if header["pixdim"][0] not in (-1, 1):
        header["pixdim"][0] = 1
    return header


@contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    """The file, unpacked where its first bytes say so."""
    try:
        with path.open("rb") as file:
            start = file.read(2)
        with _PACKED.get(start, open)(path, "rb") as stream:
            yield stream
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise LesionkitError(f"{path}: the file is truncated or damaged ({error}); copy it again") from error
    except OSError as error:
        why = error.strerror or str(error)
        raise LesionkitError(f"{path}: the file must be readable, got: {why}; copy it again") from error


def _skip(file: IO[bytes], count: int) -> None:
    if len(_exactly(file, count)) < count:
        raise EOFError("it ends within its header")


def _to_the_end(file: IO[bytes]) -> None:
    """Read what is left, as far as it is no bomb."""
    left = _MOST_LEFT_BYTES
    while left > 0 and (part := file.read(_BLOCK_BYTES)):
        left -= len(part)


def _exactly(file: IO[bytes], count: int) -> bytes:
    """So many bytes, fewer only where the file ends or is damaged."""
    parts, missing = [], count
    while missing > 0:
        try:
            part = file.read(missing)
        except (EOFError, zlib.error):
            break
        if not part:
            break
        parts.append(part)
        missing -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
