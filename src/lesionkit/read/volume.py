"""A MetaImage, NIfTI or NRRD file -> one CT case in HU."""

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.read.options import MIN_SLICES, PADDING_HU
from lesionkit.read.volume_length import refuse_short

# What ITK finds odd in a header would go to the terminal past our own words; what matters is said by the checks below.
sitk.ProcessObject.GlobalWarningDisplayOff()

SUFFIXES = (".nii.gz", ".nii", ".mha", ".mhd", ".nrrd", ".nhdr")
"""What is read, longest first."""

_FORMATS = {
    ".nii.gz": "nifti",
    ".nii": "nifti",
    ".mha": "metaimage",
    ".mhd": "metaimage",
    ".nrrd": "nrrd",
    ".nhdr": "nrrd",
}


def volume_suffix(path: Path) -> str | None:
    """The suffix of a volume file, ".nii.gz" taken as one; None for any other file."""
    return next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), None)


def volume_stem(path: Path) -> str:
    """The file name without its suffix: the case id."""
    return path.name[: -len(volume_suffix(path) or path.suffix) or None]


def read_volume(path: Path) -> Case:
    """One CT from a volume file (.mhd, .mha, .nii, .nii.gz, .nrrd), int16 HU of at least -1024.

    Geometry is that of the file: NIfTI's RAS affine arrives as LPS. Nothing is turned or resampled.

    Raises:
        LesionkitError: the file is missing, truncated, 2-D, 4-D, coloured, sheared, of fewer than ten slices, constant,
            contains NaN, or its values cannot be HU.
    """
    path = Path(path)
    image = read_grid_and_samples(path)
    spacing = list(image.grid.spacing_mm)
    if min(image.grid.shape) < MIN_SLICES:
        raise LesionkitError(
            f"{path}: a CT volume needs at least {MIN_SLICES} slices, got shape {image.grid.shape} (z, y, x)"
        )
    hu = _as_hu(path, image.array)
    case_id = volume_stem(path)
    facts: dict[str, Any] = {
        "path": str(path),
        "format": _FORMATS[volume_suffix(path) or ".mha"],
        "modality": "CT",
        "native_spacing_mm": spacing,
        "warnings": [],
    }
    return Case(case_id=case_id, patient_id=case_id, image=ArrayImage(image.grid, hu), facts=facts)


def read_grid_and_samples(path: Path) -> ArrayImage:
    """A scalar 3-D volume as it is in the file, of any sample type: a mask, a label map, a probability.

    Raises:
        LesionkitError: the file is missing, damaged, 2-D, 4-D, coloured or sheared.
    """
    path = Path(path)
    if not path.is_file():
        raise LesionkitError(f"{path}: there is no such file; give a DICOM folder or a {', '.join(SUFFIXES)} file")
    if volume_suffix(path) is None:
        raise LesionkitError(f"{path}: a volume file ends in {', '.join(SUFFIXES)}; convert it first")
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        _refuse_shape(path, reader)
        refuse_short(path, reader)
        image = reader.Execute()
    except RuntimeError as error:
        raise LesionkitError(f"{path}: {_say_reading_error(str(error))}") from error
    if image.GetDimension() == 4:
        image = image[..., 0]
    return ArrayImage(_grid(path, image), sitk.GetArrayFromImage(image))


def _refuse_shape(path: Path, reader: sitk.ImageFileReader) -> None:
    size = tuple(reader.GetSize())
    if reader.GetNumberOfComponents() != 1:
        raise LesionkitError(
            f"{path}: a CT has one value per voxel, got {reader.GetNumberOfComponents()}; is this a colour picture?"
        )
    while len(size) > 3 and size[-1] == 1:
        size = size[:-1]
    if len(size) > 3:
        raise LesionkitError(
            f"{path}: a CT volume is 3-D, got {len(size)}-D of size {size} (x, y, z, time); give one volume per file"
        )
    if len(size) < 3 or (len(size) == 3 and 1 in size):
        raise LesionkitError(
            f"{path}: a CT volume is 3-D, got a single picture of size {size} (x, y); give the whole scan"
        )


def _say_reading_error(said: str) -> str:
    if "orthonormal" in said.lower() or "direction" in said.lower():
        return "the axes must be at right angles, got a sheared affine (gantry tilt); resample the scan first"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return f"the file is truncated or damaged and cannot be read ({lines[-1] if lines else said}); copy it again"


def _grid(path: Path, image: sitk.Image) -> Grid:
    """SimpleITK's (x, y, z) geometry in array order."""
    direction = np.array(image.GetDirection()).reshape(3, 3)[:, ::-1]
    try:
        return Grid(
            shape=image.GetSize()[::-1],
            spacing_mm=image.GetSpacing()[::-1],
            origin_mm=image.GetOrigin(),
            direction=tuple(map(tuple, direction)),
        )
    except LesionkitError as error:
        raise LesionkitError(f"{path}: {error}") from error


def _as_hu(path: Path, samples: NDArray[Any]) -> NDArray[np.int16]:
    """Checked, rounded and clipped to int16."""
    hu: NDArray[np.int16]
    low, high = samples.min(), samples.max()
    if not np.isfinite([low, high]).all():
        share = float(np.mean(~np.isfinite(samples)))
        raise LesionkitError(f"{path}: every sample must be a number, but {share:.2%} are NaN or infinite")
    if low == high:
        raise LesionkitError(f"{path}: a scan must show something, but all samples are {low:g}")
    if low > -200:
        raise LesionkitError(
            f"{path}: samples must be Hounsfield units with air near -1000, got {low:g} to {high:g}; {_cure(low, high)}"
        )
    if samples.dtype == np.int16:
        hu = np.maximum(samples, np.int16(PADDING_HU))
    else:
        hu = np.clip(np.rint(samples), PADDING_HU, np.iinfo(np.int16).max).astype(np.int16)
    return hu


def _cure(low: float, high: float) -> str:
    if high <= 1.0:
        return "this looks like a scaled image (0..1) or a mask; give the CT itself"
    if high <= 255:
        return "this looks like an 8-bit picture (0..255) or a mask; give the CT itself"
    if low >= 0:
        return "this looks like stored values without rescale; apply slope and intercept (often -1024) first"
    return "give a CT that shows lung"
