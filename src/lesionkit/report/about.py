"""What every page of `lesionkit find` says, whatever the kind of image: where the line is drawn, whether scores are
probabilities, and the card of the model."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from markupsafe import Markup

from lesionkit.evaluate.points import Decision
from lesionkit.evaluate.reliability import Reliability
from lesionkit.report.curves import curves_svg
from lesionkit.report.render import FactGroup


@dataclass(frozen=True, eq=False)
class About:
    """See above.

    Attributes:
        sentence: what came out: "3 findings at 1 false positive a scan; 97 weaker below".
        reliability: of the scores, where enough is known.
        card: what the model says of itself, see `report.model_card`.
        patients: case id -> patient's id, where somebody asked for it.
    """

    decision: Decision = field(default_factory=Decision)
    sentence: str = ""
    reliability: Reliability | None = None
    card: tuple[FactGroup, ...] = ()
    patients: Mapping[str, str] = field(default_factory=dict)

    @property
    def plot(self) -> Markup | None:
        """The reliability curve."""
        return None if self.reliability is None else curves_svg(self.reliability.curves)
