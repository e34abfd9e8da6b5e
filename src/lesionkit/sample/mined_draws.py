"""Training patches of a later round: around what a network got wrong, and for the rest as ever."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from lesionkit.sample.draw import PatchDraws, PatchKind

_SAME_PLACE_MM = 0.5


@dataclass(frozen=True, eq=False)
class MinedPlaces:
    """What is shown again, as world positions (n, 3) in mm by case id.

    Attributes:
        alarms: places of false positives.
        lesions: centres of true lesions that were missed, or found with a low score.
        alarm_share: share of the patches around `alarms`.
        lesion_share: share around `lesions`. All other patches are drawn as without mining, so that nothing is
            forgotten.
    """

    alarms: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    lesions: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    alarm_share: float = 0.3
    lesion_share: float = 0.3


class MinedDraws(PatchDraws):
    """The deck of `PatchDraws`, of which a share lies around mined places.

    A share of which there is no place is drawn as without mining.

    Args:
        mined: places in the cases; others than theirs are not looked at.
        rest: as for `PatchDraws`.
    """

    def __init__(self, *rest: Any, mined: MinedPlaces, **more: Any) -> None:
        super().__init__(*rest, hard=mined.alarms, **more)
        self.mined = mined
        self._again = [(n, k) for n, k in self._lesions if self._is_mined(n, k)]
        self._has_alarms = any(len(source.hard) for source in self.sources)

    def _is_mined(self, source: int, lesion: int) -> bool:
        case = self.sources[source].case
        places = np.asarray(self.mined.lesions.get(case.case_id, ()), dtype=float).reshape(-1, 3)
        centre = np.asarray((case.truth or ())[lesion].centre_mm)
        return bool((np.linalg.norm(places - centre, axis=1) < _SAME_PLACE_MM).any())

    def chosen_kind(self, rng: Generator) -> PatchKind:
        """What patch is drawn next: of the mined kinds by their shares, else as `PatchDraws` chooses."""
        share = rng.random()
        if share < self.mined.alarm_share:
            return "hard" if self._has_alarms else super().chosen_kind(rng)
        if share < self.mined.alarm_share + self.mined.lesion_share and self._again:
            return "again"
        return super().chosen_kind(rng)

    def lesion_again(self, rng: Generator) -> tuple[int, int]:
        """A mined lesion, each as likely as any other."""
        return self._again[int(rng.integers(len(self._again)))]
