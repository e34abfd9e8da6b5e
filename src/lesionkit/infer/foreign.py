"""How far an image lies from those that a network learned from, by what the network itself sees in both.

The deep features of a network, as means over blocks of an image, are spread in some way over the images it learned
from: around one centre, or two where synthetic and real images lie apart. How far those of another image lie outside is
their Mahalanobis distance to the nearer centre, with a shrunk covariance (Ledoit and Wolf 2004; Lee et al. 2018 tell
foreign images by the same distance). It is compared with the distances of images that were left out in turn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError

QUANTILE = 0.99
"""Of left-out images, so many lie within the limit; what lies beyond it is warned of."""
FAR = 2.5
"""What lies beyond so many times the limit is refused."""
LEAST_IMAGES = 3
_LEAST_GROUP = 8
_MOST_ROWS, _FOLDS = 64, 5
_MEANS, _WHITENINGS, _LIMIT = "foreign.means", "foreign.whitenings", "foreign.limit"


@dataclass(frozen=True, eq=False)
class Familiar:
    """How the features of the images that a network learned from are spread.

    Attributes:
        means: (g, c), of each of one or two groups of images.
        whitenings: (g, c, c): features minus the mean, times it, have a spread of 1 along every axis.
        limit: the distance that `QUANTILE` of left-out images do not exceed.
    """

    means: NDArray[np.float32]
    whitenings: NDArray[np.float32]
    limit: float

    def distance(self, rows: NDArray[np.float32]) -> float:
        """How far an image lies from the nearer group: of its blocks the median; about 1 is usual.

        Args:
            rows: features of its blocks (k, c), k at least 1.
        """
        whitened = np.einsum("gkc,gcd->gkd", rows[None] - self.means[:, None], self.whitenings)
        return float(np.median(np.sqrt((whitened**2).mean(axis=2)).min(axis=0)))

    def unlikeness(self, rows: NDArray[np.float32]) -> float:
        """The distance as a multiple of the limit: above 1 is warned of, above `FAR` refused.

        Infinite where it is not finite.

        Raises:
            ValueError: features of another network.
        """
        if rows.shape[1:] != self.means.shape[1:]:
            raise ValueError(f"{self.means.shape[1]} features are expected and the network has {rows.shape[1]}")
        value = self.distance(rows) / self.limit
        return value if np.isfinite(value) else float("inf")

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As plain arrays by name. Inverse of `of_arrays`."""
        return {_MEANS: self.means, _WHITENINGS: self.whitenings, _LIMIT: np.array([self.limit], np.float32)}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """From plain arrays by name.

        Raises:
            ValueError: they are missing, not finite, or of shapes that do not belong together.
        """
        if not {_MEANS, _WHITENINGS, _LIMIT} <= arrays.keys():
            raise ValueError("arrays are missing")
        means, whitenings, limit = arrays[_MEANS], arrays[_WHITENINGS], arrays[_LIMIT]
        if means.ndim != 2 or whitenings.shape != (*means.shape, means.shape[-1]) or limit.shape != (1,):
            raise ValueError(f"shapes {means.shape}, {whitenings.shape} and {limit.shape} do not belong together")
        if not all(np.isfinite(one).all() for one in (means, whitenings, limit)) or limit[0] <= 0:
            raise ValueError("numbers are not finite")
        return cls(means, whitenings, float(limit[0]))


def learn_familiar(images: Sequence[NDArray[np.float32]]) -> Familiar:
    """How features of images are spread, and how far images lie that are left out, a fifth of them in turn.

    Args:
        images: features of each one's blocks (k, c); of a large image `_MOST_ROWS` count, evenly spaced.

    Raises:
        LesionkitError: too few images, or features that are not finite.
    """
    held = [_some(rows) for rows in images if len(rows)]
    if len(held) < LEAST_IMAGES:
        raise LesionkitError(
            f"to tell foreign images, {LEAST_IMAGES} or more that the model learned from are needed, got {len(held)}"
        )
    if not all(np.isfinite(rows).all() for rows in held):
        raise LesionkitError("the features of images that the model learned from must be finite; train it again")
    # Shuffled, so that no fold is one source of images.
    order = np.random.default_rng(0).permutation(len(held))
    folds, left_out = min(_FOLDS, len(held)), list[float]()
    for fold in range(folds):
        others = _spread([held[n] for place, n in enumerate(order) if place % folds != fold])
        left_out += [others.distance(held[n]) for n in order[fold::folds]]
    whole = _spread(held)
    return Familiar(whole.means, whole.whitenings, float(np.quantile(left_out, QUANTILE)))


def _spread(images: Sequence[NDArray[np.float32]]) -> Familiar:
    """Centres and whitenings of one or two groups of images; without a limit."""
    means, whitenings = zip(*(_gaussian(np.concatenate(group)) for group in _groups(images)), strict=True)
    return Familiar(np.stack(means).astype(np.float32), np.stack(whitenings).astype(np.float32), 1.0)


def _groups(images: Sequence[NDArray[np.float32]]) -> list[list[NDArray[np.float32]]]:
    """The images in two groups that lie apart, as synthetic and real ones do; in one where a group would be small."""
    # Only here, so that a search does not load it.
    from sklearn.cluster import KMeans

    means = np.array([rows.mean(axis=0, dtype=np.float64) for rows in images])
    scaled = means / (np.concatenate(images).std(axis=0, dtype=np.float64) + 1e-6)
    if len(np.unique(scaled, axis=0)) < 2:
        return [list(images)]
    labels = KMeans(2, n_init=4, random_state=0).fit_predict(scaled)
    if min(np.bincount(labels, minlength=2)) < _LEAST_GROUP:
        return [list(images)]
    return [[rows for rows, label in zip(images, labels, strict=True) if label == group] for group in (0, 1)]


def _gaussian(rows: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and whitening of rows."""
    from sklearn.covariance import LedoitWolf

    fitted = LedoitWolf().fit(rows.astype(np.float64))
    covariance = fitted.covariance_
    # Channels that say the same of every image have no spread.
    floor = 1e-4 * float(np.trace(covariance)) / len(covariance) + 1e-12
    return fitted.location_, np.linalg.cholesky(np.linalg.inv(covariance + floor * np.eye(len(covariance))))


def _some(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return rows if len(rows) <= _MOST_ROWS else rows[np.linspace(0, len(rows) - 1, _MOST_ROWS).round().astype(int)]
