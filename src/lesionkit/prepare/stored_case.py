"""A prepared case as a folder: one compressed array per image and `case.json`."""

import dataclasses
import hashlib
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.image import Image
from lesionkit.core.lesion import Lesion
from lesionkit.prepare.stored import StoredImage, checksum, write_array

IMAGE = "image"
ABOUT = "case.json"


def write_case(folder: Path, case: Case) -> None:
    """Write a case into an existing empty folder; `case.json` comes last."""
    images: dict[str, Image] = {IMAGE: case.image, **case.regions}
    arrays = {}
    for name, image in images.items():
        array = np.asarray(image.read(image.grid.whole))
        path = folder / f"{name}.b2nd"
        write_array(path, array)
        arrays[name] = {
            "grid": dataclasses.asdict(image.grid),
            "bytes": path.stat().st_size,
            "crc32": checksum(path),
            "raw_bytes": array.nbytes,
        }
    about = {
        "case_id": case.case_id,
        "patient_id": case.patient_id,
        "truth": None if case.truth is None else [dataclasses.asdict(lesion) for lesion in case.truth],
        "excluded": [dataclasses.asdict(lesion) for lesion in case.excluded],
        "facts": dict(case.facts),
        "arrays": arrays,
    }
    text = json.dumps(about)
    (folder / ABOUT).write_text(f"{zlib.crc32(text.encode()):08x}\n{text}\n", encoding="utf-8")


def read_about(folder: Path) -> dict[str, Any]:
    """The content of `case.json`.

    Raises:
        ValueError: its own checksum on the first line does not fit.
    """
    first, _, text = (folder / ABOUT).read_text(encoding="utf-8").partition("\n")
    if f"{zlib.crc32(text.rstrip().encode()):08x}" != first:
        raise ValueError(f"{ABOUT} does not fit its checksum")
    about: dict[str, Any] = json.loads(text)
    return about


def read_case(folder: Path) -> Case:
    """The case of a folder; its images read lazily."""
    about = read_about(folder)
    images = {
        name: StoredImage(Grid(**array["grid"]), folder / f"{name}.b2nd") for name, array in about["arrays"].items()
    }
    truth = about["truth"]
    return Case(
        case_id=about["case_id"],
        patient_id=about["patient_id"],
        image=images.pop(IMAGE),
        truth=None if truth is None else tuple(_lesion(values) for values in truth),
        excluded=tuple(_lesion(values) for values in about["excluded"]),
        regions=images,
        facts=about["facts"],
    )


def find_damage(folder: Path) -> str | None:
    """What is wrong with a folder, or None: a missing file, a wrong length, a wrong checksum."""
    try:
        arrays = read_about(folder)["arrays"]
        for name, array in arrays.items():
            path = folder / f"{name}.b2nd"
            if path.stat().st_size != array["bytes"]:
                return f"{path.name} has {path.stat().st_size} bytes instead of {array['bytes']}"
            if checksum(path) != array["crc32"]:
                return f"{path.name} does not fit its checksum"
    except (OSError, ValueError, KeyError, TypeError) as error:
        return str(error)
    return None


def content_of(case: Case) -> str:
    """A digest of what a case holds: samples, grid, truth. Equal for the same series found twice."""
    image = case.image
    array = np.ascontiguousarray(image.read(image.grid.whole))
    digest = hashlib.sha256(array.view(np.uint8).data)
    lesions = [None if case.truth is None else [dataclasses.asdict(lesion) for lesion in case.truth]]
    rest = [str(array.dtype), dataclasses.asdict(image.grid), lesions, [dataclasses.asdict(e) for e in case.excluded]]
    digest.update(json.dumps(rest, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def _lesion(values: dict[str, Any]) -> Lesion:
    return Lesion(**{**values, "centre_mm": tuple(values["centre_mm"])})
