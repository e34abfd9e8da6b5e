"""The header of one DICOM file: what places its slice and decodes its pixels."""

import contextlib
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pydicom
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import FileDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from lesionkit.read.dicom.bounded import open_dicom

CT_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT_STORAGE = ("1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2")
"""Multi-frame CT as a scanner makes it, and as it is converted from single slices."""
_DAMAGE = (ValueError, TypeError, AttributeError, OverflowError, NotImplementedError)
"""What pydicom raises for elements that it cannot make anything of."""
_DICOMDIR_STORAGE = "1.2.840.10008.1.3.10"
_MODALITIES = {
    CT_STORAGE: "CT",
    **dict.fromkeys(ENHANCED_CT_STORAGE, "CT"),
    "1.2.840.10008.5.1.4.1.1.1": "CR",
    "1.2.840.10008.5.1.4.1.1.1.1": "DX",
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.128": "PT",
}
"""What an image is whose Modality is missing, by its SOP class."""
_PIXELS = {b"\xe0\x7f\x10\x00": "", b"\xe0\x7f\x08\x00": "f4", b"\xe0\x7f\x09\x00": "f8"}
"""Tag of the pixels -> type of floating samples."""

_TAGS = """
    SpecificCharacterSet ImageType SOPClassUID SOPInstanceUID Modality Manufacturer ManufacturerModelName
    StudyDescription SeriesDescription ProtocolName PatientID BodyPartExamined SliceThickness KVP
    GantryDetectorTilt Exposure XRayTubeCurrent ConvolutionKernel ContrastBolusAgent ReconstructionDiameter
    PatientPosition StudyInstanceUID SeriesInstanceUID FrameOfReferenceUID SeriesNumber AcquisitionNumber InstanceNumber
    ImagePositionPatient
    ImageOrientationPatient SamplesPerPixel PhotometricInterpretation NumberOfFrames Rows Columns PixelSpacing
    BitsAllocated BitsStored PixelRepresentation PixelPaddingValue PixelPaddingRangeLimit RescaleIntercept
    RescaleSlope RescaleType ViewPosition ViewCodeSequence
"""
_KEYWORDS = [*_TAGS.split()]
_TAG = {keyword: tag_for_keyword(keyword) or 0 for keyword in _KEYWORDS}


@dataclass(frozen=True, eq=False)
class Header:
    """What one file says of its slice; None, or an empty tuple, where the file does not say.

    Attributes:
        position_mm: world (x, y, z) of the centre of the first pixel, LPS.
        orientation: world directions of growing column index (first three) and of growing row index (last three).
        pixel_spacing_mm: distance between rows, between columns.
        slope, intercept: HU = slope * stored value + intercept.
        padding: lowest and highest stored value that mean "outside the scanner's circle".
        pixels_at: byte offset of uncompressed little-endian pixel values; None where a decoder is needed.
        pixels_length: bytes there are from that offset, or None.
        float_type: "f4" or "f8" where the samples are floating point numbers, else "".
        frame: number of the frame within a file of several, from 0.
        stack: which of the volumes of a multi-frame file the frame belongs to.
        patient: bytes of the patient's id as letters, to tell patients apart; `text("PatientID")` is what to show.
        numbers: acquisition and instance number, as text.
        tags: the other elements that were read, for descriptions; images of one series may share them.
    """

    path: Path
    series_uid: str
    study_uid: str
    sop_uid: str
    sop_class: str
    frame_of_reference: str
    modality: str
    image_type: tuple[str, ...]
    transfer_syntax: str
    shape: tuple[int, int]
    frames: int
    samples_per_pixel: int
    bits_allocated: int
    bits_stored: int
    signed: bool
    position_mm: tuple[float, ...]
    orientation: tuple[float, ...]
    pixel_spacing_mm: tuple[float, ...]
    slope: float | None
    intercept: float | None
    padding: tuple[int, int] | None
    pixels_at: int | None
    pixels_length: int | None
    patient: str
    numbers: tuple[str, str]
    tags: FileDataset = field(repr=False)
    float_type: str = ""
    frame: int = 0
    stack: str = ""

    @property
    def name(self) -> str:
        """The file, and the frame if there are several, for a sentence."""
        return f"{self.path.name} (frame {self.frame + 1})" if self.frames > 1 else self.path.name

    @property
    def frame_bytes(self) -> int:
        """Bytes of one uncompressed slice."""
        return math.prod(self.shape) * self.samples_per_pixel * self.bits_allocated // 8

    @property
    def is_truncated(self) -> bool:
        """Whether the file ends before its pixels do (known for uncompressed files only)."""
        return self.pixels_length is not None and self.pixels_length < self.frame_bytes

    @property
    def syntax_name(self) -> str:
        """How its pixels are coded, in words; what is no name of a coding as it is."""
        return str(UID(self.transfer_syntax, pydicom.config.IGNORE).name)

    def text(self, keyword: str) -> str:
        """A tag as stripped text, "" where it is absent."""
        value = _value(self.tags, keyword)
        if value is None:
            return ""
        return ("\\".join(map(str, value)) if isinstance(value, list | tuple) else str(value)).strip()

    def number(self, keyword: str) -> float | None:
        """A tag as a finite number, None where it is absent or something else."""
        return _number(_value(self.tags, keyword))


def read_header(path: Path) -> Header | None:
    """The header of a DICOM image file; None where the file is no DICOM image or is cut off within its header."""
    try:
        with open_dicom(path) as file:
            start = file.read(132)
            if not _looks_like_dicom(start):
                return None
            file.seek(0)
            # What pydicom finds odd in other people's files is not for our user to mend.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tags = pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=_KEYWORDS)
                return _header(path, tags, *_find_pixels(file, tags))
    except MemoryError:
        raise
    except Exception:  # what pydicom, zlib and struct raise of damaged files has no base class in common
        return None


def _looks_like_dicom(start: bytes) -> bool:
    # Old files have no preamble: they begin with group 2 or 8, little-endian, and an element number below 0x0100.
    return start[128:132] == b"DICM" or (len(start) > 8 and start[:2] in (b"\x02\x00", b"\x08\x00") and start[3] == 0)


def _find_pixels(file: BinaryIO, tags: FileDataset) -> tuple[int | None, int | None, str]:
    """Offset, available length and floating type of uncompressed pixel data, where the file now stands at its tag."""
    syntax = _transfer_syntax(tags)
    if syntax not in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
        return None, None, ""
    start = file.read(12)
    if start[:4] not in _PIXELS:
        return None, 0, ""
    explicit = syntax == ExplicitVRLittleEndian
    length = int.from_bytes(start[8:12] if explicit else start[4:8], "little")
    offset = file.tell() - 12 + (12 if explicit else 8)
    return offset, min(length, file.seek(0, 2) - offset), _PIXELS[start[:4]]


def _transfer_syntax(tags: FileDataset) -> str:
    meta = getattr(tags, "file_meta", None)
    declared = meta.get("TransferSyntaxUID") if meta is not None else None
    if declared:
        return str(declared)
    return str(ImplicitVRLittleEndian if tags.original_encoding[0] else ExplicitVRLittleEndian)


def _header(
    path: Path, tags: FileDataset, pixels_at: int | None, pixels_length: int | None, float_type: str
) -> Header | None:
    sop_class = _string(tags, "SOPClassUID")
    if sop_class == _DICOMDIR_STORAGE or not any(_TAG[k] in tags for k in ("SeriesInstanceUID", "Modality", "Rows")):
        return None
    signed = _integer(tags, "PixelRepresentation") == 1
    bits = _integer(tags, "BitsAllocated") or {"f4": 32, "f8": 64}.get(float_type, 16)
    return Header(
        path=path,
        series_uid=_string(tags, "SeriesInstanceUID"),
        study_uid=_string(tags, "StudyInstanceUID"),
        sop_uid=_string(tags, "SOPInstanceUID"),
        sop_class=sop_class,
        frame_of_reference=_string(tags, "FrameOfReferenceUID"),
        modality=_string(tags, "Modality") or _modality(tags, sop_class),
        image_type=tuple(word.upper() for word in _words(tags, "ImageType")),
        transfer_syntax=_transfer_syntax(tags),
        shape=(_integer(tags, "Rows") or 0, _integer(tags, "Columns") or 0),
        frames=_integer(tags, "NumberOfFrames") or 1,
        samples_per_pixel=_integer(tags, "SamplesPerPixel") or 1,
        bits_allocated=bits,
        bits_stored=_integer(tags, "BitsStored") or bits,
        signed=signed,
        position_mm=numbers(_words(tags, "ImagePositionPatient"), 3),
        orientation=numbers(_words(tags, "ImageOrientationPatient"), 6),
        pixel_spacing_mm=numbers(_words(tags, "PixelSpacing"), 2),
        slope=_number(_only(_words(tags, "RescaleSlope"))),
        intercept=_number(_only(_words(tags, "RescaleIntercept"))),
        padding=_padding(tags, signed, bits),
        pixels_at=pixels_at,
        pixels_length=pixels_length,
        patient="\\".join(_words(tags, "PatientID", "latin-1")),
        numbers=(_string(tags, "AcquisitionNumber"), _string(tags, "InstanceNumber")),
        tags=tags,
        float_type=float_type,
    )


def _modality(tags: FileDataset, sop_class: str) -> str:
    """Of an image that does not say it: by its class, else CT if it has a place in the patient and a rescale."""
    placed = all(_TAG[k] in tags for k in ("ImagePositionPatient", "ImageOrientationPatient", "RescaleIntercept"))
    return _MODALITIES.get(sop_class, "CT" if placed and not sop_class else "")


def _words(tags: FileDataset, keyword: str, coding: str = "ascii") -> tuple[str, ...]:
    """The values of an element whose text is ASCII, straight from its bytes: pydicom's way takes ten times as long."""
    element = tags.get_item(_TAG[keyword]) if _TAG[keyword] in tags else None
    value = None if element is None else element.value
    if isinstance(value, bytes):
        text = value.decode(coding, "replace").rstrip("\0 ")
        return tuple(word.strip() for word in text.split("\\")) if text.strip() else ()
    if value is None or isinstance(value, str):
        return (value.strip(),) if value else ()
    return tuple(str(word).strip() for word in value) if hasattr(value, "__iter__") else (str(value),)


def _string(tags: FileDataset, keyword: str) -> str:
    return "\\".join(_words(tags, keyword))


def _only(words: tuple[str, ...]) -> str | None:
    return words[0] if len(words) == 1 else None


def _integer(tags: FileDataset, keyword: str) -> int | None:
    """A whole number, of two bytes or as text."""
    element = tags.get_item(_TAG[keyword]) if _TAG[keyword] in tags else None
    value = None if element is None else element.value
    if isinstance(value, bytes) and len(value) == 2 and keyword != "NumberOfFrames":
        return int.from_bytes(value, "little" if tags.original_encoding[1] is not False else "big")
    number = _number(_only(_words(tags, keyword)))
    return None if number is None else int(number)


def _value(tags: FileDataset, keyword: str) -> Any:
    """A tag's value; None where it is absent or cannot be understood."""
    with contextlib.suppress(*_DAMAGE), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tags.get(keyword)
    return None


def _number(value: Any) -> float | None:
    with contextlib.suppress(TypeError, ValueError):
        number = float(value)
        return number if math.isfinite(number) else None
    return None


def numbers(values: Sequence[Any] | None, count: int) -> tuple[float, ...]:
    """So many finite numbers; empty where there are others, or what stands there is none."""
    if values is None or isinstance(values, str) or not hasattr(values, "__len__") or len(values) != count:
        return ()
    found = tuple(n for n in map(_number, values) if n is not None)
    return found if len(found) == count else ()


def _padding(tags: FileDataset, signed: bool, bits: int) -> tuple[int, int] | None:
    """The padding range in stored values; its tags are often written unsigned for signed pixels."""
    found = [_value(tags, "PixelPaddingValue"), _value(tags, "PixelPaddingRangeLimit")]
    values = [int(number) for number in map(_number, found) if number is not None]
    if not values:
        return None
    if signed:
        half = 1 << (bits - 1)
        values = [(value + half) % (2 * half) - half for value in values]
    return min(values), max(values)
