"""An image -> a MetaImage, NIfTI or NRRD file. Inverse of `lesionkit.read.volume`."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing
from lesionkit.core.image import Image

_SUFFIXES = (".nii.gz", ".nii", ".mha", ".mhd", ".nrrd")


def write_volume(image: Image, path: Path, compress: bool = True) -> Path:
    """Write a 3-D scalar image with its exact geometry; the suffix chooses the format. Returns the path.

    Args:
        path: ends in .mha, .mhd (a .raw or .zraw file is put beside it), .nii, .nii.gz or .nrrd.
        compress: gzip the samples where the format leaves the choice (.nii never is, .nii.gz always).

    Raises:
        LesionkitError: another suffix, another number of axes, an unwritable folder.
    """
    path = Path(path)
    suffix = next((s for s in _SUFFIXES if path.name.lower().endswith(s)), None)
    if suffix is None:
        raise LesionkitError(f"a volume file ends in {', '.join(_SUFFIXES)}, got {path.name}")
    if image.grid.ndim != 3:
        raise LesionkitError(f"a volume file holds three axes, got an image of shape {image.grid.shape}")
    compress = suffix == ".nii.gz" or (compress and suffix != ".nii")
    if suffix == ".mhd":
        _write_header_and_samples(image, path, compress)
    else:
        with replacing(path) as temporary:
            _write(image, temporary, compress)
    return path


def _write(image: Image, path: Path, compress: bool) -> None:
    try:
        sitk.WriteImage(_as_sitk(image), str(path), useCompression=compress)
    except RuntimeError as error:
        raise LesionkitError(f"cannot write {path}: {str(error).splitlines()[-1]}") from error


def _write_header_and_samples(image: Image, path: Path, compress: bool) -> None:
    """A .mhd names the file of its samples, so its text is mended after both were written under temporary names."""
    with replacing(path) as header:
        _write(image, header, compress)
        written = header.with_suffix(".zraw" if compress else ".raw")
        samples = path.with_suffix(written.suffix)
        header.write_text(header.read_text(encoding="utf-8").replace(written.name, samples.name), encoding="utf-8")
        written.replace(samples)


def _as_sitk(image: Image) -> sitk.Image:
    grid = image.grid
    array = np.ascontiguousarray(image.read(grid.whole))
    if array.dtype == bool:
        array = array.astype(np.uint8)
    result = sitk.GetImageFromArray(array)
    result.SetSpacing(grid.spacing_mm[::-1])
    result.SetOrigin(grid.origin_mm)
    result.SetDirection(np.array(grid.direction)[:, ::-1].ravel().tolist())
    return result
