"""One volume file of any format, opened by its header: size, place, and its slices when they are wanted."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.read.itk_name import itk_name
from lesionkit.read.metaimage import packed_slices
from lesionkit.read.nifti import read_nifti_header
from lesionkit.read.options import refuse_voxels
from lesionkit.read.quiet import silenced
from lesionkit.read.volume_header import look_at_header, refuse_damaged_nrrd


@dataclass(frozen=True)
class VolumeFile:
    """What is known of a scalar volume before its samples are read.

    Attributes:
        warnings: sentences on what the file leaves open.
        slices: gives the slices (y, x) in order of z, in the file's own type or as scaled floats.
    """

    path: Path
    grid: Grid
    warnings: tuple[str, ...]
    slices: Callable[[], Iterator[NDArray[Any]]]


def open_volume(path: Path, most_voxels: int) -> VolumeFile:
    """The header of a volume file, checked.

    Raises:
        LesionkitError: missing, damaged, 2-D, 4-D, coloured, sheared, or of more than `most_voxels`.
    """
    if path.name.lower().endswith((".nii", ".nii.gz")):
        header = read_nifti_header(path)
        _refuse_size(path, header.size, header.components, most_voxels)
        header.refuse_short()
        assert header.grid is not None  # of three axes, as was checked above
        return VolumeFile(path, header.grid, header.warnings, header.slices)
    return _open_by_itk(path, most_voxels)


def _open_by_itk(path: Path, most_voxels: int) -> VolumeFile:
    warnings = look_at_header(path)
    reader = sitk.ImageFileReader()
    with ExitStack() as stack:
        stack.enter_context(silenced())
        reader.SetFileName(stack.enter_context(itk_name(path)))
        try:
            reader.ReadImageInformation()
        except RuntimeError as error:
            raise LesionkitError(f"{path}: {_say_reading_error(str(error))}") from error
    size = tuple(reader.GetSize())
    while len(size) > 3 and size[-1] == 1:
        size = size[:-1]
    _refuse_size(path, size, reader.GetNumberOfComponents(), most_voxels)
    return VolumeFile(path, _grid(path, reader), warnings, lambda: _slices_by_itk(path))


def _slices_by_itk(path: Path) -> Iterator[NDArray[Any]]:
    """Views of the one copy that ITK holds."""
    packed = packed_slices(path)
    if packed is not None:
        yield from packed
        return
    refuse_damaged_nrrd(path)
    reader = sitk.ImageFileReader()
    with silenced(), itk_name(path) as name:
        reader.SetFileName(name)
        try:
            image = reader.Execute()
        except RuntimeError as error:
            raise LesionkitError(f"{path}: {_say_reading_error(str(error))}") from error
    array = sitk.GetArrayViewFromImage(image)
    yield from array.reshape(-1, *array.shape[-2:])


def _refuse_size(path: Path, size: tuple[int, ...], components: int, most_voxels: int) -> None:
    """Args: size: (x, y, z, …), without trailing axes of one sample."""
    if components != 1:
        raise LesionkitError(f"{path}: a CT has one value per voxel, got {components}; is this a colour picture?")
    if len(size) > 3:
        raise LesionkitError(
            f"{path}: a CT volume is 3-D, got {len(size)}-D of size {size} (x, y, z, time); give one volume per file"
        )
    if len(size) < 3 or 1 in size:
        raise LesionkitError(
            f"{path}: a CT volume is 3-D, got a single picture of size {size} (x, y); give the whole scan"
        )
    if min(size) < 1:
        raise LesionkitError(f"{path}: a CT has voxels along all axes, got size {size} (x, y, z); copy the file again")
    try:
        refuse_voxels(size[::-1], most_voxels)
    except LesionkitError as error:
        raise LesionkitError(f"{path}: {error}") from error


def _say_reading_error(said: str) -> str:
    if "orthonormal" in said.lower() or "direction" in said.lower():
        return "the axes must be at right angles, got a sheared affine (gantry tilt); resample the scan first"
    if "spacing" in said.lower():
        return "spacing must be positive millimetres; correct the header"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return f"the file is truncated or damaged and cannot be read ({lines[-1] if lines else said}); copy it again"


def _grid(path: Path, reader: sitk.ImageFileReader) -> Grid:
    """SimpleITK's (x, y, z) geometry in array order; of four axes the first three."""
    axes = len(reader.GetSize())
    direction = np.array(reader.GetDirection()).reshape(axes, axes)[:3, :3][:, ::-1]
    try:
        return Grid(
            shape=reader.GetSize()[2::-1],
            spacing_mm=reader.GetSpacing()[2::-1],
            origin_mm=reader.GetOrigin()[:3],
            direction=tuple(map(tuple, direction)),
        )
    except LesionkitError as error:
        raise LesionkitError(f"{path}: {error}") from error
