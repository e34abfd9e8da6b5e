"""Which images an epoch shows where most are empty: the share of positives as a schedule, negatives drawn anew."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings


class BalanceSettings(Settings):
    """The share of positive images in an epoch, and how it is met."""

    knots: tuple[tuple[int, float], ...] = ((0, 0.8),)
    """(epoch, share of positives) in ascending epochs, the first at 0. A share of 1 shows positives only."""
    between: Literal["steps", "linear"] = "steps"
    """Keep a knot's share until the next one, or move to it in a straight line; the last share stays."""
    draw: Literal["negatives", "both"] = "negatives"
    """Show every positive once and draw negatives to match, or draw both, at random and with replacement, so that
    the share is met in expectation and an epoch has as many images as the data set."""
    replacement: bool = True
    """Draw negatives with replacement, as published; else each is seen once before any is seen twice."""
    passes: int = Field(1, ge=1)
    """How many times over the epoch is drawn."""

    @model_validator(mode="after")
    def _knots_ascend(self) -> "BalanceSettings":
        epochs = [epoch for epoch, _ in self.knots]
        if not epochs or epochs[0] != 0 or sorted(set(epochs)) != epochs:
            raise LesionkitError(f"knots must start at epoch 0 and ascend, got epochs {epochs}; sort them")
        wrong = [share for _, share in self.knots if not 0 < share <= 1]
        if wrong:
            raise LesionkitError(f"a share of positives must lie above 0 and at most at 1, got {wrong[0]}")
        return self

    def share(self, epoch: int) -> float:
        """The share of positives in an epoch, counted from 0.

        >>> BalanceSettings(knots=((0, 0.8), (60, 0.22)), between="linear").share(30)
        0.51
        """
        epochs, shares = zip(*self.knots, strict=True)
        if self.between == "linear":
            return float(np.interp(epoch, epochs, shares))
        return float(shares[int(np.searchsorted(epochs, epoch, side="right")) - 1])


POSITIVES_ONLY = BalanceSettings(knots=((0, 1.0),))
"""What the segmenters of the second place saw (row 3.35)."""
HALF = BalanceSettings(knots=((0, 0.5),), draw="both")

BALANCES: Mapping[str, BalanceSettings] = MappingProxyType(
    {
        "1st part 0": BalanceSettings(knots=((0, 0.8),)),
        "1st part 1": BalanceSettings(knots=((0, 0.6),)),
        "1st part 2": BalanceSettings(knots=((0, 0.4),)),
        "1st 2nd stage": BalanceSettings(knots=((0, 0.5),)),
        "2nd": POSITIVES_ONLY,
        "3rd": HALF.model_copy(update={"passes": 3}),
        "4th": BalanceSettings(knots=((0, 0.8), (60, 0.22)), between="linear"),
        "5th": HALF,
    }
)
"""As the five best of SIIM-ACR drew (rows 3.14, 3.15, 3.35, 3.51, 3.54, 3.86, 3.104)."""


def draw_epoch(positive: ArrayLike, epoch: int, settings: BalanceSettings, rng: Generator) -> NDArray[np.int64]:
    """Numbers of the images of one epoch, shuffled; pass the same generator on for the next epoch's other negatives.

    Args:
        positive: (n,) which images hold a lesion.
        epoch: counted from 0.

    Raises:
        LesionkitError: there is no positive image, or no negative one and the share asks for some.

    >>> drawn = draw_epoch([True, False, False, False], 0, BalanceSettings(knots=((0, 0.5),)), np.random.default_rng(0))
    >>> len(drawn), int((drawn == 0).sum())
    (2, 1)
    """
    inside = np.asarray(positive, bool)
    positives, negatives = np.flatnonzero(inside), np.flatnonzero(~inside)
    share = settings.share(epoch)
    if not len(positives) or (share < 1 and not len(negatives)):
        raise LesionkitError(
            f"a share of {share:g} positives needs images of both kinds, got {len(positives)} positive and "
            f"{len(negatives)} negative ones; check the truth, or set the share to 1 for positives only"
        )
    rounds = []
    for _ in range(settings.passes):
        if settings.draw == "both":
            count = int(rng.binomial(len(inside), share))
            rounds += [rng.choice(positives, count), _negatives(negatives, len(inside) - count, True, rng)]
        else:
            rounds += [positives, _negatives(negatives, n_negatives(len(positives), share), settings.replacement, rng)]
    return rng.permutation(np.concatenate(rounds))


def n_negatives(n_positives: int, share: float) -> int:
    """How many negatives make the given share of positives: ⌊P (1 − r) / r⌋ (rows 3.14 and 3.86).

    >>> n_negatives(4, 0.8), n_negatives(2379, 0.22)
    (1, 8434)
    """
    # In floating point 4 · 0.2 / 0.8 is a little below 1, which must not round down to 0.
    return int(np.floor(n_positives * (1 - share) / share + 1e-9))


def _negatives(negatives: NDArray[np.int64], count: int, replacement: bool, rng: Generator) -> NDArray[np.int64]:
    if not count:
        return negatives[:0]
    if replacement:
        return rng.choice(negatives, count)
    whole, rest = divmod(count, len(negatives))
    return np.concatenate([np.tile(negatives, whole), rng.choice(negatives, rest, replace=False)])
