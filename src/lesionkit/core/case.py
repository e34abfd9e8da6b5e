"""The unit that is scored: one CT series, one radiograph, one slide."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lesionkit.core.display import Displayed
from lesionkit.core.image import Image
from lesionkit.core.lesion import Lesion


@dataclass(frozen=True, eq=False)
class Case(Displayed):
    """One image with what is known about it.

    Attributes:
        case_id: unique in its data set; a CT series is named by its series UID.
        patient_id: the unit of splits; one patient is never on both sides.
        truth: the lesions; None where nobody looked, empty where somebody looked and found none.
        excluded: findings that count neither as hit nor as false positive, and take no part in any loss.
        regions: masks and label maps on the grid of `image`, by name: "lung", "body".
        facts: what a stage or a reader wants to tell later ones: "kernel", "slice_thickness_mm", "warnings" …;
            values are what JSON can hold.
    """

    case_id: str
    patient_id: str
    image: Image
    truth: tuple[Lesion, ...] | None = None
    excluded: tuple[Lesion, ...] = ()
    regions: Mapping[str, Image] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
