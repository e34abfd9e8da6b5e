"""How the region proposal network is trained."""

from typing import Literal

from pydantic import Field, field_validator

from lesionkit.core.settings import Settings
from lesionkit.learn.detection_settings import RoundsLearnSettings


class RpnRule(Settings):
    """Which anchors are learned as what, and what their mistakes weigh."""

    positives: Literal["one", "each", "all"] = "one"
    """Which anchors that fit are learned: of each crop one, drawn at random (row 2.27), one of each of its lesions, or
    all."""
    positive_iou: float = Field(0.5, gt=0, le=1)
    """Overlap from which an anchor fits; of a lesion that none fits, the one of the nearest size in the nearest cell
    does. 1: always that one (row 2.27)."""
    ignored_iou: float = Field(0.02, gt=0, le=1)
    """Overlap with any lesion from which an anchor that does not fit is not learned (row 2.28)."""
    negatives: int = Field(800, ge=1)
    """So many of a crop's other anchors, drawn at random, can be learned as holding nothing (row 2.29)."""
    hard: int = Field(5, ge=0)
    """Of those of all crops of a batch, so many times the crops are learned: what is most believed in; 0: all
    (row 2.30)."""
    loss: Literal["parts", "pooled"] = "parts"
    """The parts of the loss each divided by its own count (row 2.31), or all by one count."""
    weights: tuple[float, float, float] = (0.5, 0.5, 1.0)
    """Of what holds a lesion, of what holds none, and of the boxes; the variant "johnny" is (0.5, 0.05, 0.05)."""
    focus: float = Field(0.0, ge=0)
    """Mistakes weigh (1 - p)^focus more, p being the belief in what is true; 0: all alike (row 2.33)."""

    @field_validator("weights")
    @classmethod
    def _weights_are_not_negative(cls, value: tuple[float, float, float]) -> tuple[float, float, float]:
        if min(value) < 0 or max(value) == 0:
            raise ValueError("weights must be 0 or more, one of them above 0")
        return value


class RpnLearnSettings(RoundsLearnSettings):
    """How its weights are found; system 2 has SGD at 0.01 for 70 000 steps of one crop (row 2.35)."""

    batch: int = Field(4, ge=1)
    """Crops per step."""
    keep: Literal["last", "best"] = "best"
    """Which weights stay: those at the end, or those that were best on validation (row 2.36)."""
    rule: RpnRule = RpnRule()
    last_focus: float = Field(2.0, ge=0)
    """`rule.focus` of the last of several rounds (row 2.33)."""
    curriculum: tuple[tuple[int, float], ...] = ()
    """Crops that grow while it learns: pairs of side and share of the steps, such as [[32, 0.25], [64, 0.25],
    [96, 0.25], [128, 0.25]], each starting from the weights before it (row 2.34); none: `sample.patch` from the
    start."""

    @field_validator("curriculum")
    @classmethod
    def _crops_fit(cls, value: tuple[tuple[int, float], ...]) -> tuple[tuple[int, float], ...]:
        for side, share in value:
            if side < 32 or side % 16:
                raise ValueError(f"a crop of the curriculum has a side of at least 32 and a multiple of 16, not {side}")
            if share <= 0:
                raise ValueError(f"a crop of the curriculum has a share above 0, not {share:g}")
        return value

    def parts(self, side: int) -> tuple[tuple[int, "RpnLearnSettings"], ...]:
        """Side of the crops and settings of each training that follows from the one before.

        Args:
            side: of crops where there is no curriculum.

        >>> [(side, part.steps) for side, part in RpnLearnSettings(steps=100, curriculum=[(32, 1), (64, 3)]).parts(96)]
        [(32, 25), (64, 75)]
        """
        if not self.curriculum:
            return ((side, self),)
        whole = sum(share for _, share in self.curriculum)
        made = []
        for own, share in self.curriculum:
            changed: dict[str, object] = {"steps": max(1, round(self.steps * share / whole)), "curriculum": ()}
            if self.minutes is not None:
                changed["minutes"] = self.minutes * share / whole
            made.append((own, self.model_copy(update=changed)))
        return tuple(made)
