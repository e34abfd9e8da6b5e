"""Whether a volume file is as long as its header says, before it is read.

NIfTI's reader fills what is missing with zeros, which would be taken for water; MetaImage's writes to the terminal.
"""

import contextlib
import gzip
import math
import zlib
from pathlib import Path

import SimpleITK as sitk

from lesionkit.core.errors import LesionkitError

_NAMES_BY_BYTES = {1: "CHAR UCHAR", 2: "SHORT USHORT", 4: "INT UINT LONG ULONG FLOAT", 8: "LONG_LONG ULONG_LONG DOUBLE"}
_BYTES = {name: size for size, names in _NAMES_BY_BYTES.items() for name in names.split()}


def refuse_short(path: Path, reader: sitk.ImageFileReader) -> None:
    """Raise if a NIfTI or MetaImage file, or the samples file of a .mhd, is shorter than it must be.

    Args:
        reader: has read the header.

    Raises:
        LesionkitError: the file is too short, or the samples file is missing.
    """
    name = path.name.lower()
    try:
        if name.endswith((".nii", ".nii.gz")):
            file, found, expected = _nifti_bytes(path, reader)
        elif name.endswith((".mha", ".mhd")):
            file, found, expected = _metaimage_bytes(path)
        else:
            return
    except ValueError:  # an unusual header is left to the reader
        return
    if found < expected:
        raise LesionkitError(
            f"{file}: the file is truncated or damaged, it holds {found} of {expected} bytes; copy it again"
        )


def _nifti_bytes(path: Path, reader: sitk.ImageFileReader) -> tuple[Path, int, int]:
    offset, bits = float(reader.GetMetaData("vox_offset")), int(reader.GetMetaData("bitpix"))
    expected = int(offset) + math.prod(reader.GetSize()) * bits // 8
    if path.name.lower().endswith(".gz"):
        return path, _unzipped_bytes(path, expected), expected
    return path, path.stat().st_size, expected


def _unzipped_bytes(path: Path, expected: int) -> int:
    with path.open("rb") as file:
        file.seek(-4, 2)
        # A gzip stream ends with its length; only truncated and rare multi-part files need to be unpacked to know.
        if int.from_bytes(file.read(4), "little") == expected % 2**32:
            return expected
    found = 0
    with contextlib.suppress(EOFError, OSError, zlib.error), gzip.open(path) as stream:
        while block := stream.read(1 << 24):
            found += len(block)
    return found


def _metaimage_bytes(path: Path) -> tuple[Path, int, int]:
    """The file that holds the samples, how many bytes of them, and how many it needs; 0 where that is unknown."""
    with path.open("rb") as file:
        fields: dict[str, str] = {}
        while "ElementDataFile" not in fields and (line := file.readline(4096)):
            key, _, value = line.decode("utf-8", "replace").partition("=")
            fields[key.strip()] = value.strip()
        local = path.stat().st_size - file.tell()
    named = fields.get("ElementDataFile", "")
    if fields.get("CompressedData", "").lower() == "true":
        expected = int(fields.get("CompressedDataSize", 0))
    else:
        sample = _BYTES.get(fields.get("ElementType", "").removeprefix("MET_"), 0)
        expected = sample * math.prod(map(int, fields.get("DimSize", "0").split()))
    if named.upper() == "LOCAL":
        return path, local, expected
    if named.upper().startswith("LIST") or "%" in named:
        return path, 0, 0  # one file per slice: left to the reader
    samples = path.parent / named
    if not samples.is_file():
        raise LesionkitError(f"{path}: its samples are in '{named}', which is missing; copy that file beside it")
    return samples, samples.stat().st_size, expected
