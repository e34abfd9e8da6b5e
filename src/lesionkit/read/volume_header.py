"""What the text header of a MetaImage or NRRD file says and leaves out, looked at before the file is read.

Readers fill what is missing with zeros or ones, which would be taken for water and for millimetres.
"""

import gzip
import math
import os
import zlib
from collections.abc import Mapping
from pathlib import Path

from lesionkit.core.errors import LesionkitError

_NAMES_BY_BYTES = {1: "CHAR UCHAR", 2: "SHORT USHORT", 4: "INT UINT LONG ULONG FLOAT", 8: "LONG_LONG ULONG_LONG DOUBLE"}
_BYTES = {name: size for size, names in _NAMES_BY_BYTES.items() for name in names.split()}
_MOST_LINES = 1000
_BLOCK_BYTES, _MOST_BYTES = 1 << 24, 1 << 35


def look_at_header(path: Path) -> tuple[str, ...]:
    """Refuse what cannot be read rightly, by its real reason; sentences on what the header leaves open.

    Raises:
        LesionkitError: the file or the file of its samples is too short or missing; spacing is not positive; a coding
            that is not read.
    """
    if path.name.lower().endswith((".mha", ".mhd")):
        fields, end = metaimage_fields(path)
        _refuse_spacing(path, fields.get("ElementSpacing", fields.get("ElementSize", "")).split())
        try:
            _refuse_short(path, fields, end)
        except ValueError:  # an unusual header is left to the reader
            return ()
        return _without_spacing("ElementSpacing", bool({"ElementSpacing", "ElementSize"} & set(fields)))
    fields = _nrrd_fields(path)
    if fields.get("encoding", "").lower() in ("bzip2", "bz2"):
        raise LesionkitError(
            f"{path}: its samples are packed by bzip2, which is not read; save it with gzip or raw encoding"
        )
    _refuse_spacing(path, [word for word in fields.get("spacings", "").split() if word.lower() != "nan"])
    return _without_spacing("spacings or space directions", bool({"spacings", "space directions"} & set(fields)))


def refuse_damaged_nrrd(path: Path) -> None:
    """Compare the checksum of packed samples, which ITK does not.

    Raises:
        LesionkitError: they are not what was written.
    """
    fields = _nrrd_fields(path) if path.name.lower().endswith(".nrrd") else {}
    if fields.get("encoding", "").lower() not in ("gzip", "gz") or {"data file", "datafile"} & set(fields):
        return
    with path.open("rb") as file:
        while file.readline(4096).strip():  # an empty line ends the header
            continue
        left = _MOST_BYTES
        try:
            with gzip.GzipFile(fileobj=file) as stream:
                while left > 0 and (part := stream.read(_BLOCK_BYTES)):
                    left -= len(part)
        except (OSError, EOFError, zlib.error) as error:
            raise LesionkitError(
                f"{path}: the file is truncated or damaged, its packed samples do not fit their checksum ({error}); "
                "copy it again"
            ) from error


def _without_spacing(name: str, there: bool) -> tuple[str, ...]:
    return () if there else (f"the header has no {name}: voxels were taken to be 1 mm wide in all directions",)


def _refuse_spacing(path: Path, words: list[str]) -> None:
    try:
        bad = [word for word in words if not float(word) > 0]
    except ValueError:
        bad = words
    if bad:
        raise LesionkitError(f"{path}: spacing must be positive millimetres, got {' '.join(words)}; correct the header")


def metaimage_fields(path: Path) -> tuple[dict[str, str], int]:
    """The fields of a MetaImage header, and how many bytes follow them. Names of files keep their bytes."""
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        for line in iter(lambda: file.readline(4096), b""):
            key, _, value = line.partition(b"=")
            fields[key.decode("utf-8-sig", "replace").strip()] = os.fsdecode(value.strip())
            if "ElementDataFile" in fields or len(fields) > _MOST_LINES:
                break
        return fields, path.stat().st_size - file.tell()


def _nrrd_fields(path: Path) -> dict[str, str]:
    """The fields of a NRRD header by name in lower case."""
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        for _ in range(_MOST_LINES):
            line = file.readline(4096).decode("utf-8", "replace").strip()
            if not line:
                break
            key, _, value = line.partition(":")
            fields[key.strip().lower()] = value.removeprefix("=").strip()
    return fields


def _refuse_short(path: Path, fields: Mapping[str, str], local: int) -> None:
    """MetaImage's own reader writes to the terminal where samples are missing."""
    named = fields.get("ElementDataFile", "")
    if fields.get("CompressedData", "").lower() == "true":
        expected = int(fields.get("CompressedDataSize", 0))
    else:
        sample = _BYTES.get(fields.get("ElementType", "").removeprefix("MET_"), 0)
        expected = sample * math.prod(map(int, fields.get("DimSize", "0").split()))
    if not named or named.upper().startswith("LIST") or "%" in named:
        return  # no header at all, or one file per slice: left to the reader
    file, found = path, local
    if named.upper() != "LOCAL":
        file = path.parent / named
        if not file.is_file():
            raise LesionkitError(f"{path}: its samples are in '{named}', which is missing; copy that file beside it")
        found = file.stat().st_size
    if found < expected:
        raise LesionkitError(
            f"{file}: the file is truncated or damaged, it holds {found} of {expected} bytes; copy it again"
        )
