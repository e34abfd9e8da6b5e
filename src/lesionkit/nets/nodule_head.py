"""The one-stage nodule head: lesions to target maps and back, in one class."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

CHANNELS = 5
"""logit, offset z, offset y, offset x, log diameter."""


@dataclass(frozen=True)
class HeadTarget:
    """What the head should say of one patch; arrays over the output cells (z, y, x).

    Attributes:
        heat: float32 (z, y, x) in 0..1; exactly 1 at the cell of each lesion's centre, a Gaussian around it.
        regression: float32 (4, z, y, x): offset z, y, x in cells and log(diameter / reference).
        inside: bool (z, y, x), cells whose regression counts.
        ignored: bool (z, y, x), cells that take no part in any loss.
    """

    heat: NDArray[np.float32]
    regression: NDArray[np.float32]
    inside: NDArray[np.bool_]
    ignored: NDArray[np.bool_]


@dataclass(frozen=True)
class NoduleHead:
    """Encodes balls into output maps at a stride and decodes maps into balls.

    A cell of index c covers input samples `stride * c` … `stride * c + stride - 1`; its centre is at sample
    `stride * (c + 0.5) - 0.5`. Law: decoding the encoding of lesions in different cells that are no nearer than two
    cells to each other gives the lesions back. Follows the centre-point formulation of Zhou et al., "Objects as
    Points" (2019), in three dimensions with a diameter in place of a box.

    Attributes:
        stride: input samples per output cell and axis.
        reference_samples: the diameter whose logarithm is encoded as 0.
    """

    stride: int = 4
    reference_samples: float = 8.0

    def encode(
        self, shape: tuple[int, int, int], balls: NDArray[np.float64], ignored: NDArray[np.float64]
    ) -> HeadTarget:
        """Target maps of a patch.

        Args:
            shape: of the patch in samples (z, y, x), multiples of the stride.
            balls: (n, 4) centre z, y, x and diameter in samples.
            ignored: (m, 4) balls inside which nothing is learned, likewise.
        """
        cells = tuple(side // self.stride for side in shape)
        axes = [self.stride * (np.arange(n) + 0.5) - 0.5 for n in cells]
        heat = np.zeros(cells, np.float32)
        regression = np.zeros((4, *cells), np.float32)
        inside = np.zeros(cells, bool)
        nearest = np.full(cells, np.inf)
        for z, y, x, diameter in balls:
            offsets = [axis - c for axis, c in zip(axes, (z, y, x), strict=True)]
            squared = sum(o**2 for o in np.ix_(*offsets))
            own = tuple(int(np.argmin(np.abs(o))) for o in offsets)
            sigma = max(0.6 * self.stride, diameter / 5)
            np.maximum(heat, np.exp(-squared / (2 * sigma**2)), out=heat)
            if all(np.abs(o).min() <= self.stride / 2 + 1e-9 for o in offsets):
                heat[own] = 1.0
            reach = squared <= max(0.75 * self.stride, diameter / 4) ** 2
            reach[own] |= heat[own] == 1.0
            near = reach & (squared < nearest)
            nearest[near] = squared[near]
            inside |= near
            for channel, offset in enumerate(np.broadcast_arrays(*np.ix_(*offsets))):
                regression[channel][near] = -offset[near] / self.stride
            regression[3][near] = np.log(diameter / self.reference_samples)
        hidden = np.zeros(cells, bool)
        for z, y, x, diameter in ignored:
            squared = sum(o**2 for o in np.ix_(*(axis - c for axis, c in zip(axes, (z, y, x), strict=True))))
            hidden |= squared <= (diameter / 2 + self.stride / 2) ** 2
        hidden &= heat < 0.5
        return HeadTarget(heat, regression, inside, hidden)

    def as_output(self, target: HeadTarget) -> Tensor:
        """The output maps (5, z, y, x) that say exactly the target: the inverse partner of `decode` in tests."""
        heat = torch.from_numpy(target.heat).clamp(1e-6, 1 - 1e-6)
        return torch.cat([torch.logit(heat)[None], torch.from_numpy(target.regression)])

    def decode(self, output: Tensor, threshold: float = 0.05, limit: int = 1000) -> NDArray[np.float64]:
        """Balls of output maps, strongest first.

        Args:
            output: (5, z, y, x) raw maps of one patch or volume.
            threshold: lowest probability of a peak.
            limit: at most so many peaks.

        Returns:
            (k, 5) probability, centre z, y, x and diameter in samples.
        """
        probability = output[0].float().sigmoid()
        highest = functional.max_pool3d(probability[None, None], 3, stride=1, padding=1)[0, 0]
        peaks = torch.nonzero((probability == highest) & (probability >= threshold))
        scores = probability[tuple(peaks.T)]
        order = torch.argsort(scores, descending=True, stable=True)[:limit]
        peaks, scores = peaks[order], scores[order]
        values = output[1:, peaks[:, 0], peaks[:, 1], peaks[:, 2]].float()
        centre = (peaks.T + 0.5 + values[:3].clamp(-2, 2)) * self.stride - 0.5
        diameter = values[3].clamp(-3, 3).exp() * self.reference_samples
        balls: NDArray[np.float64] = torch.cat([scores[None], centre, diameter[None]]).T.double().cpu().numpy()
        return balls
