"""What the report is told of one radiograph."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lesionkit.report.radiograph_picture import FoundPixels


@dataclass(frozen=True, eq=False)
class FoundRadiograph:
    """One radiograph with what was found on it.

    Attributes:
        case_id: unique in the report.
        read: gives its samples; called once, while its pictures are made.
        score: what ranks the radiographs and decides, 0..1.
        p_nonempty: probability that there is a lesion at all; None where no image head says so.
        decided: whether it is held to be positive; None where nothing decides, and radiographs are only ranked.
        area_share: of the image that the found mask takes.
        truth_known: whether somebody looked; then `read` gives the truth.
        dice: of the found mask; None where it is not known or is to be counted here.
        facts: what else to say; "warnings" is a list of sentences.
    """

    case_id: str
    read: Callable[[], FoundPixels]
    score: float
    p_nonempty: float | None
    decided: bool | None
    area_share: float
    truth_known: bool
    dice: float | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def positive(self) -> bool:
        """Whether it is shown as positive; where nothing decides, whether something is outlined."""
        return self.area_share > 0 if self.decided is None else self.decided

    @property
    def badge(self) -> str:
        """The word for that."""
        if self.decided is None:
            return "outlined" if self.positive else "not outlined"
        return "positive" if self.positive else "negative"
