"""Connected pieces of masks."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import cc3d
import numpy as np
from numpy.typing import NDArray

Mask: TypeAlias = NDArray[np.bool_]
Labels: TypeAlias = NDArray[np.unsignedinteger]
Connectivity: TypeAlias = Literal[4, 6, 8, 18, 26]


def label_pieces(mask: Mask, connectivity: Connectivity) -> tuple[Labels, int]:
    """Label connected pieces: (labels, highest label); some labels below the highest may be unused.

    The count that the labelling library returns is too small for some two-dimensional masks with connectivity 8.
    """
    labels = cc3d.connected_components(mask, connectivity=connectivity)
    return labels, int(labels.max())


def largest_pieces(mask: Mask, connectivity: Connectivity, count: int) -> list[tuple[int, Mask]]:
    """The largest connected pieces with their sizes in samples, largest first."""
    labels, _ = label_pieces(mask, connectivity)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    names = np.argsort(-sizes, kind="stable")[:count]
    return [(int(sizes[n]), labels == n) for n in names if sizes[n]]


@dataclass(frozen=True)
class Pieces:
    """Moments of the labelled pieces of one slice; entry 0 is the background and empty."""

    area: NDArray[np.float64]
    centre: NDArray[np.float64]
    """(pieces, 2): row, column."""
    moments: NDArray[np.float64]
    """(pieces, 3): variance of rows, of columns, covariance."""

    @classmethod
    def of_slice(cls, labels: Labels, count: int) -> "Pieces":
        y, x = np.nonzero(labels)
        label = labels[y, x]

        def total(weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
            return np.bincount(label, weights, minlength=count + 1).astype(float)

        area = total()
        safe = np.maximum(area, 1)
        yf, xf = y.astype(float), x.astype(float)
        cy, cx = total(yf) / safe, total(xf) / safe
        yf -= cy[label]
        xf -= cx[label]
        moments = np.stack([total(yf * yf), total(xf * xf), total(yf * xf)], axis=1) / safe[:, None]
        return cls(area, np.stack([cy, cx], axis=1), moments)

    def eccentricity(self, spacing_mm: tuple[float, ...]) -> NDArray[np.float64]:
        """Eccentricity of the ellipse with the same second moments: 0 a disc, 1 a line (a single sample is 0)."""
        sy, sx = spacing_mm
        a, b, c = self.moments[:, 0] * sy * sy, self.moments[:, 1] * sx * sx, self.moments[:, 2] * sy * sx
        middle, spread = (a + b) / 2, np.sqrt(((a - b) / 2) ** 2 + c**2)
        large, small = middle + spread, np.maximum(middle - spread, 0)
        return np.asarray(np.sqrt(1 - np.divide(small, large, out=np.ones_like(large), where=large > 0)))
