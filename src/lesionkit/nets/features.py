"""What a deep layer of a network says while it searches: kept as it runs, so that nothing is computed twice."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

_LEAST_HELD = 0.5


class FeatureTap:
    """Gathers the features of one image while a network searches it, as means over blocks.

    Made once per network, which tells what it sees by its method `tap_features`; of one without, nothing is gathered.
    Between two calls of `keep` the first maps count: those of mirrored repetitions do not.
    """

    def __init__(self, net: Any) -> None:
        self._maps: Tensor | None = None
        self._rows: list[NDArray[np.float32]] = []
        self._counts: list[int] = []
        tap = getattr(net, "tap_features", None)
        if tap is not None:
            tap(self._see)

    def _see(self, maps: Tensor) -> None:
        if self._maps is None:
            self._maps = maps.detach()

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the maps seen last, without batch and channels; () where there are none."""
        return () if self._maps is None else tuple(self._maps.shape[2:])

    def keep(self, held: NDArray[np.bool_] | None = None, side: int | None = None) -> None:
        """Keep what the maps seen last say.

        Args:
            held: of the shape of the maps, which places count; None for all.
            side: of blocks, in places; None for one block that is the whole.
        """
        maps, self._maps = self._maps, None
        if maps is None or (held is not None and not held.any()):
            return
        rows = block_means(maps, held, side)
        self._rows.append(rows)
        places = int(np.prod(maps.shape[2:])) if held is None else int(held.sum())
        self._counts += [places if side is None else 1] * len(rows)

    def blocks(self) -> NDArray[np.float32]:
        """All that was kept, (k, c), and begin anew; k is 0 where nothing was."""
        rows, self._rows, self._counts, self._maps = self._rows, [], [], None
        return np.concatenate(rows) if rows else np.zeros((0, 0), np.float32)

    def mean(self) -> NDArray[np.float32]:
        """The mean over all places that were kept, (1, c), and begin anew; (0, c) where none was."""
        counts = np.array(self._counts, np.float64)
        rows = self.blocks()
        return np.average(rows, axis=0, weights=counts)[None].astype(np.float32) if len(rows) else rows


def block_means(maps: Tensor, held: NDArray[np.bool_] | None, side: int | None) -> NDArray[np.float32]:
    """Means over blocks (k, c) of maps (b, c, …) with two or three axes; over those of which at least half counts.

    >>> maps = torch.arange(8.0).reshape(1, 1, 2, 4)
    >>> block_means(maps, None, 2).tolist(), block_means(maps, np.eye(2, 4, dtype=bool), None).tolist()
    ([[2.5], [4.5]], [[2.5]])
    """
    shape = maps.shape[2:]
    counted = np.ones(shape, np.float32) if held is None else held.astype(np.float32)
    weights = torch.from_numpy(counted).to(maps.device)[None, None]
    weighed = maps.float() * weights
    if side is None:
        means = weighed.flatten(2).sum(2) / weights.sum()
        return np.asarray(means.cpu().numpy(), np.float32)
    pad = [n for size in reversed(shape) for n in (0, -size % side)]
    pool = functional.avg_pool3d if len(shape) == 3 else functional.avg_pool2d
    shares, sums = (pool(functional.pad(part, pad), side) for part in (weights, weighed))
    kept = (shares[0, 0] >= _LEAST_HELD).expand(len(maps), *shares.shape[2:])
    means = (sums / shares.clamp(min=1e-6)).movedim(1, -1)[kept]
    return np.asarray(means.cpu().numpy(), np.float32)
