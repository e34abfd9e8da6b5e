"""What was found in a scan, to be handed over: balls in the world, and the slices that they lie on."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.handed import Balls, Maker, Plane
from lesionkit.core.image import ArrayImage
from lesionkit.prepare.spacing import resample_onto
from lesionkit.read.scan import open_scan, planes_of_scan
from lesionkit.read.volume import read_grid_and_samples
from lesionkit.recipes.ct.onnx_told import input_told, preprocessing_told
from lesionkit.recipes.ct.search import FoundScan
from lesionkit.recipes.ct.settings import CtSettings
from lesionkit.recipes.ensemble import nets_of
from lesionkit.recipes.handing import Handing
from lesionkit.write.dicom import write_series

if TYPE_CHECKING:
    from lesionkit.nets.onnx_file import OnnxNet


MEASURED, MASKS = "measured", "masks"
"""Folder in a run where `lesionkit measure RUN` leaves what was drawn, and in it that of the label maps."""


def hand(found: FoundScan, run: Path, settings: CtSettings, maker: Maker) -> Balls:
    """See `Handing.hand`."""
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
        drawn=partial(_drawn, found, run),
    )


def derive(handed: Balls, folder: Path) -> Balls:
    """Write a scan that was no DICOM as a derived series; see `Handing.derive`."""
    case = handed.case()
    # A derived series never takes the name of the one that it came from.
    named = replace(case, case_id=f"{case.case_id}/derived", patient_id=handed.patient_id)
    write_series(named, folder, derived=True)
    return replace(handed, planes=lambda: planes_of_scan(folder))


def _read(found: FoundScan, settings: CtSettings) -> Case:
    case = open_scan(found.item.path, settings.read)
    if case.image.grid.shape != found.grid.shape:
        raise _another(found)
    return case


def _drawn(found: FoundScan, run: Path) -> ArrayImage | None:
    """The label map that `measure` left in the run, on the grid of the scan."""
    file = run / MEASURED / MASKS / f"{found.item.case_id}.nii.gz"
    if not file.is_file():
        return None
    return resample_onto(read_grid_and_samples(file), found.grid, order=0, fill=0)


def _planes(found: FoundScan, settings: CtSettings) -> Sequence[Plane]:
    planes = planes_of_scan(found.item.path, settings.read)
    ends = [found.grid.world_to_index(plane.position_mm)[0] for plane in (*planes[:1], *planes[-1:])]
    # A sheared series is widened within its slices, and gaps are filled; its ends stay where they are.
    if any(abs(place - end) > 1 for place, end in zip(ends, (0, found.grid.shape[0] - 1), strict=False)):
        raise _another(found)
    return planes


def _another(found: FoundScan) -> LesionkitError:
    return LesionkitError(f"{found.item.path}: these are not the images that were searched; put those back")


def networks(model: Path, settings: CtSettings) -> "Iterator[OnnxNet]":
    """See `Handing.networks`; of a chain the network that draws, and each that judges."""
    from lesionkit.nets.model_file import read_header
    from lesionkit.nets.onnx_file import OnnxNet
    from lesionkit.nets.weights import load_model
    from lesionkit.recipes.ct.onnx_told import networks_of_chain

    for one in nets_of(model):
        if read_header(one.path).get("kind") == "Chain":
            yield from networks_of_chain(one.path, settings)
        else:
            net = load_model(one.path)[0]
            yield OnnxNet(one.path.stem, net, (1, 1, 32, 32, 32), ("maps",), _told(settings))


def _told(settings: CtSettings) -> dict[str, Any]:
    return {
        "input": input_told("multiples of 16"),
        "preprocessing": preprocessing_told(settings),
        "output": {
            "maps": "float32 (batch, 5, z/4, y/4, x/4): logit of a centre, its offset z, y, x in cells from the middle "
            "of the cell, log(diameter / 8 samples)"
        },
        "postprocessing": {
            "steps": "peaks of the logistic of the logit within the lungs, doubles merged",
            **settings.infer.model_dump(mode="json"),
        },
    }


CT_HANDING = Handing(hand, derive, networks)
