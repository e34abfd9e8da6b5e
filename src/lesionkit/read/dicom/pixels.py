"""Pixels of DICOM slices -> HU, several files at a time."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian

from lesionkit.core.errors import LesionkitError
from lesionkit.read.dicom.bounded import read_tags
from lesionkit.read.dicom.decode import stored_values
from lesionkit.read.dicom.header import Header
from lesionkit.read.itk_name import itk_name
from lesionkit.read.options import PADDING_HU
from lesionkit.read.quiet import silenced

_HIGHEST = 32767


def read_pixels(headers: Sequence[Header]) -> NDArray[np.int16]:
    """HU of slices of one shape, (z, y, x) in the order given, at least -1024.

    The rescale of each slice is its own. Uncompressed files are read directly; deflated and big-endian ones through
    pydicom, compressed ones (JPEG lossless, JPEG-LS, JPEG 2000, RLE …) through SimpleITK's GDCM.

    Raises:
        LesionkitError: a slice cannot be decoded; it is named.
    """
    volume = np.empty((len(headers), *headers[0].shape), dtype=np.int16)
    with silenced(), ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        # Consuming the results raises the first error.
        list(pool.map(_read_into, headers, volume))
    _opened.cache_clear()
    return volume


def same_pixels(one: Header, other: Header) -> bool:
    """Whether two files hold the same samples: a copy, and not the slice of a patient who was given the same UIDs."""
    try:
        return bool(_stored_bytes(one) == _stored_bytes(other))
    except (OSError, ValueError, EOFError, AttributeError):
        return False


def _stored_bytes(header: Header) -> bytes:
    if header.pixels_at is None:
        return bytes(read_tags(header.path).PixelData)
    with header.path.open("rb") as file:
        file.seek(header.pixels_at)
        return file.read(header.frame_bytes)


def _read_into(header: Header, out: NDArray[np.int16]) -> None:
    try:
        if header.pixels_at is not None:
            with header.path.open("rb") as file:
                file.seek(header.pixels_at)
                stored = np.fromfile(file, dtype=_dtype(header, "<"), count=out.size)
            _to_hu(_used_bits(stored.reshape(out.shape), header), header, out)
        elif header.transfer_syntax in (DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian):
            order = ">" if header.transfer_syntax == ExplicitVRBigEndian else "<"
            pixels, before = _opened(header.path).PixelData, header.frame * header.frame_bytes
            stored = np.frombuffer(pixels, dtype=_dtype(header, order), count=out.size, offset=before)
            _to_hu(_used_bits(stored.reshape(out.shape).astype(stored.dtype.newbyteorder("=")), header), header, out)
        elif header.frames > 1:
            stored = stored_values(_opened(header.path), header.transfer_syntax, header.frame)
            _to_hu(_used_bits(stored.astype(_dtype(header, "="), copy=False), header), header, out)
        else:
            _decode_into(header, out)
    except (LesionkitError, MemoryError):
        raise
    except Exception as error:  # whatever a decoder thinks of broken bytes
        raise LesionkitError(
            f"the pixels of slice {header.name} must be readable, got a damaged or unknown coding "
            f"({header.syntax_name}); copy the file again or convert the series to an uncompressed one"
        ) from error


@lru_cache(maxsize=2)
def _opened(path: Path) -> FileDataset:
    """A file with its pixels; the frames of one file follow each other."""
    return read_tags(path)


def _decode_into(header: Header, out: NDArray[np.int16]) -> None:
    """Through GDCM, which applies slope and intercept itself."""
    with itk_name(header.path) as name:
        decoded = sitk.GetArrayFromImage(sitk.ReadImage(name))
    if decoded.size != out.size:
        raise ValueError(f"decoded {decoded.shape}, expected {out.shape}")
    hu = decoded.reshape(out.shape)
    padding = _padding_hu(header)
    outside = (hu >= padding[0]) & (hu <= padding[1]) if padding is not None else None
    np.clip(np.rint(hu), PADDING_HU, _HIGHEST, out=out, casting="unsafe")
    if outside is not None:
        out[outside] = PADDING_HU


def _dtype(header: Header, order: str) -> np.dtype[Any]:
    if header.float_type:
        return np.dtype(order + header.float_type)
    return np.dtype(f"{order}{'i' if header.signed else 'u'}{header.bits_allocated // 8}")


def _used_bits(stored: NDArray[Any], header: Header) -> NDArray[Any]:
    """Stored values without what old scanners keep in the unused high bits (overlays)."""
    unused = header.bits_allocated - header.bits_stored
    if unused <= 0 or header.float_type:
        return stored
    # Shifting up and down again clears the high bits and extends the sign.
    shifted: NDArray[Any] = (stored << unused) >> unused
    return shifted


def _to_hu(stored: NDArray[Any], header: Header, out: NDArray[np.int16]) -> None:
    slope, intercept = _rescale(header)
    padding = _padding_hu(header)
    outside = None
    if padding is not None and header.padding is not None:
        outside = (stored >= header.padding[0]) & (stored <= header.padding[1])
    if slope == 1 and intercept == int(intercept) and abs(intercept) < 32768 and stored.dtype.itemsize == 2:
        # Clipped first so that the sum fits 16 bits; then unsigned values may wrap around: the sum is right again.
        limits = np.iinfo(stored.dtype)
        low = int(np.clip(PADDING_HU - intercept, limits.min, limits.max))
        high = int(np.clip(_HIGHEST - intercept, limits.min, limits.max))
        clipped = np.clip(stored, low, high)
        np.add(clipped.view(np.int16), np.int16(intercept), out=out)
    else:
        hu = stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)
        if header.float_type and not np.isfinite(hu).all():
            raise LesionkitError(f"every sample must be a number, but slice {header.name} holds NaN or infinite ones")
        np.clip(np.rint(hu), PADDING_HU, _HIGHEST, out=out, casting="unsafe")
    if outside is not None:
        out[outside] = PADDING_HU


def _rescale(header: Header) -> tuple[float, float]:
    if header.slope is None or header.intercept is None or header.slope == 0:
        raise LesionkitError(
            f"every slice needs RescaleSlope and RescaleIntercept to give HU, but {header.name} has none; "
            "export the series again with them, or give HU in a .nii.gz or .mha file"
        )
    return header.slope, header.intercept


def _padding_hu(header: Header) -> tuple[float, float] | None:
    """The padding range in HU; None where it needs no care because it is clipped anyway."""
    if header.padding is None:
        return None
    slope, intercept = _rescale(header)
    low, high = sorted(slope * value + intercept for value in header.padding)
    return (low, high) if high > PADDING_HU else None
