"""How far readers agree: who says what of which place, of images that all of them looked through."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lesionkit.review.consensus import Judged, judged_of
from lesionkit.review.decision import Reading
from lesionkit.review.finding import Finding


@dataclass(frozen=True)
class Compared:
    """A place of an image with the answers of the readers, on which at least one of them decided."""

    case_id: str
    judged: Judged


def compared(
    by_case: Mapping[str, tuple[Sequence[Reading], Sequence[Finding]]], line: float | None, reach_mm: float
) -> tuple[list[str], list[Compared]]:
    """The readers who looked through an image in common, and every place of these images that one of them decided on.

    A place that nobody decided on tells nothing of agreement, for there are as many as a detector lists.

    Args:
        by_case: readings and findings by case id.
        line, reach_mm: see `truth_of`.

    Returns:
        All readers who are done with any image, by name; and the places of images that all of these are done with.
    """
    finished = {case: [one for one in own if one.done] for case, (own, _) in by_case.items()}
    readers = sorted({one.reader for own in finished.values() for one in own})
    places = [
        Compared(case, judged)
        for case, own in finished.items()
        if len(own) == len(readers)
        for judged in judged_of(sorted(own, key=lambda one: one.reader), by_case[case][1], line, reach_mm)
        if judged.decided
    ]
    return readers, places
