"""Volume files byte by byte: NIfTI, MetaImage, NRRD. Their headers may say anything."""

import bz2
import gzip as gz
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from corpus_makers_content import _volume

_NIFTI_1 = [
    ("sizeof_hdr", "i4"), ("data_type", "S10"), ("db_name", "S18"), ("extents", "i4"), ("session_error", "i2"),
    ("regular", "S1"), ("dim_info", "u1"), ("dim", "i2", 8), ("intent_p", "f4", 3), ("intent_code", "i2"),
    ("datatype", "i2"), ("bitpix", "i2"), ("slice_start", "i2"), ("pixdim", "f4", 8), ("vox_offset", "f4"),
    ("scl_slope", "f4"), ("scl_inter", "f4"), ("slice_end", "i2"), ("slice_code", "u1"), ("xyzt_units", "u1"),
    ("cal_max", "f4"), ("cal_min", "f4"), ("slice_duration", "f4"), ("toffset", "f4"), ("glmax", "i4"),
    ("glmin", "i4"), ("descrip", "S80"), ("aux_file", "S24"), ("qform_code", "i2"), ("sform_code", "i2"),
    ("quatern", "f4", 3), ("qoffset", "f4", 3), ("srow_x", "f4", 4), ("srow_y", "f4", 4), ("srow_z", "f4", 4),
    ("intent_name", "S16"), ("magic", "S4"),
]  # fmt: skip
_NIFTI_2 = [
    ("sizeof_hdr", "i4"), ("magic", "S8"), ("datatype", "i2"), ("bitpix", "i2"), ("dim", "i8", 8),
    ("intent_p", "f8", 3), ("pixdim", "f8", 8), ("vox_offset", "i8"), ("scl_slope", "f8"), ("scl_inter", "f8"),
    ("cal_max", "f8"), ("cal_min", "f8"), ("slice_duration", "f8"), ("toffset", "f8"), ("slice_start", "i8"),
    ("slice_end", "i8"), ("descrip", "S80"), ("aux_file", "S24"), ("qform_code", "i4"), ("sform_code", "i4"),
    ("quatern", "f8", 3), ("qoffset", "f8", 3), ("srow_x", "f8", 4), ("srow_y", "f8", 4), ("srow_z", "f8", 4),
    ("slice_code", "i4"), ("xyzt_units", "i4"), ("intent_code", "i4"), ("intent_name", "S16"), ("dim_info", "u1"),
    ("unused", "S15"),
]  # fmt: skip
_CODES = {"uint8": 2, "int16": 4, "int32": 8, "float32": 16, "float64": 64, "int8": 256, "uint16": 512, "uint32": 768}
_MET = {"uint8": "MET_UCHAR", "int16": "MET_SHORT", "uint16": "MET_USHORT", "float32": "MET_FLOAT"}
_MET |= {"int32": "MET_INT", "float64": "MET_DOUBLE", "int8": "MET_CHAR", "uint32": "MET_UINT"}
_NRRD = {"float32": "float", "float64": "double"}


def nifti(
    folder: Path,
    path: str,
    voxels: Mapping[str, Any] | None = None,
    spacing: Sequence[float] = (0.7, 0.8, 2.5),
    origin: Sequence[float] = (-100.0, -50.0, 30.0),
    header: Mapping[str, Any] | None = None,
    version: int = 1,
    endian: str = "<",
    gzip: bool | None = None,
    volumes: int = 1,
) -> None:
    """A NIfTI file; `spacing` and `origin` are (x, y, z) in its own RAS, `header` replaces any field by name."""
    array = _volume(**(voxels or {}))
    shape = array.shape[::-1]
    fields = np.zeros((), np.dtype(_NIFTI_1 if version == 1 else _NIFTI_2).newbyteorder(endian))
    start = 352 if version == 1 else 544
    known = {
        "sizeof_hdr": 348 if version == 1 else 540,
        "dim": [4 if volumes > 1 else 3, *shape, volumes, 1, 1, 1],
        "datatype": _CODES[array.dtype.name],
        "bitpix": array.dtype.itemsize * 8,
        "pixdim": [1, *spacing, 0, 0, 0, 0],
        "vox_offset": start,
        "scl_slope": 1,
        "xyzt_units": 2,
        "qform_code": 1,
        "sform_code": 1,
        "qoffset": origin,
        "srow_x": [spacing[0], 0, 0, origin[0]],
        "srow_y": [0, spacing[1], 0, origin[1]],
        "srow_z": [0, 0, spacing[2], origin[2]],
        "magic": b"n+1\0" if version == 1 else b"n+2\0\r\n\x1a\n",
    }
    for name, value in {**known, **(header or {})}.items():
        fields[name] = value
    data = array.astype(array.dtype.newbyteorder(endian)).tobytes() * volumes
    content = fields.tobytes().ljust(start, b"\0") + data
    _write(folder / path, gz.compress(content, mtime=0) if _is_gzip(path, gzip) else content)


def mhd(
    folder: Path,
    path: str,
    voxels: Mapping[str, Any] | None = None,
    spacing: Sequence[float] = (0.7, 0.8, 2.5),
    origin: Sequence[float] = (-100.0, -50.0, 30.0),
    header: Mapping[str, Any] | None = None,
    data: str | None = None,
    pad: int = 0,
    newline: str = "\n",
    bom: bool = False,
    list_files: bool = False,
) -> None:
    """A MetaImage: `.mha` in one file, `.mhd` with its data beside it (`.zraw` is compressed).

    Args:
        header: replaces or adds fields; null takes one away.
        data: name of the file of samples.
        pad: bytes before the samples; say HeaderSize in `header`.
        list_files: one file per slice, named in the header.
    """
    array = _volume(**(voxels or {}))
    one_file = path.lower().endswith(".mha")
    data = data or ("LOCAL" if one_file else f"{Path(path).stem}.raw")
    fields = {
        "ObjectType": "Image",
        "NDims": 3,
        "BinaryData": True,
        "BinaryDataByteOrderMSB": False,
        "CompressedData": data.endswith(".zraw"),
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "Offset": " ".join(map(str, origin)),
        "ElementSpacing": " ".join(map(str, spacing)),
        "DimSize": " ".join(map(str, array.shape[::-1])),
        "ElementType": _MET[array.dtype.name],
    }
    fields |= header or {}
    file = fields.pop("ElementDataFile", "LIST" if list_files else data)
    order = ">" if str(fields["BinaryDataByteOrderMSB"]) == "True" else "<"
    samples = array.astype(array.dtype.newbyteorder(order))
    lines = [f"{name} = {value}" for name, value in fields.items() if value is not None] + [f"ElementDataFile = {file}"]
    if list_files:
        for number, plane in enumerate(samples):
            lines.append(f"{Path(path).stem}{number:03d}.raw")
            _write((folder / path).parent / lines[-1], plane.tobytes())
    content = bytes(pad) + samples.tobytes()
    if str(fields["CompressedData"]) == "True":
        content = zlib.compress(content)
    text = ("\ufeff" if bom else "") + newline.join([*lines, ""])
    _write(folder / path, text.encode() + (content if file == "LOCAL" else b""))
    if not list_files and file != "LOCAL":
        _write((folder / path).parent / data, content)


def nrrd(
    folder: Path,
    path: str,
    voxels: Mapping[str, Any] | None = None,
    spacing: Sequence[float] = (0.7, 0.8, 2.5),
    origin: Sequence[float] = (-100.0, -50.0, 30.0),
    header: Mapping[str, Any] | None = None,
    encoding: str = "raw",
    data: str | None = None,
    skip: int = 0,
) -> None:
    """An NRRD file; `data` names a detached file of samples, `skip` puts bytes before them ("byte skip" is added)."""
    array = _volume(**(voxels or {}))
    content = bytes(skip) + array.astype(array.dtype.newbyteorder("<")).tobytes()
    if encoding in ("ascii", "text"):
        content = " ".join(map(str, array.ravel())).encode()
    content = {"gzip": gz.compress, "gz": gz.compress, "bzip2": bz2.compress}.get(encoding, bytes)(content)
    if encoding == "hex":
        content = content.hex().encode()
    fields = {
        "type": _NRRD.get(array.dtype.name, array.dtype.name),
        "dimension": 3,
        "space": "left-posterior-superior",
        "sizes": " ".join(map(str, array.shape[::-1])),
        "space directions": f"({spacing[0]},0,0) (0,{spacing[1]},0) (0,0,{spacing[2]})",
        "kinds": "domain domain domain",
        "endian": "little",
        "encoding": encoding,
        "space origin": f"({','.join(map(str, origin))})",
        **({"byte skip": skip} if skip else {}),
        **({"data file": data} if data else {}),
    }
    fields |= header or {}
    text = "NRRD0005\n" + "".join(f"{name}: {value}\n" for name, value in fields.items() if value is not None) + "\n"
    _write(folder / path, text.encode() + (b"" if data else content))
    if data:
        _write((folder / path).parent / data, content)


def _is_gzip(path: str, said: bool | None) -> bool:
    return path.lower().endswith(".gz") if said is None else said


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
