"""How well a network draws on a few patches, in the figures of system 0 (rows 0.31 and 0.32), its faults mended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SIZES_MM = ((0.0, 10.0, "below 10 mm"), (10.0, 30.0, "10 to 30 mm"), (30.0, np.inf, "from 30 mm"))
"""Classes of lesions by diameter, as they are weighted (row 0.30)."""
_HIT_FROM = 0.5


@dataclass(frozen=True, eq=False)
class WatchedPatch:
    """A piece of an image on which a network that draws is looked at.

    Attributes:
        hu: float32 (z, y, x) or (y, x), what the network sees, before it is scaled.
        drawn: float32 of the same shape, 0..1, how far each sample belongs to a lesion.
        ignored: bool of the same shape, samples that take no part.
        balls: (n, 1 + dimensions) centre in samples, in array order, and diameter in samples of the lesions inside.
        sample_mm: millimetres per sample.
    """

    hu: NDArray[np.float32]
    drawn: NDArray[np.float32]
    ignored: NDArray[np.bool_]
    balls: NDArray[np.float64]
    sample_mm: float = 1.0


def mask_figures(
    patches: Sequence[WatchedPatch], drawn: Sequence[NDArray[np.float32]], thresholds: Sequence[float] = ()
) -> dict[str, float]:
    """Figures over all patches together, by name.

    With y true and p drawn, 0..1 per sample: recall (Σyp + 1) / (Σy + 1), precision (Σyp + 1) / (Σp + 1), dice
    (2Σyp + 1) / (Σy + Σp + 1); the first two again for what is drawn at each threshold, with how many connected regions
    that are, touching at corners too; the share of lesions that what is drawn at 0.5 touches, of each size that there
    is; sums of y and p, and the mean, lowest and highest p. Row 0.33 is mended: the precision of a threshold divides by
    what is drawn at it, and regions are counted there, not in the probabilities.

    Args:
        drawn: probabilities, one array per patch, of its shape.

    >>> y = np.array([[0, 1], [1, 1]], np.float32)
    >>> patch = WatchedPatch(y, y, np.zeros((2, 2), bool), np.zeros((0, 3)))
    >>> figures = mask_figures([patch], [np.array([[0.9, 0.9], [0, 0]], np.float32)], [0.5])
    >>> round(figures["recall 0.5"], 3), round(figures["precision 0.5"], 3), figures["regions 0.5"]
    (0.5, 0.667, 1.0)
    """
    truth = [one.drawn * ~one.ignored for one in patches]
    belief = [found * ~one.ignored for one, found in zip(patches, drawn, strict=True)]
    both, true, said = (float(sum(map(np.sum, arrays))) for arrays in (_products(truth, belief), truth, belief))
    figures = {
        "dice": (2 * both + 1) / (true + said + 1),
        "recall": (both + 1) / (true + 1),
        "precision": (both + 1) / (said + 1),
    }
    for threshold in thresholds:
        figures |= _at(threshold, truth, belief, true)
    samples = np.concatenate([one.ravel() for one in belief])
    return {
        **figures,
        "regions truth": float(sum(_regions(one >= _HIT_FROM) for one in truth)),
        **_sensitivity(patches, belief),
        "sum truth": true,
        "sum drawn": said,
        "drawn mean": float(samples.mean()),
        "drawn lowest": float(samples.min()),
        "drawn highest": float(samples.max()),
    }


def _products(truth: Sequence[NDArray[np.float32]], belief: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    return [y * p for y, p in zip(truth, belief, strict=True)]


def _at(
    threshold: float, truth: Sequence[NDArray[np.float32]], belief: Sequence[NDArray[np.float32]], true: float
) -> Mapping[str, float]:
    masks = [one > threshold for one in belief]
    both = float(sum(float(y[mask].sum()) for y, mask in zip(truth, masks, strict=True)))
    drawn = float(sum(int(mask.sum()) for mask in masks))
    return {
        f"recall {threshold:g}": (both + 1) / (true + 1),
        f"precision {threshold:g}": (both + 1) / (drawn + 1),
        f"regions {threshold:g}": float(sum(map(_regions, masks))),
    }


def _regions(mask: NDArray[np.bool_]) -> int:
    return int(ndimage.label(mask, np.ones((3,) * mask.ndim))[1])


def _sensitivity(patches: Sequence[WatchedPatch], belief: Sequence[NDArray[np.float32]]) -> Mapping[str, float]:
    """The share of lesions of each size whose ball holds a sample that is drawn at 0.5."""
    sizes, found = [], []
    for one, drawn in zip(patches, belief, strict=True):
        mesh = np.ogrid[tuple(slice(0, n) for n in drawn.shape)]
        for ball in one.balls:
            away = sum((axis - centre) ** 2 for axis, centre in zip(mesh, ball[:-1], strict=True))
            inside = away <= max(ball[-1] / 2, 1.0) ** 2
            sizes.append(ball[-1] * one.sample_mm)
            found.append(bool((drawn[inside] >= _HIT_FROM).any()))
    size, hit = np.array(sizes), np.array(found, float)
    classes = [(name, (size >= low) & (size < high)) for low, high, name in SIZES_MM]
    return {f"sensitivity {name}": float(hit[these].mean()) for name, these in classes if len(size) and these.any()}
