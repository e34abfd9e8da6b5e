"""What a network that draws is looked at on, as pictures: input, truth and prediction side by side, and whole patches
(the visual tools of system 0, row 0.48).

Arrays are (z, y, x) or (y, x); pictures are uint8 (rows, columns, 3). Truth is green, what is drawn at 0.5 yellow.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from scipy import ndimage

from lesionkit.report.picture import LUNG

APART = 3
"""Slices between the three that are shown of a patch."""
_SIDE, _GAP, _SHEET = 128, 4, 4
_TRUTH, _DRAWN = (79, 216, 180), (255, 207, 51)


def watched_pictures(
    hu: NDArray[np.float32], truth: NDArray[np.float32], drawn: NDArray[np.float32]
) -> Mapping[str, NDArray[np.uint8]]:
    """Of a patch "in three slices", and "in sixteen slices"; of a slice "as it is" alone.

    Args:
        truth, drawn: 0..1 per sample.

    >>> cube = np.zeros((32, 32, 32), np.float32)
    >>> {name: picture.shape for name, picture in watched_pictures(cube, cube, cube).items()}
    {'in three slices': (392, 392, 3), 'in sixteen slices': (524, 524, 3)}
    """
    if hu.ndim == 2:
        return {"as it is": three_slices(hu[None], truth[None], drawn[None])}
    return {"in three slices": three_slices(hu, truth, drawn), "in sixteen slices": sheet(hu, truth, drawn)}


def three_slices(hu: NDArray[np.float32], truth: NDArray[np.float32], drawn: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A row for each of three neighbouring slices, z − 3, z and z + 3, as far as there are so many: input, truth,
    prediction. The middle one is that with most of the truth, or else of what is drawn.
    """
    middle = _telling(truth if truth.any() else drawn)
    chosen = [z for z in (middle - APART, middle, middle + APART) if 0 <= z < len(hu)]
    rows = [[_tile(_grey(hu[z])), _tile(_grey_of(truth[z], _TRUTH)), _tile(_grey_of(drawn[z], _DRAWN))] for z in chosen]
    return _joined(rows)


def sheet(hu: NDArray[np.float32], truth: NDArray[np.float32], drawn: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Sixteen slices of the middle half of a patch, the lowest first, with what is true and what is drawn."""
    depth = len(hu)
    places = np.linspace(depth / 4, 3 * depth / 4 - 1, _SHEET**2).round().astype(int).clip(0, depth - 1)
    tiles = [_tile(_outlined(hu[z], truth[z], drawn[z])) for z in places]
    return _joined([tiles[n : n + _SHEET] for n in range(0, len(tiles), _SHEET)])


def batch_picture(
    patches: Sequence[tuple[NDArray[np.float32], NDArray[np.float32] | None]],
) -> NDArray[np.uint8]:
    """A batch as a network gets it: of each patch one slice, that with most of the truth, which is outlined.

    Args:
        patches: (hu, truth) of each; where no truth is drawn, the middle slice.
    """
    tiles = []
    for hu, truth in patches:
        cube, known = np.atleast_3d(hu.T).T, None if truth is None else np.atleast_3d(truth.T).T
        z = len(cube) // 2 if known is None else _telling(known)
        nothing = np.zeros(cube.shape[1:], np.float32)
        tiles.append(_tile(_outlined(cube[z], nothing if known is None else known[z], nothing)))
    columns = math.ceil(math.sqrt(len(tiles)))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    return _joined([tiles[n : n + columns] for n in range(0, len(tiles), columns)])


def _telling(cube: NDArray[np.float32]) -> int:
    """The slice that holds most; the middle one where none holds anything."""
    sums = cube.sum(axis=(1, 2))
    return int(sums.argmax()) if sums.any() else len(cube) // 2


def _grey(hu: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.repeat(LUNG.grey(hu)[..., None], 3, axis=-1)


def _grey_of(share: NDArray[np.float32], colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.asarray(np.clip(share, 0, 1)[..., None] * np.array(colour, np.float32), np.uint8)


def _outlined(hu: NDArray[np.float32], truth: NDArray[np.float32], drawn: NDArray[np.float32]) -> NDArray[np.uint8]:
    picture = _grey(hu)
    for share, colour in ((truth, _TRUTH), (drawn, _DRAWN)):
        inside = share >= 0.5
        picture[ndimage.binary_dilation(inside) & ~inside] = colour
    return picture


def _tile(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """At one size, samples kept square and sharp."""
    high, wide = picture.shape[:2]
    scale = _SIDE / max(high, wide)
    size = (max(1, round(wide * scale)), max(1, round(high * scale)))
    shown = np.asarray(Pillow.fromarray(picture).resize(size, Pillow.Resampling.NEAREST))
    whole = np.zeros((_SIDE, _SIDE, 3), np.uint8)
    whole[: shown.shape[0], : shown.shape[1]] = shown
    return whole


def _joined(rows: Sequence[Sequence[NDArray[np.uint8]]]) -> NDArray[np.uint8]:
    """Tiles side by side and one above the other, with a gap between them."""
    step = _SIDE + _GAP
    whole = np.full((len(rows) * step - _GAP, len(rows[0]) * step - _GAP, 3), 255, np.uint8)
    for number, row in enumerate(rows):
        for place, tile in enumerate(row):
            whole[number * step : number * step + _SIDE, place * step : place * step + _SIDE] = tile
    return whole
