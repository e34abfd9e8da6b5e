"""Nodules of a scan in numbers: as any program drew them in a label map, or as a two-stage model draws findings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage, upright
from lesionkit.infer.measure import Measured, measure
from lesionkit.infer.two_stage import TwoStageDetector
from lesionkit.read.volume import read_grid_and_samples
from lesionkit.recipes.base import Recipe, Summary
from lesionkit.recipes.ct.hand import MASKS, MEASURED
from lesionkit.recipes.ct.kind import CT
from lesionkit.recipes.ct.load import load_detectors
from lesionkit.recipes.ct.prepare import open_native, prepared_case
from lesionkit.recipes.ct.search import FoundScan
from lesionkit.recipes.ct.settings import CtNodule, CtSettings
from lesionkit.recipes.ct.slices import RECIPE as SLICES
from lesionkit.recipes.ct.slices_2017 import RECIPE as SLICES_2017
from lesionkit.recipes.ct.two_stage import RECIPE as TWO_STAGE
from lesionkit.recipes.ct.two_stage_2017 import RECIPE as TWO_STAGE_2017
from lesionkit.recipes.ensemble import model_card
from lesionkit.recipes.finished import finished
from lesionkit.report.measured_page import Drawn, write_measured_page
from lesionkit.runs.models import chosen_model, shipped_models
from lesionkit.runs.run_folder import RunFolder
from lesionkit.write.measurements import write_measurements
from lesionkit.write.volume import write_volume

PAGE = "measured.html"
_DRAWING = {one.name: one for one in (TWO_STAGE, TWO_STAGE_2017, SLICES, SLICES_2017)}
_THOSE = f"{TWO_STAGE.name} or {SLICES.name}"
_SAME_PLACE_MM = 0.1
_OF_TABLES_ALONE = ("coordX", "coordY", "coordZ", "mean_axis_mm", "solid_axis_mm", "lung_rads_by_size")
_EVERY_NEIGHBOUR = np.ones((3, 3, 3), bool)


@dataclass(frozen=True, eq=False)
class Nodule:
    """One that was drawn.

    Attributes:
        name: number in the label map, or rank of the finding.
        image: upright CT in HU; `mask` (z, y, x) lies on its grid.
        score: of the finding; None of a label map.
    """

    case_id: str
    name: int
    image: ArrayImage
    mask: NDArray[np.bool_]
    score: float | None = None


def measure_masks(scan: Path, masks: Path, out: Path) -> Summary:
    """Measure what a label map marks in a scan, whoever drew it.

    Args:
        masks: volume on the grid of the scan; each number is one nodule, or each connected piece where all are 1.

    Raises:
        LesionkitError: one of both cannot be read; the label map holds fractions, lies on another grid or is empty.
    """
    case = open_native(scan, CtNodule())
    labels = read_grid_and_samples(masks)
    _refuse_another_grid(scan, masks, case.image.grid, labels.grid)
    if labels.array.dtype.kind == "f" and not (labels.array == np.round(labels.array)).all():
        raise LesionkitError(f"{masks}: a label map must hold whole numbers, got fractions; is it an image?")
    numbered = _numbered(np.asarray(upright(labels).array).astype(np.int32))
    image = upright(case.image)
    numbers = [int(number) for number in np.unique(numbered) if number > 0]
    if not numbers:
        raise LesionkitError(f"{masks} must mark what is to be measured, but it is empty; draw it first")
    nodules = (Nodule(case.case_id, number, image, numbered == number) for number in numbers)
    return _written(out, f"Nodules of {case.case_id}", nodules, {"scan": scan.name, "masks": masks.name})


def measure_run(run: RunFolder, settings: CtSettings, model: Path | None, out: Path | None) -> Summary:
    """Measure the findings of a run above its line, as a model draws them that finds by drawing.

    Args:
        model: None for that of the run, or where it tells places alone for the shipped one of ct-nodule-slices.

    Raises:
        LesionkitError: the run has no finished search, or there is no such model.
    """
    recipe = str(run.record["recipe"])
    kind: Any = CT
    done = finished(run, settings, kind, recipe)
    drawer = model or (done.model if recipe in _DRAWING else Path(SLICES.name))
    maker = _drawing(drawer)
    own = maker.model_settings(drawer)
    detector = load_detectors(chosen_model(drawer, maker.name), own)[0][0]
    if not isinstance(detector, TwoStageDetector):
        raise LesionkitError(f"{drawer} must be a model of {_THOSE}, got another; give one that draws")
    folder = out or run.path / MEASURED
    threshold = done.deciding.decision.threshold
    warnings: list[str] = []
    nodules = (
        nodule
        for one in done.deciding.rescored(done.found, kind)
        for nodule in _drawn(one, detector, own, threshold, folder, warnings)
    )
    facts = {"run": run.path.name, "model": drawer.name, "line": threshold}
    return _written(folder, f"Findings of {run.path.name}", nodules, facts, warnings)


def _drawing(model: Path) -> Recipe[Any]:
    """The recipe that a model that draws is of."""
    names = [name for name in _DRAWING if str(model) in shipped_models(name)]
    known = names or [name for name in _DRAWING if model_card(chosen_model(model, name)).get("recipe") == name]
    return _DRAWING[known[0] if known else TWO_STAGE.name]


def _drawn(
    one: FoundScan,
    detector: TwoStageDetector,
    settings: CtSettings,
    threshold: float | None,
    folder: Path,
    warnings: list[str],
) -> Iterator[Nodule]:
    """The findings of a scan above the line, each drawn; the label map of the scan is written when all are."""
    case = prepared_case(one.item.path, settings)
    image = ArrayImage(case.image.grid, case.image.read(case.image.grid.whole))
    labels = np.zeros(image.grid.shape, np.uint16)
    for rank, candidate in enumerate(one.candidates, start=1):
        if threshold is not None and candidate.score < threshold:
            continue
        outline = detector.outline(case, candidate.centre_mm)
        if outline is None:
            warnings.append(f"{one.item.case_id}: nothing is drawn at finding {rank}, so it is not measured")
            continue
        start = np.rint(image.grid.world_to_index(outline.grid.origin_mm)).astype(int)
        box = tuple(slice(int(a), int(a) + n) for a, n in zip(start, outline.grid.shape, strict=True))
        mask = np.zeros(image.grid.shape, bool)
        mask[box] = outline.array
        labels[mask & (labels == 0)] = rank
        yield Nodule(one.item.case_id, rank, image, mask, candidate.score)
    write_volume(ArrayImage(image.grid, labels), folder / MASKS / f"{one.item.case_id}.nii.gz")


def _written(
    out: Path, title: str, nodules: Iterator[Nodule], facts: Mapping[str, Any], warnings: Sequence[str] = ()
) -> Summary:
    """Tables and page; `warnings` may grow while nodules are drawn."""
    rows: list[dict[str, Any]] = []
    shown: list[Drawn] = []
    for one in nodules:
        found = measure(one.image.array, one.mask, one.image.grid)
        rows.append(_row(one, found))
        box = _around(one.mask, found.axes.slice_index)
        name = f"{one.case_id} · {one.name}"
        part = ArrayImage(one.image.grid.crop(box), np.ascontiguousarray(one.image.array[box]))
        index = found.axes.slice_index - box[0].start
        number, note = found.axes.slice_index + 1, _note(found)
        shown.append(Drawn(name, part, one.mask[box], index, number, found.axes.long_mm, note))
    tables = write_measurements(out, rows, facts)
    brief = [{name: value for name, value in row.items() if name not in _OF_TABLES_ALONE} for row in rows]
    page = write_measured_page(out / PAGE, title, brief, shown, facts)
    told: dict[str, str | int | float] = {"nodules measured": len(rows)}
    return Summary(told, (page, *tables), warnings=tuple(warnings))


def _note(found: Measured) -> str:
    """A nodule in a line, as a report would say it."""
    hu = f"{found.mean_hu:.0f}".replace("-", "−")
    size = f"{found.axes.long_mm:.1f} × {found.axes.short_mm:.1f} mm, {found.volume_mm3:.0f} mm³"
    return f"{size}; {found.texture}, {hu} HU{', calcified' if found.calcified else ''}"


def _row(one: Nodule, found: Measured) -> dict[str, Any]:
    place = one.image.grid.index_to_world(np.argwhere(one.mask).mean(axis=0))
    solid = found.solid_axes
    return {
        "seriesuid": one.case_id,
        "nodule": one.name,
        **({} if one.score is None else {"probability": one.score}),
        **{f"coord{axis}": round(float(value), 2) for axis, value in zip("XYZ", place, strict=True)},
        "volume_mm3": round(found.volume_mm3, 1),
        "long_axis_mm": round(found.axes.long_mm, 1),
        "short_axis_mm": round(found.axes.short_mm, 1),
        "mean_axis_mm": round(found.axes.mean_mm, 1),
        "equivalent_diameter_mm": round(found.equivalent_mm, 1),
        "mean_hu": round(found.mean_hu),
        "solid_share": round(found.solid_share, 2),
        "solid_axis_mm": None if solid is None else round(solid.mean_mm, 1),
        "texture": found.texture,
        "calcified": found.calcified,
        "fleischner_size": found.fleischner,
        "lung_rads_by_size": found.lung_rads,
    }


def _around(mask: NDArray[np.bool_], index: int) -> tuple[slice, ...]:
    """The slice of a nodule's longest axis, and enough around it for a picture."""
    flat = np.argwhere(mask[index])
    size = np.ptp(flat, axis=0).max() + 160
    low = np.maximum(flat.mean(axis=0) - size / 2, 0).astype(int)
    sides = [slice(int(a), int(min(a + size, n))) for a, n in zip(low, mask.shape[1:], strict=True)]
    return (slice(index, index + 1), *sides)


def _numbered(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Each number is a nodule; where there is one number only, each connected piece."""
    present = np.unique(labels[labels > 0])
    if len(present) != 1:
        return labels
    return np.asarray(ndimage.label(labels > 0, _EVERY_NEIGHBOUR)[0], np.int32)


def _refuse_another_grid(scan: Path, masks: Path, wanted: Grid, got: Grid) -> None:
    def ends(grid: Grid) -> NDArray[np.float64]:
        corners = np.array([np.zeros(3), *(np.eye(3) * (np.array(grid.shape) - 1))])
        return np.asarray(grid.index_to_world(corners))

    if wanted.shape != got.shape or np.abs(ends(wanted) - ends(got)).max() > _SAME_PLACE_MM:
        raise LesionkitError(
            f"{masks} must lie on the grid of {scan}, {wanted.shape} samples of {_mm(wanted)} mm from "
            f"{_at(wanted)}, but has {got.shape} of {_mm(got)} mm from {_at(got)}; resample it onto the scan"
        )


def _mm(grid: Grid) -> str:
    return " × ".join(f"{value:g}" for value in np.round(grid.spacing_mm, 4))


def _at(grid: Grid) -> str:
    return "(" + ", ".join(f"{value:g}" for value in np.round(grid.origin_mm, 2)) + ")"
