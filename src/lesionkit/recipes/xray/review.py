"""What is shown of a radiograph to be reviewed, and what readers hold to be true as a data set like SIIM-ACR's."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from PIL import Image as Picturing

from lesionkit.core.grey import to_bytes
from lesionkit.core.grid import Grid
from lesionkit.core.handed import Mask
from lesionkit.core.image import ArrayImage, Image
from lesionkit.core.mask import decode_rle_siim
from lesionkit.recipes.data_set import link_image
from lesionkit.recipes.reviewing import Reviewing
from lesionkit.recipes.xray.search import FoundRadiograph
from lesionkit.recipes.xray.settings import XrayPneumothorax
from lesionkit.review.consensus import Truth
from lesionkit.review.corrected import filled
from lesionkit.review.finding import Finding, findings_of
from lesionkit.review.session import Picture
from lesionkit.write.siim import write_image_patients, write_siim_table


def grid_of(found: FoundRadiograph) -> Grid:
    """See `Reviewing.grid`: its world is continuous pixels, pixel 0 from 0 to 1, for many files tell no size."""
    return Grid.upright(found.shape, (1, 1), (0.5, 0.5))


def findings(found: FoundRadiograph, handed: Mask) -> Sequence[Finding]:
    """See `Reviewing.findings`: what the rule outlines, also where it holds the radiograph to be negative."""
    return findings_of(replace(handed, mask=partial(decode_rle_siim, found.outline(True), found.shape)))


def open_picture(handed: Mask) -> Picture:
    """See `Reviewing.open`."""
    image = handed.case().image
    pixels = to_bytes(np.asarray(image.read(image.grid.whole)))
    grid = Grid.upright(pixels.shape, (1, 1), (0.5, 0.5))

    @lru_cache(maxsize=16)
    def at(halvings: int) -> Image:
        if halvings == 0:
            return ArrayImage(grid, pixels)
        small = np.asarray(Picturing.fromarray(pixels).reduce(1 << halvings))
        return ArrayImage(Grid.upright(small.shape, (1 << halvings, 1 << halvings)), small)

    return Picture(grid, at)


def write(folder: Path, judged: Sequence[tuple[FoundRadiograph, Truth]]) -> Sequence[Path]:
    """See `Reviewing.write`: train-rle.csv beside links to the radiographs; "-1" where readers hold nothing to be."""
    masks, patients = {}, {}
    for found, truth in judged:
        name = link_image(found.item.path, folder / "images").stem
        masks[name] = [filled([one.finding for one in truth.lesions], found.shape)]
        patients[name] = found.patient_id or name
    table = write_siim_table(folder / "train-rle.csv", masks)
    return [table, write_image_patients(folder / "patients.csv", patients)]


XRAY_REVIEWING: Reviewing[XrayPneumothorax, FoundRadiograph] = Reviewing(
    grid_of, findings, open_picture, write, unit="px", reach_mm=50.0
)
