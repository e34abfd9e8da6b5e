"""DICOM files with any tag, transfer syntax and layout."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
from corpus_makers_content import _picture, _volume
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

_SYNTAXES = {
    "implicit": "1.2.840.10008.1.2",
    "explicit": "1.2.840.10008.1.2.1",
    "deflated": "1.2.840.10008.1.2.1.99",
    "big_endian": "1.2.840.10008.1.2.2",
    "jpeg_baseline": "1.2.840.10008.1.2.4.50",
    "jpeg_extended": "1.2.840.10008.1.2.4.51",
    "jpeg_lossless": "1.2.840.10008.1.2.4.70",
    "jpeg_ls": "1.2.840.10008.1.2.4.80",
    "jpeg_2000": "1.2.840.10008.1.2.4.90",
    "jpeg_2000_lossy": "1.2.840.10008.1.2.4.91",
    "htj2k": "1.2.840.10008.1.2.4.201",
    "rle": "1.2.840.10008.1.2.5",
}
_CODERS = {
    "jpeg_baseline": lambda a: imagecodecs.jpeg8_encode(a, level=98),
    "jpeg_extended": lambda a: imagecodecs.jpeg8_encode(a, level=98, bitspersample=12),
    "jpeg_lossless": lambda a: imagecodecs.ljpeg_encode(a),
    "jpeg_ls": lambda a: imagecodecs.jpegls_encode(a),
    "jpeg_2000": lambda a: imagecodecs.jpeg2k_encode(a, codecformat="j2k", reversible=True),
    "htj2k": lambda a: imagecodecs.htj2k_encode(a),
    "jpeg_2000_lossy": lambda a: imagecodecs.jpeg2k_encode(a, level=60, codecformat="j2k", reversible=False),
}


def series(
    folder: Path,
    path: str,
    voxels: Mapping[str, Any] | None = None,
    uid: str = "1.2.3",
    patient: str = "p",
    spacing: Sequence[float] = (2.5, 0.8, 0.7),
    origin: Sequence[float] = (-100.0, -50.0, 30.0),
    orientation: Sequence[float] = (1, 0, 0, 0, 1, 0),
    syntax: str = "explicit",
    tags: Mapping[str, Any] | None = None,
    slices: Mapping[int, Mapping[str, Any]] | None = None,
    slope: Sequence[float] = (1.0,),
    intercept: float = -1024,
    shift: Sequence[float] = (0, 0, 0),
    jitter: float = 0,
    name: str = "{i:04d}.dcm",
    keep: Sequence[int] | None = None,
    reverse_numbers: bool = False,
    preamble: bool = True,
) -> None:
    """A CT series, a file per slice. `voxels` are HU.

    Args:
        spacing: slices, rows, columns.
        orientation: as in the tag: where columns grow to, where rows grow to.
        tags: keyword -> value of all slices, null takes the tag away; `slices` the same for one slice by number.
        slope: of the slices in turn.
        shift: mm (x, y, z) from slice to slice beside the spacing along the normal, as of a tilted gantry.
        jitter: mm by which positions are off, to and fro.
        name: of a file; `{i}` is its number from 0, `{uid}` its SOP instance UID.
        keep: only these slices are written.
    """
    hu = _volume(**(voxels or {}))
    along = np.array(orientation, float).reshape(2, 3)
    normal = np.cross(along[0], along[1])
    for i in range(len(hu)) if keep is None else keep:
        lean = slope[i % len(slope)]
        wobble = jitter * (-1) ** i
        place = np.array(origin) + normal * spacing[0] * i + np.array(shift, float) * i + wobble * normal
        ds = _dataset("1.2.840.10008.5.1.4.1.1.2", f"{uid}.{i + 1}", uid, patient, "CT")
        ds.FrameOfReferenceUID = f"{uid}.0.1"
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.InstanceNumber = len(hu) - i if reverse_numbers else i + 1
        ds.ImagePositionPatient = [f"{v:.10g}" for v in place]
        ds.ImageOrientationPatient = [f"{v:.10g}" for v in orientation]
        ds.PixelSpacing = [f"{v:.10g}" for v in spacing[1:]]
        ds.SliceThickness = str(spacing[0])
        ds.RescaleSlope, ds.RescaleIntercept = str(lean), str(intercept)
        stored = np.rint((hu[i].astype(float) - intercept) / lean)
        _pixels(ds, stored.astype("int16" if stored.min() < 0 else "uint16"), syntax)
        _change(ds, {**(tags or {}), **(slices or {}).get(i, {})})
        _save(ds, folder / path / name.format(i=i, uid=ds.get("SOPInstanceUID", i)), syntax, preamble)


def radiograph(
    folder: Path,
    path: str,
    picture: Mapping[str, Any] | None = None,
    photometric: str = "MONOCHROME2",
    bits: int = 12,
    syntax: str = "explicit",
    tags: Mapping[str, Any] | None = None,
    uid: str = "1.2.3",
    preamble: bool = True,
) -> None:
    """A chest radiograph of a picture of 8 bits, stored at `bits` so that white is the highest number.

    MONOCHROME1 is stored inverted, so that the same is seen whatever `photometric` says.
    """
    shown = _picture(**(picture or {}))
    stored = np.rint(shown / 255 * (2**bits - 1)).astype("uint16" if bits > 8 else "uint8")
    if photometric == "MONOCHROME1":
        stored = (2**bits - 1 - stored).astype(stored.dtype)
    ds = _dataset("1.2.840.10008.5.1.4.1.1.1.1", f"{uid}.1", uid, "p", "DX")
    ds.ImagerPixelSpacing = ["0.5", "0.5"]
    ds.PhotometricInterpretation = photometric
    _pixels(ds, stored, syntax, bits)
    _change(ds, tags or {})
    _save(ds, folder / path, syntax, preamble)


def enhanced(folder: Path, path: str, voxels: Mapping[str, Any] | None = None, patient: str = "p") -> None:
    """An enhanced multi-frame CT: all slices in one file, 2.5 mm apart, pixels of 0.8 x 0.7 mm."""
    hu = _volume(**(voxels or {}))
    ds = _dataset("1.2.840.10008.5.1.4.1.1.2.1", "1.2.9.1", "1.2.9", patient, "CT")
    ds.ImageType, ds.NumberOfFrames = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], len(hu)
    shared, frames = Dataset(), []
    shared.PlaneOrientationSequence = [_item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])]
    shared.PixelMeasuresSequence = [_item(PixelSpacing=["0.8", "0.7"], SliceThickness="2.5")]
    shared.PixelValueTransformationSequence = [_item(RescaleSlope="1", RescaleIntercept="-1024", RescaleType="HU")]
    for i in range(len(hu)):
        frame = Dataset()
        frame.PlanePositionSequence = [_item(ImagePositionPatient=["-100", "-50", f"{30 + 2.5 * i:g}"])]
        frame.FrameContentSequence = [_item(DimensionIndexValues=[i + 1])]
        frames.append(frame)
    ds.SharedFunctionalGroupsSequence, ds.PerFrameFunctionalGroupsSequence = [shared], frames
    _pixels(ds, (hu.astype(int) + 1024).astype("uint16").reshape(-1, hu.shape[2]), "explicit")
    ds.Rows = hu.shape[1]
    _save(ds, folder / path, "explicit", preamble=True)


def dicomdir(folder: Path, path: str = "DICOMDIR") -> None:
    """The index of a CD: a DICOM file without an image."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.1.3.10")
    ds.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3.99")
    ds.FileSetID = "CD"
    ds.DirectoryRecordSequence = []
    _save(ds, folder / path, "explicit", preamble=True)


def retag(folder: Path, files: str, tags: Mapping[str, Any]) -> None:
    """Change tags of DICOM files that were made, by a pattern such as `scan/*.dcm`."""
    for path in sorted(folder.glob(files)):
        ds = pydicom.dcmread(path)
        _change(ds, tags)
        ds.save_as(path)


def _item(**tags: Any) -> Dataset:
    item = Dataset()
    for keyword, value in tags.items():
        setattr(item, keyword, value)
    return item


def _dataset(sop_class: str, sop: str, uid: str, patient: str, modality: str) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = UID(sop_class)
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = UID(sop)
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SeriesNumber = UID(f"{uid}.0"), UID(uid), 1
    ds.Modality, ds.PatientID, ds.PatientName, ds.BodyPartExamined = modality, patient, "", "CHEST"
    return ds


def _pixels(ds: Dataset, stored: np.ndarray, syntax: str, bits: int = 16) -> None:
    ds.Rows, ds.Columns = stored.shape[:2]
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = ds.get("PhotometricInterpretation", "MONOCHROME2")
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = stored.dtype.itemsize * 8, bits, bits - 1
    ds.PixelRepresentation = int(stored.dtype.kind == "i")
    ds.file_meta.TransferSyntaxUID = UID(_SYNTAXES["explicit"])
    order = ">" if syntax == "big_endian" else "<"
    ds.PixelData = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
    if syntax == "rle":
        ds.compress(UID(_SYNTAXES["rle"]), generate_instance_uid=False)
    elif syntax in _CODERS:
        ds.PixelData = encapsulate([_CODERS[syntax](np.ascontiguousarray(stored))])
        ds["PixelData"].is_undefined_length = True
    ds["PixelData"].VR = "OW"
    ds.file_meta.TransferSyntaxUID = UID(_SYNTAXES[syntax])


def _change(ds: Dataset, tags: Mapping[str, Any]) -> None:
    """Set tags; a mapping becomes a sequence of one item, null takes a tag away."""
    for keyword, value in tags.items():
        if value is None:
            if keyword in ds:
                delattr(ds, keyword)
        elif isinstance(value, Mapping):
            item = Dataset()
            _change(item, value)
            setattr(ds, keyword, [item])
        elif keyword == "LUTDescriptor":
            ds.add_new(0x00283002, "US", value)
        elif keyword == "LUTData":
            ds.add_new(0x00283006, "US", [int(v) for v in np.linspace(*value)])
        elif keyword.endswith("PaletteColorLookupTableData"):
            setattr(ds, keyword, np.rint(np.linspace(*value)).astype("<u2").tobytes())
        else:
            setattr(ds, keyword, value)


def _save(ds: Dataset, path: Path, syntax: str, preamble: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.file_meta.TransferSyntaxUID = UID(_SYNTAXES[syntax])
    for keyword in ("SOPClassUID", "SOPInstanceUID"):
        if keyword in ds:
            setattr(ds.file_meta, f"MediaStorage{keyword}", ds[keyword].value)
    if preamble:
        ds.save_as(
            path, enforce_file_format=True, little_endian=syntax != "big_endian", implicit_vr=syntax == "implicit"
        )
    else:
        meta = ds.file_meta
        del ds.file_meta
        ds.save_as(path, little_endian=True, implicit_vr=True)
        ds.file_meta = meta
