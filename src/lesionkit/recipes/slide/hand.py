"""What was found on a slide, to be handed over: its regions with their outlines, and its map."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.handed import Maker, Outlines, Plane
from lesionkit.core.region import Region
from lesionkit.infer.marks import regions
from lesionkit.read.slide.dicom import planes_of_slide
from lesionkit.recipes.ensemble import nets_of
from lesionkit.recipes.handing import Handing
from lesionkit.recipes.slide.case import open_case
from lesionkit.recipes.slide.map import read_map
from lesionkit.recipes.slide.search import FoundSlide, kept_map
from lesionkit.recipes.slide.settings import SlideMetastasis

if TYPE_CHECKING:
    from lesionkit.nets.onnx_file import OnnxNet
    from lesionkit.nets.patch_net import PatchNet


def hand(found: FoundSlide, run: Path, settings: SlideMetastasis, maker: Maker) -> Outlines:
    """See `Handing.hand`."""
    heat = partial(read_map, kept_map(run, found.item.case_id), found.map_grid)
    return Outlines(
        case_id=found.item.case_id,
        patient_id=found.item.patient_id or found.item.case_id,
        path=found.item.path,
        lesion="metastasis",
        maker=maker,
        case=partial(_read, found, settings),
        planes=partial(_planes, found),
        grid=found.grid,
        regions=partial(_regions, found, run, settings),
        heat=heat,
    )


def derive(handed: Outlines, folder: Path) -> Outlines:
    """No slide is written as DICOM; see `Handing.derive`.

    Raises:
        LesionkitError: always.
    """
    del folder
    raise LesionkitError(
        f"{handed.path}: findings of slides are handed over as DICOM for DICOM slides alone, and this is a file of "
        f"{handed.path.suffix.lower() or 'another kind'}; convert it with wsidicomizer and search that, or export to "
        "geojson or qupath-project"
    )


def _regions(found: FoundSlide, run: Path, settings: SlideMetastasis) -> Sequence[Region]:
    return regions(read_map(kept_map(run, found.item.case_id), found.map_grid), settings.regions)


def _planes(found: FoundSlide) -> Sequence[Plane]:
    _refuse_gone(found)
    planes = planes_of_slide(found.item.path)
    # OpenSlide shows the whole of a DICOM slide, so pixels of what is shown are those of its total pixel matrix.
    if planes and planes[0].shape != found.grid.shape:
        raise _another(found)
    return planes


def _read(found: FoundSlide, settings: SlideMetastasis) -> Case:
    _refuse_gone(found)
    slide = open_case(found.item.path, settings)
    if slide.grid.shape != found.grid.shape:
        raise _another(found)
    return Case(found.item.case_id, found.item.patient_id, slide, facts={"path": str(found.item.path)})


def _refuse_gone(found: FoundSlide) -> None:
    if not found.item.path.exists():
        raise LesionkitError(f"{found.item.path}: the slide is gone; put it back where it was")


def _another(found: FoundSlide) -> LesionkitError:
    return LesionkitError(f"{found.item.path}: this is not the slide that was searched; put that back")


def networks(model: Path, settings: SlideMetastasis) -> "Iterator[OnnxNet]":
    """See `Handing.networks`."""
    from lesionkit.nets.onnx_file import OnnxNet
    from lesionkit.nets.patch_net import PatchNet
    from lesionkit.nets.weights import load_net

    for one in nets_of(model):
        net = load_net(one.path, PatchNet)[0]
        yield OnnxNet(one.path.stem, net, (1, 3, 2 * net.multiple, 2 * net.multiple), ("logit",), _told(settings, net))


def _told(settings: SlideMetastasis, net: "PatchNet") -> dict[str, Any]:
    return {
        "input": {"image": f"float32 (batch, 3, y, x), red, green, blue 0..1, sides multiples of {net.multiple}"},
        "preprocessing": {
            "steps": "slide read at um µm per pixel, uint8 / 255, stain normalised where stain says so",
            "um": settings.um,
            "stain": settings.stain,
        },
        "output": {"logit": f"float32 (batch, 1, y/{net.stride}, x/{net.stride}), logit of tumour per cell"},
        "postprocessing": {
            "steps": "logistic; cells of tissue make a map; peaks are marks, pieces above the threshold regions",
            "peaks": settings.peaks.model_dump(mode="json"),
            "regions": settings.regions.model_dump(mode="json"),
        },
    }


SLIDE_HANDING = Handing(hand, derive, networks)
