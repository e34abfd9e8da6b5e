"""What every page of `lesionkit find` says, whatever the kind of image: where the line is drawn, whether scores are
probabilities, how the networks came to be, and the card of the model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from lesionkit.evaluate.points import Decision
from lesionkit.evaluate.reliability import Reliability
from lesionkit.evaluate.score import Curve
from lesionkit.report.curves import curves_svg
from lesionkit.report.learning import Learning
from lesionkit.report.render import FactGroup, Table


@dataclass(frozen=True)
class Linked:
    """A page beside this one."""

    text: str
    href: str


@dataclass(frozen=True, eq=False)
class Course:
    """How the training of a run went.

    Attributes:
        rows: per network and round its best validation, plain values.
        curves: the validated figure against steps.
        mined: pages of examples that were mined between rounds.
    """

    rows: Sequence[Mapping[str, Any]]
    curves: Sequence[Curve] = ()
    mined: Sequence[Linked] = ()

    @property
    def table(self) -> Table:
        """The rows with their columns."""
        return Table.of(self.rows)

    @property
    def plot(self) -> Markup | None:
        """The curves, where one has two points."""
        return curves_svg(self.curves) if any(len(curve.x) > 1 for curve in self.curves) else None


@dataclass(frozen=True, eq=False)
class About:
    """See above.

    Attributes:
        sentence: what came out: "3 findings at 1 false positive a scan; 97 weaker below".
        reliability: of the scores, where enough is known.
        card: what the model says of itself, see `report.model_card`.
        learned: curves and pictures of the trainings of the run.
        patients: case id -> patient's id, where somebody asked for it.
        course: of the training, where this run trained and validated.
    """

    decision: Decision = field(default_factory=Decision)
    sentence: str = ""
    reliability: Reliability | None = None
    card: tuple[FactGroup, ...] = ()
    patients: Mapping[str, str] = field(default_factory=dict)
    course: Course | None = None
    learned: Learning = field(default_factory=Learning)

    @property
    def plot(self) -> Markup | None:
        """The reliability curve."""
        return None if self.reliability is None else curves_svg(self.reliability.curves)
