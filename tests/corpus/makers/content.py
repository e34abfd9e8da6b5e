"""What the samples of an input show: boxes on a ground. Not makers: the other files draw by them."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def _volume(
    shape: Sequence[int] = (12, 24, 24),
    ground: float = -980,
    noise: float = 20,
    boxes: Sequence[Sequence[float]] = ((40, 0, 99, 4, 20, 4, 20),),
    bright: Sequence[int] | None = (3, 9, 14),
    bright_value: float = 2000,
    add: float = 0,
    dtype: str = "int16",
) -> np.ndarray:
    """A body in air, and one bright voxel to tell where things come to lie; array (z, y, x).

    Args:
        boxes: each (value, z from, z to, y from, y to, x from, x to).
        add: is added to all samples at the end, such as 1024 for stored values.
    """
    values = ground + noise * np.random.default_rng(0).random(tuple(shape))
    for value, *ends in boxes:
        z0, z1, y0, y1, x0, x1 = map(int, ends)
        values[z0:z1, y0:y1, x0:x1] = value
    if bright is not None:
        values[tuple(bright)] = bright_value
    values += add
    return (np.rint(values) if np.dtype(dtype).kind in "iu" else values).astype(dtype)


def _picture(
    shape: Sequence[int] = (64, 64),
    ground: Any = 40,
    boxes: Sequence[Sequence[Any]] = ((200, 20, 44, 20, 44),),
    points: Sequence[Sequence[Any]] = ((0, 0, 0), (255, 0, 1)),
    dtype: str = "uint8",
) -> np.ndarray:
    """A bright square on a dark ground; values may be numbers or colours [r, g, b]; array (y, x) or (y, x, channel).

    Args:
        boxes: each (value, y from, y to, x from, x to).
        points: each (value, y, x); by default black and white stand in the corner, so that the range is full.
    """
    channels = len(ground) if isinstance(ground, list | tuple) else 0
    values = np.empty((*shape, channels) if channels else tuple(shape), float)
    values[:] = ground
    for value, y0, y1, x0, x1 in boxes:
        values[y0:y1, x0:x1] = value
    for value, y, x in points:
        values[y, x] = value
    return values.astype(dtype)


def _tissue(side: int = 512, square: Sequence[int] | None = None, colour: Sequence[int] = (110, 70, 150)) -> np.ndarray:
    """An H&E-like disc with nuclei on glass, RGB uint8; `square` (y0, y1, x0, x1) is filled with a colour."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:side, :side]
    inside = (x - side / 2) ** 2 + (y - side / 2) ** 2 < (side * 0.45) ** 2
    image = np.full((side, side, 3), 240, np.float32)
    image[inside] = (205, 150, 190)
    for cy, cx in rng.integers(0, side, (side * side // 160, 2)):
        if inside[cy, cx]:
            image[max(0, cy - 4) : cy + 4, max(0, cx - 4) : cx + 4] = (110, 70, 150)
    image += rng.normal(0, 4, image.shape)
    if square is not None:
        y0, y1, x0, x1 = square
        image[y0:y1, x0:x1] = colour
    return np.clip(image, 0, 255).astype(np.uint8)
