"""What a reader makes of an input, as values. For cases where a verb would be too slow, or says too little."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np


def scan(path: str, at: Mapping[str, Sequence[int]] | None = None, **options: Any) -> dict[str, Any]:
    """A CT: geometry, the place of the brightest voxel (x, y, z) in mm, HU at voxels `at` {name: [z, y, x]}."""
    from lesionkit.read.options import ScanOptions
    from lesionkit.read.scan import open_scan

    case = open_scan(Path(path), ScanOptions(**options))
    grid, array = case.image.grid, case.image.read(case.image.grid.whole)
    brightest = np.unravel_index(int(array.argmax()), array.shape)
    return {
        "case_id": case.case_id,
        "patient_id": case.patient_id,
        "shape": list(array.shape),
        "spacing_mm": list(grid.spacing_mm),
        "origin_mm": list(grid.origin_mm),
        "direction": np.array(grid.direction).round(6).tolist(),
        "brightest_mm": np.asarray(grid.index_to_world(brightest)).tolist(),
        "brightest_hu": int(array.max()),
        "lowest_hu": int(array.min()),
        "dtype": array.dtype.name,
        "at": {name: float(array[tuple(place)]) for name, place in (at or {}).items()},
        "warnings": list(case.facts.get("warnings", ())),
    }


def catalogue(path: str) -> dict[str, Any]:
    """A folder of CTs: the rows of its table that can be used, in order of their ids, and the reasons of the others."""
    from lesionkit.read.catalogue import build_catalogue

    rows = build_catalogue(Path(path)).to_dict("records")
    usable = sorted((row for row in rows if not row["failure"]), key=lambda row: row["case_id"])
    return {
        "cases": [row["case_id"] for row in usable],
        "patients": [row["patient_id"] for row in usable],
        "slices": [int(row["shape"][0]) for row in usable],
        "lesions": [int(row["lesion_count"]) for row in usable],
        "duplicates": sum(len(row["duplicates"]) for row in usable),
        "failures": [row["failure"] for row in rows if row["failure"]],
        "warnings": [warning for row in usable for warning in row["warnings"]],
    }


def picture(path: str, at: Mapping[str, Sequence[int]] | None = None) -> dict[str, Any]:
    """A radiograph: shape, spacing, grey values 0..1 at pixels `at` {name: [y, x]}."""
    from lesionkit.read.picture import read_picture

    case = read_picture(Path(path))
    array = case.image.read(case.image.grid.whole)
    full = np.iinfo(array.dtype).max
    return {
        "case_id": case.case_id,
        "shape": list(array.shape),
        "dtype": array.dtype.name,
        "spacing_mm": case.facts["native_spacing_mm"],
        "grey": {name: float(array[tuple(place)] / full) for name, place in (at or {}).items()},
        "warnings": list(case.facts.get("warnings", ())),
    }


def slide(path: str, at: Mapping[str, Sequence[int]] | None = None, level: int = 0, **options: Any) -> dict[str, Any]:
    """A slide: levels, µm per pixel, RGB at pixels `at` {name: [y, x]} of a level."""
    from lesionkit.read.slide.whole import SlideOptions, open_slide

    opened = open_slide(Path(path), SlideOptions(**options))
    image = opened.at(level)
    array = image.read(image.grid.whole)
    return {
        "shapes": [list(one.grid.shape) for one in opened.levels],
        "um": [one.grid.spacing_mm[0] * 1000 for one in opened.levels],
        "mpp_from": opened.mpp_from,
        "unreadable": opened.unreadable,
        "rgb": {name: array[tuple(place)].tolist() for name, place in (at or {}).items()},
        "mean": array.reshape(-1, 3).mean(axis=0).tolist(),
        "warnings": list(opened.warnings),
    }


def outline(path: str) -> dict[str, Any]:
    """A file of outlines: pixels of tumour (in samples of 20), rings, holes, and what was left out as warnings."""
    from lesionkit.read.truth.outlines import read_outline

    drawn = read_outline(Path(path))
    return {
        "area": int(drawn.sampled(20).mask.sum()) * 400,
        "rings": len(drawn.rings),
        "holes": len(drawn.holes),
        "warnings": list(drawn.notes),
    }


def pictures(path: str) -> dict[str, Any]:
    """The radiographs below a path, as paths."""
    from lesionkit.read.picture import find_pictures

    return {"paths": [str(found) for found in find_pictures(Path(path))]}
