"""The pixels of a DICOM radiograph as they are meant to be shown."""

import contextlib
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import ExplicitVRBigEndian
from scipy import ndimage

from lesionkit.core.errors import LesionkitError
from lesionkit.read.dicom.bounded import read_tags
from lesionkit.read.dicom.decode import stored_values
from lesionkit.read.dicom.header import Header
from lesionkit.read.dicom.lut import look_up, windowed
from lesionkit.read.grey import refuse_colour
from lesionkit.read.radiograph_view import not_frontal

_NO_RADIOGRAPH = {
    *("CT", "MR", "PT", "NM", "US", "SM", "OCT", "OP", "ECG", "MG", "IO", "PX", "XC", "ES", "GM"),
    *("SEG", "SR", "PR", "KO", "DOC", "RTSTRUCT", "RTDOSE", "RTPLAN"),
}
_MOST_PIXELS = 1 << 28
_DAMAGE = (OSError, ValueError, RuntimeError, EOFError, AttributeError, KeyError, NotImplementedError, TypeError)


def read_radiograph(header: Header) -> tuple[NDArray[Any], dict[str, Any]]:
    """Samples (row, column) and facts of one DICOM radiograph, dense tissue bright.

    The modality's table or rescale, then the VOI table or window (the first, the table before the window), then
    inversion of MONOCHROME1 or of the presentation shape INVERSE: the same for native and compressed pixels. What is
    windowed or has more than 8 bits becomes uint16 over its whole range; 8 bits without a window stay as they are.
    Padding that reaches the edge is black and takes no part in the range.

    Raises:
        LesionkitError: another modality, several frames, colours, pixels that cannot be decoded.
    """
    _check(header)
    tags = _tags(header)
    stored = _stored(header, tags)
    outside = _outside(stored, header)
    values, modality = _in_modality(stored, header, tags)
    shown, window = _windowed(values, header, tags)
    spacing, source = _spacing(header, tags)
    notes = [] if spacing else ["the file tells no pixel spacing; 1 mm is taken, so lengths and areas mean nothing"]
    notes += [
        f"the file's {how[:-7]} cannot be applied; the range of its values is shown"
        for how in (modality, window)
        if how.endswith("failed")
    ]
    inverted = _is_inverted(header, tags, notes)
    notes += not_frontal(header, tags)
    samples = _whole_range(shown, not window and header.bits_stored <= 8, inverted, outside)
    how = " ".join(filter(None, (modality, window, "inverted" if inverted else "")))
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
    if math.prod(header.shape) > _MOST_PIXELS:
        raise LesionkitError(
            f"{name}: a radiograph has at most {_MOST_PIXELS} pixels, got {header.shape[0]} × {header.shape[1]}; copy "
            "the file again"
        )
    if min(header.shape) < 1:
        raise LesionkitError(f"{name}: a radiograph has rows and columns of pixels, but the file holds none")
    kind = _photometric(header)
    if not kind.startswith(("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "YBR")):
        raise LesionkitError(
            f"{name}: the file must say by PhotometricInterpretation whether low values are black (MONOCHROME2) or "
            f"white (MONOCHROME1), but says {kind or 'nothing'}; correct the tag"
        )
    if header.samples_per_pixel != 1 and not kind.startswith(("RGB", "YBR")):
        raise LesionkitError(f"{name}: a pixel must be one value, got {header.samples_per_pixel}")
    if header.is_truncated:
        raise LesionkitError(
            f"{name}: the file must hold {header.frame_bytes} bytes of pixels, got {header.pixels_length}; it is cut "
            "off, copy it again"
        )


def _photometric(header: Header) -> str:
    """What the values mean; capitals, as the standard writes it and some files do not."""
    return header.text("PhotometricInterpretation").upper()


def _tags(header: Header) -> FileDataset:
    try:
        tags = read_tags(header.path)
        tags.PhotometricInterpretation = _photometric(header)
        return tags
    except _DAMAGE as error:
        raise _damaged(header) from error


def _damaged(header: Header) -> LesionkitError:
    name = header.syntax_name
    return LesionkitError(
        f"{header.path}: the pixels must be readable, got a damaged or unknown coding ({name}); copy the file again or "
        "convert it to an uncompressed one"
    )


def _stored(header: Header, tags: FileDataset) -> NDArray[Any]:
    """Values (row, column) as they are stored; of a palette or of colours that are grey, their grey."""
    try:
        values = stored_values(tags, header.transfer_syntax)
        if _photometric(header) == "PALETTE COLOR":
            values = apply_color_lut(values, tags)
    except Exception as error:
        # Whatever a decoder thinks of broken bytes; its own words would help nobody.
        raise _damaged(header) from error
    if values.ndim == 3:
        high = int(values.max())
        refuse_colour((values // 257 if high > 255 else values).astype(np.uint8), str(header.path))
        values = values[..., 1]
    return values


def _outside(values: NDArray[Any], header: Header) -> NDArray[np.bool_] | None:
    """Where nothing was exposed: padding that reaches the edge, for the same value may well occur within."""
    if header.padding is None or values.dtype.kind == "f":
        return None
    low, high = header.padding
    padding = (values >= low) & (values <= high)
    if not padding.any() or padding.all():
        return None
    labels, _ = ndimage.label(padding)
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    outside = np.isin(labels, np.unique(edge[edge > 0]))
    return outside if outside.any() else None


def _in_modality(values: NDArray[Any], header: Header, tags: FileDataset) -> tuple[NDArray[Any], str]:
    """Values after the modality's table or rescale, and whether it was a table."""
    if tags.get("ModalityLUTSequence"):
        with contextlib.suppress(*_DAMAGE, IndexError):
            return look_up(values, tags.ModalityLUTSequence[0], _is_big_endian(header)), "modality table"
        return values, "modality table failed"
    slope, intercept = header.slope or 1.0, header.intercept or 0.0
    if (slope, intercept) == (1.0, 0.0):
        return values, ""
    return values.astype(np.float64) * slope + intercept, ""


def _windowed(values: NDArray[Any], header: Header, tags: FileDataset) -> tuple[NDArray[Any], str]:
    """Values after the VOI table or window, and which it was; "" where there is none."""
    if tags.get("VOILUTSequence"):
        how = "table"
    elif tags.get("WindowCenter") is not None and tags.get("WindowWidth") is not None:
        how = "window"
    else:
        return values, ""
    shown = None
    with contextlib.suppress(*_DAMAGE, IndexError):
        if how == "window":
            shown = windowed(values, tags)
        else:
            shown = look_up(values, tags.VOILUTSequence[0], _is_big_endian(header))
    # A window that misses the picture makes it black or white; then the range of values says more.
    if shown is None or not np.isfinite(shown).all() or shown.min() == shown.max():
        return values, f"{how} failed"
    return shown, how


def _is_big_endian(header: Header) -> bool:
    return header.transfer_syntax == ExplicitVRBigEndian


def _is_inverted(header: Header, tags: FileDataset, notes: list[str]) -> bool:
    """Whether low values are white: MONOCHROME1, which goes with the shape INVERSE, or that shape alone."""
    kind, shape = _photometric(header), str(tags.get("PresentationLUTShape") or "").upper()
    if kind != "MONOCHROME1" and shape == "INVERSE":
        notes.append(f"the file says {kind}, but PresentationLUTShape INVERSE: low values were taken for white")
    if kind == "MONOCHROME1" and shape == "IDENTITY":
        notes.append("the file says MONOCHROME1, but PresentationLUTShape IDENTITY: low values were taken for white")
    return kind == "MONOCHROME1" or shape == "INVERSE"


def _whole_range(
    values: NDArray[Any], keep_bytes: bool, inverted: bool, outside: NDArray[np.bool_] | None
) -> NDArray[Any]:
    """Values spread over the whole range of their type; what was not exposed is black."""
    seen = values if outside is None else values[~outside]
    low, high = float(seen.min()), float(seen.max())
    if keep_bytes and low >= 0 and high <= 255 and np.issubdtype(values.dtype, np.integer):
        samples = np.clip(values, 0, 255).astype(np.uint8)
    else:
        scale = 65535 / (high - low) if high > low else 0.0
        samples = np.rint((np.clip(values, low, high) - low) * scale).astype(np.uint16)
    if inverted:
        samples = np.bitwise_not(samples)
    if outside is not None:
        samples[outside] = 0
    return np.asarray(samples)


def _spacing(header: Header, tags: FileDataset) -> tuple[tuple[float, float] | None, str]:
    """mm between rows and columns: calibrated to the patient if the file says so, else at the detector."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        with contextlib.suppress(*_DAMAGE):
            rows, columns = (float(n) for n in tags.get(keyword) or ())
            if rows > 0 and columns > 0 and math.isfinite(rows * columns):
                return (rows, columns), keyword
    return None, ""
