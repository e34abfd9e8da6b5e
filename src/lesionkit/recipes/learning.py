"""The trainings of a run on their way to a page, whatever the kind of image."""

from pathlib import Path

from lesionkit.recipes.base import Summary
from lesionkit.report.learning import Learning, Told, learning, write_learning_page
from lesionkit.runs.run_folder import RunFolder
from lesionkit.runs.trainings import trainings_of


def learning_of(run: Path) -> Learning:
    """The curves and the last pictures of the trainings in a run folder."""
    found = trainings_of(run)
    return learning(told_by(run), [picture for one in found for picture in one.pictures])


def told_by(run: Path) -> dict[str, Told]:
    """What each training of a run told, by its name."""
    return {one.name: one.figures for one in trainings_of(run)}


def has_only_trained(run: RunFolder) -> bool:
    """Whether a run holds trainings and has not begun to search."""
    return "find" not in run.record["stages"] and bool(trainings_of(run.path))


def report_training(run: RunFolder) -> Summary:
    """Write learning.html of a run that trained and searched nothing."""
    learned = learning_of(run.path)
    page = write_learning_page(run.path, f"Training of {run.record['recipe']}", learned)
    return Summary({"learning curves": len(learned.diagrams)}, (page,), warnings=run.warnings)
