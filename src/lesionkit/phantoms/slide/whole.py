"""A synthetic H&E slide of a lymph node, with metastases that are known."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import Field, model_validator

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Box, Grid
from lesionkit.core.lesion import Lesion
from lesionkit.core.outline import Outline, fill_ring
from lesionkit.core.settings import Settings
from lesionkit.phantoms.slide.hard import hardened
from lesionkit.phantoms.slide.image import SlideImage
from lesionkit.phantoms.slide.kind import node_depth
from lesionkit.phantoms.slide.lesion import SIZES_MM, Metastasis, Stage, draw_sizes, place_metastases, stage_of
from lesionkit.phantoms.slide.noise import Raster
from lesionkit.phantoms.slide.plan import Piece, SlidePlan, draw_artefacts, draw_pieces, draw_traits, draw_tumour
from lesionkit.phantoms.slide.stain import Centre, CentreName, draw_centre

_OVERVIEW_SAMPLES = 400


class SlidePhantomSettings(Settings):
    """Which slides are made."""

    size_mm: float = Field(4.0, gt=0)
    """Length of both sides."""
    spacing_um: float = Field(0.5, ge=0.2, le=2.0)
    """Distance between pixels."""
    centre: Literal["A", "B", "mixed"] = "mixed"
    """Laboratory and scanner; mixed: one of the two by chance."""
    normal_share: float = Field(0.375, ge=0, le=1)
    """Share of slides without a metastasis."""
    itc_share: float = Field(0.15, ge=0, le=1)
    """Share of the others whose largest metastasis is isolated tumour cells (at most 0.2 mm)."""
    macro_share: float = Field(0.35, ge=0, le=1)
    """Share of the others with a macrometastasis (beyond 2 mm), where the node has room for one: on slides of 4 mm it
    has. What is left has micrometastases."""
    hard_share: float = Field(0.5, ge=0, le=1)
    """Share of slides that are hard: tumour of small even cells, mostly one by one among lymphocytes, in nodes full of
    histiocytes and germinal centres, with crushed and blurred places."""
    artefacts: float = Field(1.0, ge=0)
    """Folds, dust and areas out of focus, as a multiple of the usual number."""
    pen_share: float = Field(0.2, ge=0, le=1)
    """Share of slides that somebody has drawn on."""

    @model_validator(mode="after")
    def _can_be_made(self) -> "SlidePhantomSettings":
        if self.itc_share + self.macro_share > 1:
            raise LesionkitError(
                f"itc_share and macro_share must be at most 1 together, got {self.itc_share} and {self.macro_share}"
            )
        if self.size_mm < 1:
            raise LesionkitError(f"size_mm must be at least 1 for a lymph node to lie on the slide, got {self.size_mm}")
        return self


def make_slide(
    seed: int, settings: SlidePhantomSettings | None = None, stage: Stage | None = None, hard: bool | None = None
) -> Case:
    """A slide that no patient gave tissue for; the same seed and settings give the same pixels.

    Nothing is painted before it is read, so that a slide of 50 mm costs no more than one of 4 mm.

    Args:
        stage: of the slide; drawn by the shares of the settings if None.
        hard: whether it is one of the hard ones; drawn by their share if None.

    Returns:
        a case with a lazy image (rows, columns, 3) uint8; its metastases as truth, none on a normal slide, each with
        the facts "stage" and "outline_px" (vertices x, y in pixels from the top left corner); the tumour as lazy region
        "tumour"; and facts "stage", "hard", "centre", "jpeg_quality", "spacing_um", "synthetic".

    Raises:
        LesionkitError: the slide is too small for a metastasis of its stage.
    """
    settings = settings or SlidePhantomSettings()
    hard = bool(np.random.default_rng([31, seed]).random() < settings.hard_share) if hard is None else hard
    plan = draw_plan(seed, settings, stage)
    plan = hardened(plan, settings.artefacts) if hard else plan
    image = SlideImage(plan, settings.spacing_um)
    truth = tuple(_lesion(lesion, number, image.grid) for number, lesion in enumerate(plan.lesions, start=1))
    largest = max((lesion.extent_mm for lesion in plan.lesions), default=0.0)
    facts: dict[str, Any] = {
        "synthetic": True,
        "seed": seed,
        "stage": stage_of(largest),
        "hard": hard,
        "largest_mm": round(largest, 4),
        "centre": plan.centre.name,
        "jpeg_quality": plan.centre.jpeg_quality,
        "spacing_um": settings.spacing_um,
    }
    name = f"slide-phantom-{seed:05d}"
    case = Case(name, f"phantom-patient-{seed:05d}", image, truth, facts=facts)
    return replace(case, regions={"tumour": OutlineImage(image.grid, outline(case))})


def draw_plan(seed: int, settings: SlidePhantomSettings, stage: Stage | None = None) -> SlidePlan:
    """What will lie on a slide; see `make_slide`."""
    rng, centre, pieces, room_mm = _begun(seed, settings)
    size_um = (settings.size_mm * 1000, settings.size_mm * 1000)
    drawn_stage = _draw_stage(rng, settings, room_mm)
    plan = SlidePlan(
        seed=seed,
        size_um=size_um,
        pieces=pieces,
        traits=draw_traits(rng),
        tumour=draw_tumour(rng),
        artefacts=draw_artefacts(rng, pieces, size_um, settings.artefacts, settings.pen_share),
        centre=centre,
    )
    extents = draw_sizes(rng, stage or drawn_stage, room_mm)
    if not extents:
        return plan
    step = max(30.0, max(size_um) / _OVERVIEW_SAMPLES)
    raster = Raster((0, 0), (round(size_um[0] / step), round(size_um[1] / step)), step)
    return replace(plan, lesions=place_metastases(rng, extents, lambda where: node_depth(plan, where), raster))


def has_room(seed: int, settings: SlidePhantomSettings, stage: Stage) -> bool:
    """Whether the tissue of a slide has room for a metastasis of a stage."""
    return stage == "negative" or _begun(seed, settings)[3] > SIZES_MM[stage][0]


def _begun(seed: int, settings: SlidePhantomSettings) -> tuple[Generator, Centre, tuple[Piece, ...], float]:
    """What is drawn of a slide first, and the largest metastasis (mm) that it has room for."""
    rng = np.random.default_rng([23, seed])
    names: tuple[CentreName, ...] = ("A", "B")
    drawn = names[rng.integers(2)]
    centre = draw_centre(rng, drawn if settings.centre == "mixed" else settings.centre)
    pieces = draw_pieces(rng, (settings.size_mm * 1000, settings.size_mm * 1000))
    return rng, centre, pieces, 1.8 * min(min(piece.radii_um) for piece in pieces) / 1000


def outline(case: Case) -> Outline:
    """The metastases of a phantom as rings in pixels from the top left corner."""
    return Outline(tuple(np.array(lesion.facts["outline_px"]) for lesion in case.truth or ()))


class OutlineImage:
    """The mask of rings as a lazy image of bool: a pixel is inside where its centre is."""

    def __init__(self, grid: Grid, rings: Outline) -> None:
        self.grid = grid
        self._rings: Sequence[NDArray[np.float64]] = rings.rings

    def read(self, box: Box) -> NDArray[np.bool_]:
        """The mask of a box (rows, columns) inside the grid."""
        shape = tuple(b.stop - b.start for b in box)
        mask = np.zeros(shape, dtype=bool)
        for ring in self._rings:
            local = ring - (box[1].start, box[0].start)
            if (local.max(axis=0) > 0).all() and (local.min(axis=0) < shape[::-1]).all():
                mask |= fill_ring(local, shape)
        return mask


def _draw_stage(rng: Generator, settings: SlidePhantomSettings, room_mm: float) -> Stage:
    normal, kind = rng.random(2)
    if normal < settings.normal_share:
        return "negative"
    if kind < settings.itc_share:
        return "itc"
    has_room = room_mm > SIZES_MM["macro"][0]
    return "macro" if has_room and kind < settings.itc_share + settings.macro_share else "micro"


def _lesion(lesion: Metastasis, number: int, grid: Grid) -> Lesion:
    spacing_um = grid.spacing_mm[0] * 1000
    ring = np.round(lesion.outline_um / spacing_um, 2)
    y, x = lesion.centre_um
    centre = grid.index_to_world([y / spacing_um - 0.5, x / spacing_um - 0.5])
    facts = {"stage": stage_of(lesion.extent_mm), "growth": lesion.growth, "outline_px": ring.tolist()}
    return Lesion(tuple(centre.tolist()), lesion.extent_mm, "metastasis", f"metastasis-{number}", facts)
