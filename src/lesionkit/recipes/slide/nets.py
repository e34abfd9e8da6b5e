"""Which networks a run trains: one, or several members, and of cross-validation each of them once per fold."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lesionkit.recipes.slide.data import SlideSet
from lesionkit.recipes.slide.ensemble import Committee, SearchNet
from lesionkit.recipes.slide.settings import (
    SlideEnsembleSettings,
    SlideMember,
    SlideMetastasis,
    file_name,
)
from lesionkit.runs.models import MODEL_FILE

MODELS_FOLDER, TRAININGS = "models", "trainings"


@dataclass(frozen=True)
class NetPlan:
    """One network of a run.

    Attributes:
        name: "" of the only one.
        fold: that it does not learn from; "" where there is one split.
        weight: of its member, shared among the folds.
        settings: as if it were the only one.
    """

    name: str
    member: str
    fold: str
    weight: float
    settings: SlideMetastasis

    def file(self, run: Path) -> Path:
        """Its weights."""
        return run / MODELS_FOLDER / f"{file_name(self.name)}.safetensors" if self.name else run / MODEL_FILE

    def folder(self, run: Path) -> Path:
        """Its checkpoints and logs."""
        return run / TRAININGS / file_name(self.name) if self.name else run

    def called(self, what: str) -> str:
        """The name of a stage or a figure of it."""
        return f"{what} {self.name}".rstrip()


def plans_of(settings: SlideMetastasis, folds: Sequence[str] = ()) -> tuple[NetPlan, ...]:
    """The networks that a run trains, in their order.

    Args:
        folds: that are left out in turn; none where there is one split.
    """
    members = settings.members or (SlideMember(name="net", net=settings.net),)
    alone = len(members) == 1 and not folds
    plans = []
    for number, fold in enumerate(folds or ("",)):
        for member in members:
            named = [fold, member.name if settings.members else ""]
            own = _own(settings, member, share=max(len(folds), 1) * len(members))
            if fold:
                once = settings.split.model_copy(update={"every_fold": False, "fold": number})
                own = own.model_copy(update={"split": once})
            name = "" if alone else " ".join(filter(None, named))
            plans.append(NetPlan(name, member.name, fold, member.weight / max(len(folds), 1), own))
    return tuple(plans)


def folds_of(held: SlideSet | None) -> tuple[str, ...]:
    """The folds that are left out in turn; none where there is one split."""
    return held.splits.folds if held is not None else ()


def searching(plans: Sequence[NetPlan], run: Path) -> Committee:
    """Networks as those that search together."""
    return tuple(SearchNet(plan.name, plan.file(run), plan.member, plan.weight) for plan in plans)


def _own(settings: SlideMetastasis, member: SlideMember, share: int) -> SlideMetastasis:
    learn = member.learn or settings.learn
    if settings.learn.minutes is not None:
        learn = learn.model_copy(update={"minutes": settings.learn.minutes / share / (settings.mine.rounds + 1)})
    if member.seed is not None:
        learn = learn.model_copy(update={"seed": member.seed})
    changed = {"net": member.net, "learn": learn, "members": (), "ensemble": SlideEnsembleSettings()}
    return settings.model_copy(update=changed)
