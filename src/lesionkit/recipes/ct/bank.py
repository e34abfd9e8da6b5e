"""Cut real nodules out of volumes and keep them as a bank, from which `phantom ct` and training draw.

    lesionkit bank SOURCE --out BANK

`SOURCE` is one of two:

- `image/` and `mask/` with one volume per nodule under the same name, and, if there is one, a table `nodules.csv` of
  what is known of them: nodule, patient_id, diameter_mm, texture … A mask with several labels holds as many nodules; in
  a mask of a whole scan each connected piece is one.
- scans as DICOM with LIDC's reading files (XML) beside them.
"""

import csv
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Box, Grid
from lesionkit.core.image import ArrayImage, upright
from lesionkit.phantoms.ct.nodule_bank import NoduleBank, save_bank
from lesionkit.phantoms.ct.real_nodule import RealNodule, cut_nodule
from lesionkit.read.scan import find_scans, open_scan
from lesionkit.read.truth.lidc import read_lidc
from lesionkit.read.truth.lidc_xml import read_lidc_file
from lesionkit.read.volume import read_grid_and_samples, volume_stem
from lesionkit.read.volume_names import volume_suffix
from lesionkit.recipes.base import Summary
from lesionkit.runs.fingerprint import fingerprint

TABLE = "nodules.csv"
_KNOWN = ("nodule", "patient_id", "diameter_mm", "texture")
_AROUND_MM = 12.0
_WHOLE_MM = 150.0
"""A volume that is larger than this along both axes of its slices is a scan, not a nodule."""


def make_bank(source: Path, out: Path) -> Summary:
    """Cut every nodule of `source` and write the bank; a volume that cannot be used is told and left out.

    Raises:
        LesionkitError: the source has neither layout, or none of its nodules can be used.
    """
    nodules: list[RealNodule] = []
    failed: dict[str, str] = {}
    count = 0
    rows = _rows(source / TABLE)
    for path in _volumes(source):
        count += 1
        try:
            nodules += _of_scan(path) if path.is_dir() else _of_volume(path, source / "mask" / path.name, rows)
        except LesionkitError as error:
            failed[path.name if path.is_dir() else volume_stem(path)] = str(error)
    if not nodules:
        reason = next(iter(failed.values()), "no nodule is outlined in them")
        raise LesionkitError(f"none of {count} volumes of {source} can be used; the first: {reason}")
    bank = NoduleBank(tuple(nodules), {"source": source.name, "sha256": str(fingerprint(source)["sha256"])})
    save_bank(out, bank)
    textures = [n.texture_name for n in nodules]
    diameters = [n.diameter_mm for n in nodules]
    facts: dict[str, str | int | float] = {
        "nodules": len(nodules),
        "patients": len(bank.patients),
        **{name: textures.count(name) for name in ("solid", "part-solid", "ground-glass")},
        "diameters": f"{min(diameters):.1f} to {max(diameters):.1f} mm",
    }
    return Summary(facts, (out,), failed, cases=count)


def _volumes(source: Path) -> list[Path]:
    """Files of `image/`, or folders of DICOM with a reading file in or above them."""
    images = source / "image"
    if images.is_dir():
        files = sorted(p for p in images.iterdir() if volume_suffix(p))
    else:
        files = sorted(p for p in _scans(source) if p.is_dir() and _readings_beside(p))
    if not files:
        raise LesionkitError(
            f"{source} must hold image/ and mask/ with one volume per nodule, or DICOM scans with LIDC's XML files "
            "beside them, but has neither"
        )
    return files


def _scans(source: Path) -> list[Path]:
    try:
        return find_scans(source)
    except LesionkitError:
        return []


def _rows(table: Path) -> Mapping[str, Mapping[str, str]]:
    if not table.is_file():
        return {}
    with table.open(newline="", encoding="utf-8") as file:
        return {row.get("nodule", ""): row for row in csv.DictReader(file)}


def _of_volume(image: Path, mask: Path, rows: Mapping[str, Mapping[str, str]]) -> list[RealNodule]:
    """The nodules of a volume and its mask."""
    hu, outlined = upright(read_grid_and_samples(image)), upright(read_grid_and_samples(mask))
    name = volume_stem(image)
    if hu.grid.shape != outlined.grid.shape or not np.allclose(hu.grid.affine, outlined.grid.affine, atol=0.05):
        raise LesionkitError(
            f"{name}: image and mask must lie on one grid, got {hu.grid.shape} of {_mm(hu.grid)} mm and "
            f"{outlined.grid.shape} of {_mm(outlined.grid)} mm; export both alike"
        )
    labels = _labelled(outlined.array, hu.grid)
    numbers = [int(n) for n in np.unique(labels) if n]
    if len(numbers) <= 1:
        row = rows.get(name, {})
        patient = row.get("patient_id") or name
        return [cut_nodule(hu.array, labels, hu.grid, name, patient, **_known(name, row))]
    patient = rows.get(name, {}).get("patient_id") or name
    return [
        _cut_from(
            hu.array, labels == n, hu.grid, f"{name}-{n}", patient, _known(f"{name}-{n}", rows.get(f"{name}-{n}", {}))
        )
        for n in numbers
    ]


def _mm(grid: Grid) -> tuple[float, ...]:
    return tuple(round(s, 3) for s in grid.spacing_mm)


def _labelled(mask: NDArray[Any], grid: Grid) -> NDArray[Any]:
    """The mask with a number per nodule."""
    if len(np.unique(mask)) > 2 or min(grid.size_mm[1:]) < _WHOLE_MM:
        return mask
    labels: NDArray[Any] = ndimage.label(mask, np.ones((3, 3, 3)))[0]
    return labels


def _known(name: str, row: Mapping[str, str]) -> dict[str, Any]:
    """What a row of the table tells, as fields of a nodule."""
    known: dict[str, Any] = {}
    if row.get("diameter_mm"):
        known["diameter_mm"] = _number(row["diameter_mm"], name, "diameter_mm", 0.5, 80)
    if row.get("texture"):
        known["texture"] = int(_number(row["texture"], name, "texture", 0, 5))
    known["facts"] = {k: v for k, v in row.items() if k and v and k not in _KNOWN}
    return known


def _number(text: str, name: str, column: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise LesionkitError(f"{name}: {column} in {TABLE} must be a number from {low:g} to {high:g}, got '{text}'")
    return value


def _readings_beside(scan: Path) -> list[Path]:
    return sorted(file for folder in (scan, scan.parent) for file in folder.glob("*.xml"))


def _of_scan(path: Path) -> list[RealNodule]:
    """The nodules that LIDC's readers agree on in a DICOM scan; texture is the median of their ratings."""
    case = open_scan(path)
    files = [file for file in _readings_beside(path) if _series_of(file) == case.case_id]
    if not files:
        raise LesionkitError(f"{path}: none of the XML files beside it is a reading of series {case.case_id}")
    reading = read_lidc(files[0], case.image.grid)
    hu = case.image.read(case.image.grid.whole)
    nodules = []
    for lesion, outlined in zip(reading.lesions, reading.masks, strict=True):
        mask = np.zeros(hu.shape, bool)
        mask[outlined.box] = outlined.mask
        ratings = [int(r) for r in lesion.facts.get("texture", ()) if 1 <= int(r) <= 5]
        known = {
            "diameter_mm": float(lesion.facts.get("mean_diameter_mm") or lesion.diameter_mm),
            "texture": round(statistics.median(ratings)) if ratings else 0,
            "facts": {"seriesuid": case.case_id, "votes": lesion.facts.get("votes", "")},
        }
        name = f"{case.patient_id}-{lesion.lesion_id}"
        nodules.append(_cut_from(hu, mask, case.image.grid, name, case.patient_id, known))
    return nodules


def _series_of(file: Path) -> str:
    try:
        return read_lidc_file(file).series_uid
    except LesionkitError:
        return ""


def _cut_from(
    hu: NDArray[Any], mask: NDArray[np.bool_], grid: Grid, name: str, patient: str, known: Mapping[str, Any]
) -> RealNodule:
    """One nodule of a whole scan: only what lies around it is resampled."""
    box = _around(np.argwhere(mask), grid)
    part = grid.crop(box)
    image, outlined = upright(ArrayImage(part, hu[box])), upright(ArrayImage(part, mask[box]))
    return cut_nodule(image.array, outlined.array, image.grid, name, patient, **known)


def _around(held: NDArray[np.int_], grid: Grid) -> Box:
    reach = [int(np.ceil(_AROUND_MM / s)) for s in grid.spacing_mm]
    ends: Iterable[tuple[int, int, int, int]] = zip(held.min(axis=0), held.max(axis=0), reach, grid.shape, strict=True)
    return tuple(slice(max(int(a) - r, 0), min(int(b) + r + 1, n)) for a, b, r, n in ends)
