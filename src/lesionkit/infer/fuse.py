"""One prediction of many: the mean over folds, checkpoints and mirrored images."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.segmenter import Segmenter


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


@torch.inference_mode()
def predict(
    net: Segmenter, image: NDArray[np.float32], flip: bool = True, precision: Literal["fp32", "bf16"] = "fp32"
) -> Prediction:
    """One network on one image (y, x) with grey values 0..1; the sides are multiples of 32.

    The network is used as it is: call `eval()` on it before.

    Args:
        flip: average with the image mirrored left to right, as four of the five winners did (rows 3.24, 3.88, 3.109);
            both go through the network in one batch.
        precision: bf16 computes in autocast; probabilities are float32 all the same.
    """
    device = next(net.parameters()).device
    batch = torch.from_numpy(np.ascontiguousarray(image, np.float32)).to(device)[None, None]
    if flip:
        batch = torch.cat([batch, batch.flip(3)])
    batch = batch.contiguous(memory_format=torch.channels_last)
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
        output = net(batch)
    probability = output.mask[:, 0].float().sigmoid()  # b y x
    if flip:
        probability[1] = probability[1].flip(1)
    head = None if output.nonempty is None else float(output.nonempty.float().sigmoid().mean())
    return Prediction(probability.mean(dim=0).cpu().numpy(), head)


def predict_all(
    nets: Iterable[tuple[Segmenter, float]], images: Sequence[NDArray[np.float32]], flip: bool = True
) -> list[Prediction]:
    """The mean prediction of several networks per image: folds × checkpoints × flip (rows 3.23, 3.66, 3.88).

    Args:
        nets: in evaluation mode, each with its weight: 1 for an even mean, or for example 0.4, 0.2, 0.2, 0.2 as the
            first place weighed its four (row 3.11). They are asked for one at a time, so they may be loaded lazily.
        images: (y, x) each; sizes may differ.

    Raises:
        LesionkitError: no network, or a weight that is not positive.
    """
    means = [RunningMean() for _ in images]
    for net, weight in nets:
        for mean, image in zip(means, images, strict=True):
            mean.add(predict(net, image, flip), weight)
    return [mean.prediction for mean in means]
