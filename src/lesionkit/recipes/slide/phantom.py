"""Make a data set of H&E slides of lymph nodes with known metastases, in the form of CAMELYON.

    lesionkit phantom slide --out DATA --count 16            # about 15 s and 15 MB a slide of 4 mm on one core

`DATA` gets `slides/<slide>.tif` (pyramids with µm per pixel), `masks/<slide>.png` (tumour at 1/16), `annotations/
<slide>.xml` (outlines, ASAP), `labels.csv`, `patients.csv` and `phantoms.json`. A slide that is finished is not made
again, so an interrupted command goes on where it stopped.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from lesionkit.core.case import Case
from lesionkit.core.settings import Settings
from lesionkit.engine.map import EngineSettings, map_cases
from lesionkit.phantoms.slide.quota import quota
from lesionkit.phantoms.slide.whole import SlidePhantomSettings, has_room, make_slide, outline
from lesionkit.recipes.base import Summary
from lesionkit.runs.phantom_folder import PhantomFolder
from lesionkit.write.camelyon import write_outline
from lesionkit.write.pyramid import PyramidSettings, write_pyramid
from lesionkit.write.siim import write_mask
from lesionkit.write.slide_truth import write_slide_labels, write_slide_patients

MASK_DOWNSAMPLE = 16
_COLUMNS = ("stage", "hard", "largest_mm", "lesions", "centre")


class PhantomSlide(Settings):
    """What `lesionkit phantom slide` makes."""

    slides_per_patient: int = Field(default=1, ge=1)
    """So many slides in a row are one patient's."""
    phantom: SlidePhantomSettings = SlidePhantomSettings()
    tile: int = Field(default=256, ge=16, multiple_of=16)
    """Side of the tiles of the TIFF in pixels."""
    engine: EngineSettings = EngineSettings()


def make_slides(out: Path, count: int, seed: int, settings: PhantomSlide) -> Summary:
    """Make `count` slides; more of the same are added when `count` is larger the next time.

    Raises:
        LesionkitError: `out` holds other phantoms or something else, or cannot be written to.
    """
    folder = PhantomFolder(out)
    folder.begin("phantom slide", {"seed": seed, "settings": settings.model_dump(mode="json", exclude={"engine"})})
    numbers = [number for number in range(count) if not folder.is_done(number)]
    failed = {
        f"slide {outcome.item}": outcome.error
        for outcome in map_cases(partial(_make_one, out, seed, settings), numbers, settings.engine, "making slides")
        if outcome.error is not None
    }
    done = folder.done()
    _write_tables(out, done)
    stages = Counter(slide["stage"] for slide in done)
    facts = {
        "slides": len(done),
        **{name: stages[name] for name in ("negative", "itc", "micro", "macro")},
        "metastases": sum(slide["lesions"] for slide in done),
    }
    return Summary(facts, (out,), failed, cases=len(done) + len(failed))


def tumour_mask(case: Case, downsample: int = MASK_DOWNSAMPLE) -> NDArray[np.bool_]:
    """The tumour of a whole phantom at reduced size, (rows, columns) rounded up.

    A sample is inside where its centre is; an outline too small for any gets one sample.
    """
    rows, columns = (-(-size // downsample) for size in case.image.grid.shape)
    mask = np.zeros((rows, columns), dtype=bool)
    part = outline(case).sampled(downsample)
    if part.has_tumour:
        top, left = part.corner
        held = part.mask[max(-top, 0) : rows - top, max(-left, 0) : columns - left]
        mask[max(top, 0) : max(top, 0) + held.shape[0], max(left, 0) : max(left, 0) + held.shape[1]] = held
    return mask


def _make_one(out: Path, seed: int, settings: PhantomSlide, number: int) -> None:
    # One stream of seeds per data set: the slides of seeds 0 and 1 have nothing in common.
    own = seed * 1_000_003 + number
    stage, hard = quota(number, settings.phantom)
    # A share of macrometastases is of slides that have room for one.
    stage = "micro" if stage == "macro" and not has_room(own, settings.phantom, stage) else stage
    case = make_slide(own, settings.phantom, stage, hard)
    name = f"slide-{number:05d}"
    pyramid = PyramidSettings(
        tile=settings.tile,
        jpeg_quality=case.facts["jpeg_quality"],
        description=f"lesionkit synthetic slide, centre {case.facts['centre']}",
    )
    write_mask(out / "masks" / f"{name}.png", tumour_mask(case), MASK_DOWNSAMPLE)
    write_outline(out / "annotations" / f"{name}.xml", outline(case))
    write_pyramid(case.image, out / "slides" / f"{name}.tif", pyramid)
    record = {
        "slide": name,
        "patient_id": f"phantom-patient-{number // settings.slides_per_patient:05d}",
        "lesions": len(case.truth or ()),
        **case.facts,
    }
    PhantomFolder(out).finish(number, record)


def _write_tables(out: Path, done: Sequence[Mapping[str, Any]]) -> None:
    labels = {slide["slide"]: slide["stage"] != "negative" for slide in done}
    more = {name: {slide["slide"]: slide[name] for slide in done} for name in _COLUMNS}
    write_slide_labels(out / "labels.csv", labels, more)
    write_slide_patients(out / "patients.csv", {slide["slide"]: slide["patient_id"] for slide in done})
