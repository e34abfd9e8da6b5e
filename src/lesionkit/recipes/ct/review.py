"""What is shown of a scan to be reviewed, and what readers hold to be true of scans as a data set like LUNA16's."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np

from lesionkit.core.grid import Grid
from lesionkit.core.handed import Balls, Handed
from lesionkit.core.image import Image, upright
from lesionkit.core.lesion import Lesion
from lesionkit.read.dicom.day import day_of
from lesionkit.read.scan import files_of_scan
from lesionkit.recipes.ct.prepare import prepared_case
from lesionkit.recipes.ct.search import FoundScan
from lesionkit.recipes.ct.settings import CtSettings
from lesionkit.recipes.data_set import link_image
from lesionkit.recipes.reviewing import Reviewing
from lesionkit.review.consensus import Judged, Truth
from lesionkit.review.finding import Finding, findings_of
from lesionkit.review.session import Shift, Volume
from lesionkit.write.truth import write_annotations, write_patients, write_series_list

WINDOWS = {
    "lung": (-600.0, 1500.0),
    "mediastinum": (40.0, 400.0),
    "bone": (500.0, 2000.0),
    "soft tissue": (50.0, 350.0),
    "wide": (-300.0, 2600.0),
}
"""Centre and width in HU, as they are usual in reading chests."""


def grid_of(found: FoundScan) -> Grid:
    """See `Reviewing.grid`."""
    return found.grid.turned_upright()


def findings(found: FoundScan, handed: Balls) -> Sequence[Finding]:
    """See `Reviewing.findings`."""
    del found
    return findings_of(handed)


def open_volume(handed: Balls) -> Volume:
    """See `Reviewing.open`."""
    image = upright(handed.case().image)
    return Volume(image.grid, np.asarray(image.array, dtype=np.int16), WINDOWS)


def is_there(path: Path) -> bool:
    """See `Reviewing.there`; a scan that shares its folder has no path of its own."""
    return path.exists() or (path.parent.is_dir() and files_of_scan(path) != [path])


def day(path: Path) -> date | None:
    """See `Reviewing.day`."""
    files = files_of_scan(path)
    inside = sorted(file for file in files[0].iterdir() if file.is_file()) if files and files[0].is_dir() else files
    return day_of(inside[0]) if inside and inside[0].is_file() else None


def shift(earlier: Handed, later: Handed, settings: CtSettings) -> Shift:
    """See `Reviewing.shift`: rigid, without turning."""
    places, all_lungs = [], True
    for handed in (earlier, later):
        case = prepared_case(handed.path, settings)
        lung = case.regions.get("lung_proper", case.regions.get("lung"))
        box = None if lung is None else _box(lung)
        all_lungs &= box is not None
        grid = case.image.grid
        places.append(grid.index_to_world(box if box is not None else (np.array(grid.shape) - 1) / 2))
    what = "boxes around the lungs" if all_lungs else "prepared scans, for lungs were not found in both"
    moved = places[1] - places[0]
    told = ", ".join(f"{value:.0f}" for value in moved)
    method = f"the middles of the {what} are laid upon each other, the earlier moved by ({told}) mm and not turned"
    return Shift(tuple(moved.tolist()), method)


def _box(lung: Image) -> np.ndarray | None:
    """The middle of the box around a mask, as an index."""
    mask = lung.read(lung.grid.whole)
    spans = [np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    return np.array([(span[0] + span[-1]) / 2 for span in spans]) if all(len(span) for span in spans) else None


def write(folder: Path, judged: Sequence[tuple[FoundScan, Truth]]) -> Sequence[Path]:
    """See `Reviewing.write`: LUNA16's tables beside links to the scans.

    Scans are in seriesuids.csv, for somebody looked at all of each; so what readers reject is background to a training,
    and rejected.csv only lists it. What is open is excluded.
    """
    for found, _ in judged:
        link_image(found.item.path, folder / "scans")
    tables = {"annotations.csv": "lesions", "annotations_excluded.csv": "open", "rejected.csv": "rejected"}
    files = [
        write_annotations(folder / name, {truth.case_id: _lesions(getattr(truth, part)) for _, truth in judged})
        for name, part in tables.items()
    ]
    names = [truth.case_id for _, truth in judged]
    series = write_series_list(folder / "seriesuids.csv", names)
    patients = {truth.case_id: found.patient_id or truth.case_id for found, truth in judged}
    return [*files, series, write_patients(folder / "patients.csv", patients)]


def _lesions(judged: Sequence[Judged]) -> list[Lesion]:
    return [
        Lesion(
            one.finding.centre_mm,
            one.finding.diameter_mm or 0.0,
            facts={
                "how": one.how,
                "accepted_by": " ".join(sorted(r for r, answer in one.answers.items() if answer == "accept")),
                "score": "" if one.finding.score is None else round(one.finding.score, 6),
            },
        )
        for one in judged
    ]


CT_REVIEWING = Reviewing(
    grid_of,
    findings,
    open_volume,
    write,
    of="finding",
    excludes=True,
    there=is_there,
    day=day,
    shift=shift,
)
