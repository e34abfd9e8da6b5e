"""A MetaImage, NIfTI or NRRD file -> one CT case in HU."""

from pathlib import Path
from typing import Any

import numpy as np

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.names import printable
from lesionkit.core.untrusted import reads
from lesionkit.read.hu import as_hu
from lesionkit.read.options import MIN_SLICES, ScanOptions
from lesionkit.read.volume_file import VolumeFile, open_volume
from lesionkit.read.volume_names import FORMATS, SUFFIXES, volume_suffix


def volume_stem(path: Path) -> str:
    """The file name without its suffix: the case id."""
    return printable(path.name[: -len(volume_suffix(path) or path.suffix) or None])


@reads("a volume")
def read_volume(path: Path, options: ScanOptions | None = None) -> Case:
    """One CT from a volume file (.mhd, .mha, .nii, .nii.gz, .nrrd), int16 HU of at least -1024.

    Geometry is that of the file: NIfTI's RAS affine arrives as LPS. Nothing is turned or resampled.

    Raises:
        LesionkitError: the file is missing, truncated, 2-D, 4-D, coloured, sheared, of fewer than ten slices, of too
            many voxels, constant, contains NaN, or its values cannot be HU.
    """
    path = Path(path)
    volume = _open(path, (options or ScanOptions()).most_voxels)
    if min(volume.grid.shape) < MIN_SLICES:
        raise LesionkitError(
            f"{path}: a CT volume needs at least {MIN_SLICES} slices, got shape {volume.grid.shape} (z, y, x)"
        )
    try:
        hu = as_hu(volume.slices(), volume.grid.shape)
    except LesionkitError as error:
        raise LesionkitError(str(error) if str(error).startswith(str(path)) else f"{path}: {error}") from error
    case_id = volume_stem(path)
    facts: dict[str, Any] = {
        "path": str(path),
        "format": FORMATS[volume_suffix(path) or ".mha"],
        "modality": "CT",
        "native_spacing_mm": list(volume.grid.spacing_mm),
        "warnings": list(volume.warnings),
    }
    return Case(case_id=case_id, patient_id=case_id, image=ArrayImage(volume.grid, hu), facts=facts)


@reads("a volume")
def read_grid(path: Path) -> Grid:
    """Where the samples of a volume lie; they are not read.

    Raises:
        LesionkitError: see `read_grid_and_samples`.
    """
    return _open(Path(path), ScanOptions().most_voxels).grid


@reads("a volume")
def read_grid_and_samples(path: Path) -> ArrayImage:
    """A scalar 3-D volume as it is in the file, of any sample type: a mask, a label map, a probability, a cut-out.

    Raises:
        LesionkitError: the file is missing, damaged, 2-D, 4-D, coloured or sheared.
    """
    volume = _open(Path(path), ScanOptions().most_voxels)
    slices = volume.slices()
    first = next(slices)
    array = np.empty(volume.grid.shape, first.dtype)
    array[0] = first
    for target, values in zip(array[1:], slices, strict=True):
        target[:] = values
    return ArrayImage(volume.grid, array)


def _open(path: Path, most_voxels: int) -> VolumeFile:
    if not path.is_file():
        raise LesionkitError(f"{path}: there is no such file; give a DICOM folder or a {', '.join(SUFFIXES)} file")
    if volume_suffix(path) is None:
        raise LesionkitError(f"{path}: a volume file ends in {', '.join(SUFFIXES)}; convert it first")
    return open_volume(path, most_voxels)
