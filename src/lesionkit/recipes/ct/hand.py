"""What was found in a scan, to be handed over: balls in the world, and the slices that they lie on."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.handed import Balls, Maker, Plane
from lesionkit.read.scan import open_scan, planes_of_scan
from lesionkit.recipes.ct.search import FoundScan
from lesionkit.recipes.ct.settings import CtNodule
from lesionkit.recipes.handing import Handing
from lesionkit.write.dicom import write_series


def hand(found: FoundScan, run: Path, settings: CtNodule, maker: Maker) -> Balls:
    """See `Handing.hand`."""
    del run
    return Balls(
        case_id=found.item.case_id,
        patient_id=found.patient_id,
        path=found.item.path,
        lesion="nodule",
        maker=maker,
        case=partial(_read, found, settings),
        planes=partial(_planes, found, settings),
        grid=found.grid,
        balls=found.candidates,
    )


def derive(handed: Balls, folder: Path) -> Balls:
    """Write a scan that was no DICOM as a derived series; see `Handing.derive`."""
    case = handed.case()
    # A derived series never takes the name of the one that it came from.
    named = replace(case, case_id=f"{case.case_id}/derived", patient_id=handed.patient_id)
    write_series(named, folder, derived=True)
    return replace(handed, planes=lambda: planes_of_scan(folder))


def _read(found: FoundScan, settings: CtNodule) -> Case:
    case = open_scan(found.item.path, settings.read)
    if case.image.grid.shape != found.grid.shape:
        raise _another(found)
    return case


def _planes(found: FoundScan, settings: CtNodule) -> Sequence[Plane]:
    planes = planes_of_scan(found.item.path, settings.read)
    ends = [found.grid.world_to_index(plane.position_mm)[0] for plane in (*planes[:1], *planes[-1:])]
    # A sheared series is widened within its slices, and gaps are filled; its ends stay where they are.
    if any(abs(place - end) > 1 for place, end in zip(ends, (0, found.grid.shape[0] - 1), strict=False)):
        raise _another(found)
    return planes


def _another(found: FoundScan) -> LesionkitError:
    return LesionkitError(f"{found.item.path}: these are not the images that were searched; put those back")


CT_HANDING = Handing(hand, derive)
