"""Pixel data of one DICOM image -> the values that were stored, whatever the transfer syntax.

What a frame is coded in is told by its own first bytes, for headers err. JPEG of all kinds, JPEG-LS, JPEG 2000 and JPEG
XL are decoded by imagecodecs; RLE, deflated and native pixels by pydicom. Nothing is rescaled, windowed or inverted.
"""

import warnings
import zlib
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import get_frame
from pydicom.pixels.processing import convert_color_space
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

_NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
_DEFLATED_FRAMES, _PLAIN_FRAMES = "1.2.840.10008.1.2.8.1", "1.2.840.10008.1.2.1.98"
_LOSSLESS, _JPEG_LS = (0xC3,), (0xF7,)
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}


def stored_values(tags: Dataset, syntax: str, index: int = 0) -> NDArray[Any]:
    """Stored values (row, column) of a frame of an image; of colours (row, column, 3), RGB.

    Args:
        tags: a data set with its pixels.
        syntax: UID of the transfer syntax.
        index: number of the frame, from 0.

    Raises:
        ValueError, RuntimeError, NotImplementedError and their like: the pixels cannot be decoded.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _complete(tags)
        if getattr(tags, "file_meta", None) is None or "TransferSyntaxUID" not in tags.file_meta:
            # Old files have no header of their own; what they are coded in was found out by whoever read them.
            tags.file_meta = FileMetaDataset()
            tags.file_meta.TransferSyntaxUID = UID(syntax)
        if syntax in _NATIVE:
            return _native(tags, index)
        if syntax == RLELossless:
            return np.asarray(pixel_array(tags, index=index))
        frame = bytes(get_frame(tags.PixelData, index, number_of_frames=int(tags.get("NumberOfFrames") or 1)))
        if syntax in (_DEFLATED_FRAMES, _PLAIN_FRAMES):
            plain = zlib.decompress(frame, -zlib.MAX_WBITS) if syntax == _DEFLATED_FRAMES else frame
            values = np.frombuffer(plain, _kind(tags)).reshape(_shape(tags))
        else:
            values = _as_stored(_decoded(frame, tags), tags)
    if values.shape != _shape(tags):
        raise ValueError(f"the frame is of shape {values.shape}, the header says {_shape(tags)}")
    return values


def _complete(tags: Dataset) -> None:
    """Give the tags that careless writers leave out the values that they nearly always have."""
    usual = {"SamplesPerPixel": 1, "PixelRepresentation": 0, "BitsAllocated": 16, "PlanarConfiguration": 0}
    for keyword, value in usual.items():
        if tags.get(keyword) is None:
            setattr(tags, keyword, value)
    if tags.get("BitsStored") is None:
        tags.BitsStored = tags.BitsAllocated


def _native(tags: Dataset, index: int) -> NDArray[Any]:
    """Values as pydicom reads them; bits that lie above those in use are cleared, those below are shifted out."""
    high, bits = int(tags.get("HighBit", tags.BitsStored - 1)), int(tags.BitsStored)
    below = high + 1 - bits
    if not 0 < below <= int(tags.BitsAllocated) - bits:
        return np.asarray(pixel_array(tags, index=index))
    tags.BitsStored = high + 1
    try:
        return np.asarray(pixel_array(tags, index=index)) >> below
    finally:
        tags.BitsStored = bits


def _decoded(frame: bytes, tags: Dataset) -> NDArray[Any]:
    if frame.startswith((b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP")):
        return np.asarray(imagecodecs.jpeg2k_decode(frame))
    if frame.startswith((b"\xff\x0a", b"\x00\x00\x00\x0cJXL")):
        return np.asarray(imagecodecs.jpegxl_decode(frame))
    kind = _kind_of_jpeg(frame)
    # A decoder fills up with grey what is missing at the end, and says nothing.
    if not frame.rstrip(b"\x00").endswith(b"\xff\xd9"):
        raise ValueError("the frame ends before its picture does")
    if kind in _JPEG_LS:
        return _as_rgb(np.asarray(imagecodecs.jpegls_decode(frame)), tags)
    if kind in _LOSSLESS:
        return _as_rgb(np.asarray(imagecodecs.jpegsof3_decode(frame)), tags)
    colours = "RGB" if tags.PhotometricInterpretation == "RGB" else None
    return np.asarray(imagecodecs.jpeg8_decode(frame, colorspace=colours, outcolorspace=colours))


def _kind_of_jpeg(frame: bytes) -> int:
    """Which of JPEG's processes a frame is coded by: the number of its start-of-frame marker."""
    if frame[:2] != b"\xff\xd8":
        raise NotImplementedError("a coding that is none of JPEG, JPEG-LS, JPEG 2000 and JPEG XL")
    place = 2
    while place + 4 <= len(frame) and frame[place] == 0xFF:
        marker = frame[place + 1]
        if marker in _FRAMES:
            return marker
        place += 1 if marker == 0xFF else 2 + int.from_bytes(frame[place + 2 : place + 4], "big")
    raise ValueError("a JPEG without a frame")


def _as_rgb(values: NDArray[Any], tags: Dataset) -> NDArray[Any]:
    """What is coded without a colour transform, as RGB."""
    if values.ndim == 3 and tags.PhotometricInterpretation in ("YBR_FULL", "YBR_FULL_422"):
        return np.asarray(convert_color_space(values, "YBR_FULL", "RGB"))
    return values


def _as_stored(values: NDArray[Any], tags: Dataset) -> NDArray[Any]:
    """Decoded values with the sign that the header says: codings without a sign hold the bits of negative numbers."""
    if np.issubdtype(values.dtype, np.signedinteger) == bool(tags.get("PixelRepresentation", 0)):
        return values
    bits = int(tags.BitsStored)
    masked = np.bitwise_and(values.astype(np.int64), (1 << bits) - 1)
    if tags.PixelRepresentation:
        half = 1 << (bits - 1)
        return np.asarray((masked ^ half) - half)
    return np.asarray(masked)


def _kind(tags: Dataset) -> np.dtype[Any]:
    return np.dtype(f"<{'i' if tags.get('PixelRepresentation', 0) else 'u'}{int(tags.BitsAllocated) // 8}")


def _shape(tags: Dataset) -> tuple[int, ...]:
    samples = int(tags.get("SamplesPerPixel", 1))
    return (int(tags.Rows), int(tags.Columns)) if samples == 1 else (int(tags.Rows), int(tags.Columns), samples)
