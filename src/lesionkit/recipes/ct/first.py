"""Where a faster model finds something first, and what a slower one makes of it.

A detector that learned to rank what another one found looks at those places alone; others search around them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lesionkit.core.case import Case
from lesionkit.core.lesion import Candidate
from lesionkit.core.pieces import Pieces, quiet
from lesionkit.infer.join import join_candidates
from lesionkit.infer.screen import ScreenSettings, screened
from lesionkit.prepare.case import PrepareSettings, prepare_ct
from lesionkit.recipes.card import shareable
from lesionkit.recipes.ct.load import load_detectors
from lesionkit.recipes.ct.settings import NAME, CtNodule, CtSettings
from lesionkit.recipes.ensemble import model_card
from lesionkit.runs.models import chosen_model

if TYPE_CHECKING:
    from lesionkit.infer.detectors import Detector


class First:
    """The faster model of `screen.model`, ready to search; a `Detector`.

    Raises:
        LesionkitError: there is no such model, or it is of another recipe.
    """

    def __init__(self, settings: CtSettings) -> None:
        model = chosen_model(Path(str(settings.screen.model)), NAME)
        own = CtNodule.parse(shareable(CtNodule.parse(model_card(model)["settings"])))
        most = {
            "limit": max(settings.screen.most, own.infer.limit),
            "threshold": 0.0,
            "device": settings.infer.device,
            "precision": settings.infer.precision,
        }
        self.settings = own.model_copy(update={"infer": own.infer.model_copy(update=most)})
        self.detectors, self.weights, _ = load_detectors(model, self.settings)

    @property
    def prepare(self) -> PrepareSettings:
        """How it wants scans prepared."""
        return self.settings.prepare

    def find(self, case: Case, pieces: Pieces = quiet) -> list[Candidate]:
        """Candidates of a case that was prepared as it wants, strongest first."""
        found = [one.find(case, pieces) for one in self.detectors]
        return join_candidates(found, self.weights, self.settings.infer)


def found_first(native: Case, prepared: Case, settings: CtSettings) -> list[Candidate]:
    """What the faster model finds in a scan, strongest first.

    Args:
        native: the scan as read.
        prepared: as the recipe wants it; searched itself where the faster model wants the same.
    """
    first = First(settings)
    return first.find(prepared if first.prepare == settings.prepare else prepare_ct(native, first.prepare))


def looked_for(
    detector: "Detector",
    case: Case,
    first: Sequence[Candidate] | None,
    settings: ScreenSettings,
    pieces: Pieces = quiet,
) -> list[Candidate]:
    """What a detector finds in a prepared case: everywhere, or only where a faster model found something first."""
    if first is None:
        return detector.find(case, pieces)
    from lesionkit.infer.two_stage import TwoStageDetector

    if isinstance(detector, TwoStageDetector) and detector.reranks:
        return detector.rerank(case, first[: settings.most], pieces)
    return detector.find(screened(case, first, settings), pieces)
