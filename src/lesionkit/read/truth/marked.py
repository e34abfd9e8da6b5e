"""What was drawn or corrected in a viewer: lesions, and the series that they belong to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lesionkit.core.lesion import Lesion


@dataclass(frozen=True)
class Marked:
    """The lesions of one file.

    Attributes:
        series: UIDs of the series that it was drawn on; none where the file does not tell.
        notes: sentences on what was passed over.
        looked_at: whether somebody looked for lesions; not where all that was drawn is something else.
    """

    path: Path
    series: tuple[str, ...]
    lesions: tuple[Lesion, ...]
    notes: tuple[str, ...] = ()
    looked_at: bool = True


def joined(several: Iterable[Sequence[Lesion]]) -> tuple[Lesion, ...]:
    """The lesions of several files of one series: those of different files that overlap are one lesion, read twice.

    Its centre and diameter are means, its `votes` the files that have it.

    >>> one, two = Lesion((0.0, 0.0, 0.0), 10), Lesion((2.0, 0.0, 0.0), 6)
    >>> [(lesion.centre_mm, lesion.diameter_mm, lesion.facts["votes"]) for lesion in joined([[one], [two]])]
    [((1.0, 0.0, 0.0), 8.0, 2)]
    """
    groups: list[list[tuple[int, Lesion]]] = []
    for number, lesions in enumerate(several):
        for lesion in lesions:
            home = next((group for group in groups if _belongs(group, number, lesion)), None)
            if home is None:
                groups.append([(number, lesion)])
            else:
                home.append((number, lesion))
    return tuple(_mean([lesion for _, lesion in group]) for group in groups)


def _belongs(group: Sequence[tuple[int, Lesion]], number: int, lesion: Lesion) -> bool:
    """Whether another file has it: the centre of the one lies within the other."""
    if any(other == number for other, _ in group):
        return False
    return any(
        np.linalg.norm(np.subtract(one.centre_mm, lesion.centre_mm)) <= max(one.radius_mm, lesion.radius_mm)
        for _, one in group
    )


def _mean(lesions: Sequence[Lesion]) -> Lesion:
    if len(lesions) == 1:
        return lesions[0]
    centre = np.mean([lesion.centre_mm for lesion in lesions], axis=0)
    known = [lesion.diameter_mm for lesion in lesions if lesion.diameter_mm > 0]
    facts = {**lesions[0].facts, "votes": len(lesions)}
    diameter = float(np.mean(known)) if known else 0.0
    return replace(lesions[0], centre_mm=tuple(centre.tolist()), diameter_mm=diameter, facts=facts)
