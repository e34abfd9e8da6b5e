"""The pixels of a DICOM radiograph as they are meant to be shown."""

import contextlib
import math
import warnings
from typing import Any

import numpy as np
import pydicom
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.pixels.processing import apply_voi_lut

from lesionkit.core.errors import LesionkitError
from lesionkit.read.dicom_header import Header
from lesionkit.read.grey import refuse_colour

_NO_RADIOGRAPH = {"CT", "MR", "PT", "NM", "US", "SM", "OCT", "ECG", "SEG", "SR", "RTSTRUCT", "PR"}
_DAMAGE = (OSError, ValueError, RuntimeError, EOFError, AttributeError, KeyError, NotImplementedError, TypeError)


def read_radiograph(header: Header) -> tuple[NDArray[Any], dict[str, Any]]:
    """Samples (row, column) and facts of one DICOM radiograph, dense tissue bright.

    Rescale, then the VOI table or window (the first, the table before the window), then inversion of MONOCHROME1. What
    is windowed or has more than 8 bits becomes uint16 over its whole range; 8 bits without a window stay as they are.

    Raises:
        LesionkitError: another modality, several frames, colours, pixels that cannot be decoded.
    """
    _check(header)
    tags = _tags(header)
    values = _stored(header, tags)
    shown, how = _windowed(values, tags)
    samples = _whole_range(shown, keep_bytes=how == "" and header.bits_stored <= 8)
    if header.text("PhotometricInterpretation") == "MONOCHROME1":
        samples = np.iinfo(samples.dtype).max - samples
        how = f"{how} inverted".strip()
    spacing, source = _spacing(header, tags)
    notes = [] if spacing else ["the file tells no pixel spacing; 1 mm is taken, so lengths and areas mean nothing"]
    if how.endswith("failed"):
        notes.append("the file's window cannot be applied; the range of its values is shown")
    facts = {
        "format": "dicom",
        "modality": header.modality,
        "body_part": header.text("BodyPartExamined"),
        "view": str(tags.get("ViewPosition", "") or ""),
        "manufacturer": header.text("Manufacturer"),
        "series_uid": header.series_uid,
        "study_uid": header.study_uid,
        "bits_stored": header.bits_stored,
        "shown_by": how or "range of values",
        "spacing_known": spacing is not None,
        "spacing_from": source,
        "native_spacing_mm": list(spacing) if spacing else None,
        "warnings": notes,
    }
    return samples, facts


def _check(header: Header) -> None:
    name = header.path
    if header.modality in _NO_RADIOGRAPH:
        cure = "; give CT scans to a CT recipe" if header.modality == "CT" else ""
        raise LesionkitError(f"{name}: a radiograph has modality CR or DX, got {header.modality}{cure}")
    if header.frames > 1:
        raise LesionkitError(f"{name}: a radiograph is one picture, got {header.frames} frames; give one frame")
    if min(header.shape) < 1:
        raise LesionkitError(f"{name}: a radiograph has rows and columns of pixels, but the file holds none")
    if header.samples_per_pixel != 1 and not header.text("PhotometricInterpretation").startswith(("RGB", "YBR")):
        raise LesionkitError(f"{name}: a pixel must be one value, got {header.samples_per_pixel}")
    if header.is_truncated:
        raise LesionkitError(
            f"{name}: the file must hold {header.frame_bytes} bytes of pixels, got {header.pixels_length}; it is cut "
            "off, copy it again"
        )


def _tags(header: Header) -> FileDataset:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pydicom.dcmread(header.path, force=True)
    except _DAMAGE as error:
        raise _damaged(header) from error


def _damaged(header: Header) -> LesionkitError:
    name = pydicom.uid.UID(header.transfer_syntax).name
    return LesionkitError(
        f"{header.path}: the pixels must be readable, got a damaged or unknown coding ({name}); copy the file again or "
        "convert it to an uncompressed one"
    )


def _stored(header: Header, tags: FileDataset) -> NDArray[Any]:
    """Values (row, column) after the rescale; GDCM decodes what is compressed, and rescales by itself."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if pydicom.uid.UID(header.transfer_syntax).is_encapsulated:
                values = sitk.GetArrayFromImage(sitk.ReadImage(str(header.path)))
                values = values.reshape(*header.shape, header.samples_per_pixel).squeeze(axis=-1)
            else:
                values = _rescaled(tags.pixel_array, header)
    except _DAMAGE as error:
        raise _damaged(header) from error
    if values.ndim == 3:
        refuse_colour(values.astype(np.uint8), str(header.path))
        values = values[..., 1]
    return values


def _rescaled(values: NDArray[Any], header: Header) -> NDArray[Any]:
    slope, intercept = header.slope or 1.0, header.intercept or 0.0
    if (slope, intercept) == (1.0, 0.0):
        return values
    return values.astype(np.float64) * slope + intercept


def _windowed(values: NDArray[Any], tags: FileDataset) -> tuple[NDArray[Any], str]:
    """Values after the VOI table or window, and which it was; "" where there is none."""
    if tags.get("VOILUTSequence"):
        how = "table"
    elif tags.get("WindowCenter") is not None and tags.get("WindowWidth") is not None:
        how = "window"
    else:
        return values, ""
    shown = None
    with contextlib.suppress(*_DAMAGE, IndexError):
        whole = values if np.issubdtype(values.dtype, np.integer) or how == "window" else np.rint(values).astype(int)
        shown = apply_voi_lut(whole, tags)
    # A window that misses the picture makes it black or white; then the range of values says more.
    if shown is None or not np.isfinite(shown).all() or shown.min() == shown.max():
        return values, f"{how} failed"
    return shown, how


def _whole_range(values: NDArray[Any], keep_bytes: bool) -> NDArray[Any]:
    if keep_bytes and values.min() >= 0 and values.max() <= 255:
        return values.astype(np.uint8)
    low, high = float(values.min()), float(values.max())
    scale = 65535 / (high - low) if high > low else 0.0
    return np.rint((values - low) * scale).astype(np.uint16)


def _spacing(header: Header, tags: FileDataset) -> tuple[tuple[float, float] | None, str]:
    """mm between rows and columns: calibrated to the patient if the file says so, else at the detector."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        with contextlib.suppress(*_DAMAGE):
            rows, columns = (float(n) for n in tags.get(keyword) or ())
            if rows > 0 and columns > 0 and math.isfinite(rows * columns):
                return (rows, columns), keyword
    return None, ""
