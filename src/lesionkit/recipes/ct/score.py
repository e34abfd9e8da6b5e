"""Candidates and truth of prepared cases -> a LUNA16 score."""

from collections.abc import Mapping, Sequence

import pandas as pd

from lesionkit.core.case import Case
from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.evaluate.luna16 import score_luna16
from lesionkit.evaluate.luna16_match import Luna16Settings
from lesionkit.evaluate.score import Score

_PLACE = ["seriesuid", "coordX", "coordY", "coordZ"]


def score_cases(cases: Sequence[Case], found: Mapping[str, Sequence[Candidate]], settings: Luna16Settings) -> Score:
    """Score what was found in cases whose truth is known; cases without truth are left out of everything."""
    known = [case for case in cases if case.truth is not None]
    rows = [(c.case_id, *k.centre_mm, k.score) for c in known for k in found.get(c.case_id, ())]
    marks = pd.DataFrame(rows, columns=[*_PLACE, "probability"])
    return score_luna16(
        marks,
        lesion_table({case.case_id: case.truth or () for case in known}),
        lesion_table({case.case_id: case.excluded for case in known}),
        [case.case_id for case in known],
        settings,
    )


def lesion_table(lesions: Mapping[str, Sequence[Lesion]]) -> pd.DataFrame:
    """Lesions in LUNA16's columns with their plain facts (texture, attachment, votes) as further ones."""
    rows = [
        {
            **dict(zip(_PLACE, (case_id, *lesion.centre_mm), strict=True)),
            "diameter_mm": lesion.diameter_mm if lesion.diameter_mm > 0 else -1.0,
            **{name: value for name, value in lesion.facts.items() if isinstance(value, str | int | float)},
        }
        for case_id, several in lesions.items()
        for lesion in several
    ]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=[*_PLACE, "diameter_mm"])
