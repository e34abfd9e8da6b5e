"""Which of the series of a folder to read."""

import re
from collections.abc import Sequence

import numpy as np

from lesionkit.core.errors import LesionkitError
from lesionkit.read.dicom.header import Header
from lesionkit.read.dicom.series import SeriesInfo, normal_of
from lesionkit.read.options import MIN_SLICES

_CHEST = re.compile(r"chest|thora|lung|pulm|torax", re.I)
_ELSEWHERE = re.compile(r"head|brain|skull|neck|abdom|pelvi|extremit|knee|foot|spine|sinus", re.I)


def choose_series(series: Sequence[SeriesInfo], wanted: str | None = None) -> SeriesInfo:
    """The series to read.

    The rule: PET, localisers, dose reports and screenshots never; among CT volumes first those of at least ten slices,
    then those whose body part or description speaks of the chest before unnamed ones and those of other parts last,
    then axial before reformatted, original before derived, then the one with most slices, the thinner, the lower
    series number.

    Args:
        wanted: a UID, the name of a scan, a unique ending of a UID, or a series number; overrides the rule.

    Raises:
        LesionkitError: there is no CT volume, or `wanted` names none or several.
    """
    if wanted is not None:
        return _named(series, wanted)
    usable = [s for s in series if s.skipped is None]
    if not usable:
        if not series:
            raise LesionkitError("the folder holds no DICOM image; give a folder with the slices of one CT series")
        raise LesionkitError(f"the folder holds no CT series to read, only {_lines(series)}; give a chest CT")
    return min(usable, key=_rank)


def _named(series: Sequence[SeriesInfo], wanted: str) -> SeriesInfo:
    for found in (
        [s for s in series if wanted in (s.case_id, s.name)],
        [s for s in series if s.uid == wanted],
        [s for s in series if s.number is not None and str(s.number) == wanted],
        [s for s in series if s.uid.endswith(wanted)],
    ):
        found = found if len({s.case_id for s in found}) > 1 else sorted(found, key=_rank)[:1]
        if len(found) > 1:
            raise LesionkitError(f"series '{wanted}' fits {len(found)} series; give more of the UID of {_lines(found)}")
        if found and found[0].skipped:
            raise LesionkitError(
                f"series '{wanted}' is no CT volume: {found[0].skipped}; choose one of {_lines(series)}"
            )
        if found:
            return found[0]
    raise LesionkitError(f"there is no series '{wanted}'; choose one of {_lines(series)}")


def _lines(series: Sequence[SeriesInfo], most: int = 5) -> str:
    more = [f"and {len(series) - most} more series"] if len(series) > most else []
    return "; ".join([*map(str, series[:most]), *more])


def _rank(series: SeriesInfo) -> tuple[bool, int, bool, bool, int, float, float, str]:
    first = series.headers[0] if series.headers else None
    return (
        series.slices < MIN_SLICES,
        _away_from_chest(series),
        first is None or not _is_axial(first),
        first is None or "ORIGINAL" not in first.image_type,
        -series.slices,
        series.spacing_mm[0] if series.spacing_mm else np.inf,
        series.number if series.number is not None else np.inf,
        series.case_id,
    )


def _away_from_chest(series: SeriesInfo) -> int:
    words = " ".join([series.body_part, series.description, *(h.text("ProtocolName") for h in series.headers[:1])])
    if _CHEST.search(words):
        return 0
    return 2 if _ELSEWHERE.search(words) else 1


def _is_axial(header: Header) -> bool:
    normal = normal_of(header)
    return normal is not None and abs(normal[2]) > 0.8
