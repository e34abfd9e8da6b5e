"""One prediction of many: the mean over folds, checkpoints and networks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError


@dataclass(frozen=True, eq=False)
class Prediction:
    """What one network, or the mean of several, says about one image.

    Attributes:
        probability: float32 (y, x) in 0..1 of the lesion.
        p_nonempty: probability that the image holds a lesion at all, or None where no image head says so.
    """

    probability: NDArray[np.float32]
    p_nonempty: float | None


class RunningMean:
    """The weighted mean of the predictions of one image, which are not kept.

    >>> mean = RunningMean()
    >>> mean.add(Prediction(np.zeros((1, 1), np.float32), 0.2))
    >>> mean.add(Prediction(np.ones((1, 1), np.float32), 0.8), weight=3)
    >>> float(mean.prediction.probability[0, 0]), round(mean.prediction.p_nonempty, 3)
    (0.75, 0.65)
    """

    def __init__(self) -> None:
        self._sum: NDArray[np.float64] | None = None
        self._weight = self._head_sum = self._head_weight = 0.0

    def add(self, prediction: Prediction, weight: float = 1.0) -> None:
        """Take one more prediction in; those without an image head take no part in the mean of `p_nonempty`.

        Raises:
            LesionkitError: another size than before, or a weight that is not positive.
        """
        if not weight > 0:
            raise LesionkitError(f"the weight of a prediction must be positive, got {weight:g}; leave it out instead")
        part = prediction.probability.astype(np.float64) * weight
        if self._sum is not None and self._sum.shape != part.shape:
            raise LesionkitError(
                f"predictions of one image must have one size, got {part.shape} after {self._sum.shape}; resize them "
                "to the scored one first"
            )
        self._sum = part if self._sum is None else self._sum + part
        self._weight += weight
        if prediction.p_nonempty is not None:
            self._head_sum += prediction.p_nonempty * weight
            self._head_weight += weight

    @property
    def prediction(self) -> Prediction:
        """The mean of those taken in.

        Raises:
            LesionkitError: there is none yet.
        """
        if self._sum is None:
            raise LesionkitError("a mean needs at least one prediction, got none; was the list of networks empty?")
        mean = (self._sum / self._weight).astype(np.float32)
        return Prediction(mean, self._head_sum / self._head_weight if self._head_weight else None)
