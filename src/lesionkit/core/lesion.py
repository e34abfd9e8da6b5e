"""What is true (a lesion) and what is believed (a candidate)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from lesionkit.core.display import Displayed

Kind: TypeAlias = Literal["nodule", "pneumothorax", "metastasis"]


@dataclass(frozen=True)
class Lesion(Displayed):
    """A true lesion: a ball in the world.

    Attributes:
        centre_mm: world position (x, y[, z]), LPS millimetres.
        diameter_mm: 0 where it is unknown.
        lesion_id: name within its case, may be empty.
        facts: whatever else the truth says of it: `votes`, `malignancy`, `texture`, `attachment` …
    """

    centre_mm: tuple[float, ...]
    diameter_mm: float
    kind: Kind = "nodule"
    lesion_id: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def radius_mm(self) -> float:
        return self.diameter_mm / 2


@dataclass(frozen=True)
class Candidate(Displayed):
    """A proposed place; a higher score is a stronger belief.

    Attributes:
        centre_mm: world position (x, y[, z]), LPS millimetres.
        score: ranking number; a probability where the detector says so.
        diameter_mm: None where the detector does not tell.
        leaves_scan: its box reaches beyond the end of the scan, so it was judged from a part of it.
    """

    centre_mm: tuple[float, ...]
    score: float
    diameter_mm: float | None = None
    leaves_scan: bool = False
