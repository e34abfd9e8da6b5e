"""Samples of slides as RGB on white glass."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

WHITE = 255
"""What unreadable and missing tiles, and places that were not scanned, are read as."""

ASSOCIATED, UNASSOCIATED = 1, 2
"""What TIFF calls an alpha by which colours were multiplied already, and one by which they were not."""

_WHITE_GLASS = (WHITE, WHITE, WHITE)


def as_rgb(samples: NDArray[np.uint8], is_ybr: bool = False, alpha: int = 0) -> NDArray[np.uint8]:
    """RGB (rows, columns, 3) of grey or colours (rows, columns, 1 to 4); further samples that are no alpha are dropped.

    Args:
        is_ybr: the colours are luminance and two differences (BT.601, full range).
        alpha: what the last sample is: `ASSOCIATED`, `UNASSOCIATED` or 0 for something else.

    >>> as_rgb(np.array([[[110, 70, 150, 0], [110, 70, 150, 255]]], np.uint8), alpha=UNASSOCIATED).tolist()
    [[[255, 255, 255], [110, 70, 150]]]
    """
    count = samples.shape[2]
    colours = samples[..., : 3 if count >= 3 else 1]
    if is_ybr and count >= 3:
        # Pillow has a mode for these colours, but takes no array for one.
        picture = Picture.frombytes("YCbCr", colours.shape[1::-1], np.ascontiguousarray(colours).tobytes())
        colours = np.asarray(picture.convert("RGB"))
    if count in (2, 4) and alpha in (ASSOCIATED, UNASSOCIATED):
        colours = on_glass(colours, samples[..., -1:], multiplied=alpha == ASSOCIATED)
    return np.repeat(colours, 3, axis=2) if colours.shape[2] == 1 else colours


def on_glass(
    colours: NDArray[np.uint8],
    alpha: NDArray[np.uint8],
    background: tuple[int, int, int] = _WHITE_GLASS,
    multiplied: bool = False,
) -> NDArray[np.uint8]:
    """Colours (rows, columns, 1 or 3) with the background where their alpha (rows, columns, 1) lets it through.

    Args:
        multiplied: whether the colours were multiplied by alpha already.
    """
    if (alpha == WHITE).all():
        return np.ascontiguousarray(colours)
    weight = alpha.astype(np.float32) / WHITE
    behind = np.array(background[: colours.shape[2]], dtype=np.float32) * (1 - weight)
    mixed = (colours if multiplied else colours * weight) + behind
    return (np.minimum(mixed, WHITE) + 0.5).astype(np.uint8)
