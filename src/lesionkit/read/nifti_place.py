"""Where the voxels of a NIfTI file lie: sform before qform as in nibabel, units, RAS to LPS."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid

_MM_PER_UNIT = {1: ("metre", 1000.0), 3: ("micron", 0.001)}
_NEARLY_RIGHT_ANGLED = 2e-3
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def nifti_grid(path: Path, header: Any, size: tuple[int, ...]) -> tuple[Grid, tuple[str, ...]]:
    """The grid of a NIfTI header in LPS millimetres, and what the header leaves open, as sentences.

    The sform is believed wherever its code is above 0, else the qform; without either the lattice is that of nibabel,
    centred at the origin, and left and right are unknown.

    Args:
        header: of nibabel, with lengths that are not negative in `pixdim`.
        size: (x, y, z).

    Raises:
        LesionkitError: the axes are not at right angles, or have no length.
    """
    sform, qform = _sform(header), _qform(header)
    warnings = []
    if sform is not None and qform is not None:
        apart, voxel = _apart_mm(sform, qform, size), _lengths(sform).min()
        if apart > 0.5 * voxel:
            warnings.append(
                f"sform (code {int(header['sform_code'])}) and qform (code {int(header['qform_code'])}) place the scan "
                f"up to {apart * _unit(header)[1]:.4g} mm apart; the sform was believed"
            )
    elif sform is not None and not np.allclose(_lengths(sform), header["pixdim"][1:4], rtol=0.01):
        said = " x ".join(f"{v:.4g}" for v in header["pixdim"][1:4])
        used = " x ".join(f"{v:.4g}" for v in _lengths(sform))
        warnings.append(f"pixdim says voxels of {said}, the sform {used}; the sform was believed")
    affine = sform if sform is not None else qform
    if affine is None:
        affine = header.get_base_affine()
        set_to = any(int(header[code]) > 0 for code in ("sform_code", "qform_code"))
        why = "sform and qform hold no usable numbers" if set_to else "sform_code and qform_code are 0"
        warnings.append(
            f"the file states no orientation ({why}): left and right are unknown, and places are counted from the "
            "middle of the scan"
        )
    unit, factor = _unit(header)
    if unit:
        warnings.append(f"lengths are in units of a {unit} (xyzt_units) and were turned into millimetres")
    affine = np.diag([factor, factor, factor, 1.0]) @ _RAS_TO_LPS @ affine
    return _as_grid(path, affine, size), tuple(warnings)


def _sform(header: Any) -> NDArray[np.float64] | None:
    """None where it is not set, or says nothing: all zeros, no numbers."""
    affine = header.get_sform(coded=True)[0]
    if affine is None or not np.isfinite(affine).all() or (_lengths(affine) == 0).all():
        return None
    return np.asarray(affine, float)


def _qform(header: Any) -> NDArray[np.float64] | None:
    try:
        affine = header.get_qform(coded=True)[0]
    except (HeaderDataError, ValueError):
        return None
    return None if affine is None or not np.isfinite(affine).all() else np.asarray(affine, float)


def _apart_mm(one: NDArray[np.float64], other: NDArray[np.float64], size: tuple[int, ...]) -> float:
    """The largest distance between where two affines put a corner of the volume."""
    corners = np.array([[*corner, 1] for corner in itertools.product(*((0, n - 1) for n in size))], float)
    return float(np.linalg.norm((corners @ (one - other).T)[:, :3], axis=1).max())


def _lengths(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the steps along x, y and z."""
    return np.asarray(np.linalg.norm(affine[:3, :3], axis=0))


def _unit(header: Any) -> tuple[str, float]:
    return _MM_PER_UNIT.get(int(header["xyzt_units"]) & 7, ("", 1.0))


def _as_grid(path: Path, affine: NDArray[np.float64], size: tuple[int, ...]) -> Grid:
    """Axes that are rounded are made orthonormal; sheared ones are refused."""
    spacing = _lengths(affine)
    if not (spacing > 0).all():
        raise LesionkitError(
            f"{path}: spacing_mm must be positive, got {tuple(spacing.tolist())} (x, y, z); write the header again"
        )
    axes = affine[:3, :3] / spacing
    if np.abs(axes.T @ axes - np.eye(3)).max() > _NEARLY_RIGHT_ANGLED:
        raise LesionkitError(
            f"{path}: the axes must be at right angles, got a sheared affine (gantry tilt); resample the scan first"
        )
    u, _, vt = np.linalg.svd(axes)
    direction = (u @ vt)[:, ::-1]
    return Grid(size[::-1], tuple(spacing[::-1]), tuple(affine[:3, 3]), tuple(map(tuple, direction.tolist())))
