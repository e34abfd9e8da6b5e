"""Scores what is being trained on the validation cases, and keeps every figure in the run folder."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from lesionkit.core.case import Case
from lesionkit.evaluate.score import Score
from lesionkit.infer.detectors import Detector
from lesionkit.learn.steps import Validate
from lesionkit.recipes.ct.settings import CtSettings
from lesionkit.recipes.ct.trained import validation_score
from lesionkit.recipes.ensemble import NetPlan
from lesionkit.recipes.validations import Validation, note_validation
from lesionkit.runs.run_folder import RunFolder

C = TypeVar("C", bound=CtSettings)


class Judge(Generic[C]):
    """Of one network in one round.

    Args:
        plan: of the network, with the settings of the round.
        number: of the round, from 1.
        held: the validation cases.
        tell: gets each CPM.
    """

    def __init__(
        self, run: RunFolder, plan: NetPlan[C], number: int, held: Sequence[Case], tell: Callable[[float], None]
    ) -> None:
        self.run, self.plan, self.number, self.held, self.tell = run, plan, number, held, tell
        self.scores: dict[int, Score] = {}
        self._detector: Callable[[Any], Detector] | None = None
        # Earlier sittings of an interrupted training count too.
        before = float(run.record["metrics"].get(self.called("training_s"), 0))
        self.started = time.monotonic() - before

    @property
    def seconds(self) -> int:
        """That the training of this round has taken so far."""
        return round(time.monotonic() - self.started)

    def called(self, what: str) -> str:
        """The name of a figure of this network and round; those of the first round have the network's alone."""
        return self.plan.called(what if self.number == 1 else f"{what} of round {self.number}")

    def validate(self, detector_of: Callable[[Any], Detector], step: Callable[[], int]) -> Validate:
        """What a training is given: the kept net in evaluation mode -> its figures.

        Args:
            detector_of: makes a detector of the kept net.
            step: tells after which step it is asked.
        """
        self._detector = detector_of

        def validate(kept: Any) -> Mapping[str, float]:
            return self._asked(kept, step())

        return validate

    def score_of(self, kept: Any, step: int) -> Score | None:
        """The score of what is kept in the end, asked if it is not known; None without validation cases.

        Args:
            step: after which its weights were those of the training.
        """
        if step not in self.scores:
            self._asked(kept.eval(), step)
        return self.scores.get(step)

    def _asked(self, kept: Any, step: int) -> Mapping[str, float]:
        if self._detector is None:
            raise TypeError("a recipe must give Judge.validate to its training before anything is scored")
        score = validation_score(self._detector(kept), self.held, self.plan.settings)
        if score is None:
            return {}
        self.scores[step] = score
        figure = score.figures["cpm"]
        noted = Validation(self.plan.name, self.number, step, "CPM", figure.value, figure.lower, figure.upper)
        note_validation(self.run.path, noted)
        metrics = {"validation_cpm": round(figure.value, 4), "training_s": self.seconds}
        self.run.note(**{self.called(name): value for name, value in metrics.items()})
        self.tell(figure.value)
        return {"cpm": figure.value}
