"""How far findings lie from the lesions that they hit, and how much larger they are: one row for each known lesion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.core.match import Places, match

AXES = ("x", "y", "z")


@dataclass(frozen=True)
class LesionError:
    """One known lesion beside the strongest finding that hits it.

    Attributes:
        found: None where the lesion is missed.
    """

    case_id: str
    lesion: Lesion
    found: Candidate | None

    @property
    def place_mm(self) -> NDArray[np.float64]:
        """Where the finding lies, seen from the lesion: (x, y, z) in the world; nan where it is missed."""
        if self.found is None:
            return np.full(3, np.nan)
        return np.subtract(self.found.centre_mm, self.lesion.centre_mm, dtype=np.float64)

    @property
    def diameter_mm(self) -> float:
        """How much wider the finding is; nan where one of both widths is unknown."""
        if self.found is None or self.found.diameter_mm is None or self.lesion.diameter_mm <= 0:
            return float("nan")
        return self.found.diameter_mm - self.lesion.diameter_mm


def lesion_errors(known: Mapping[str, Sequence[Lesion]], found: Mapping[str, Sequence[Candidate]]) -> list[LesionError]:
    """One row for each known lesion, case by case; a finding is that of the nearest lesion whose radius holds it.

    >>> lesion = Lesion((0.0, 0.0, 0.0), 6.0)
    >>> one, = lesion_errors({"a": [lesion]}, {"a": [Candidate((1.0, 0.0, -2.0), 0.9, 7.0)]})
    >>> one.place_mm.tolist(), one.diameter_mm
    ([1.0, 0.0, -2.0], 1.0)
    """
    rows = []
    for case_id, lesions in known.items():
        marks = list(found.get(case_id, ()))
        radius = [lesion.radius_mm if lesion.diameter_mm > 0 else 5.0 for lesion in lesions]
        hits = match(_places([mark.centre_mm for mark in marks]), _places([one.centre_mm for one in lesions], radius))
        for number, lesion in enumerate(lesions):
            mine = hits.pairs.mark[hits.pairs.lesion == number]
            best = max(mine.tolist(), key=lambda mark: marks[mark].score, default=None)
            rows.append(LesionError(case_id, lesion, None if best is None else marks[best]))
    return rows


def errors_told(rows: Sequence[LesionError]) -> dict[str, str]:
    """Mean and standard deviation of each error over the lesions that were found, in words; empty where none was."""
    told = {}
    columns = {axis: [row.place_mm[n] for row in rows] for n, axis in enumerate(AXES)}
    for name, values in (*columns.items(), ("diameter", [row.diameter_mm for row in rows])):
        known = np.array(values, float)
        known = known[~np.isnan(known)]
        if len(known):
            said = f"{known.mean():+.2f} ± {known.std():.2f} mm of {len(known)}"
            told[name] = said.replace("-", "−")
    return told


def error_columns(row: LesionError) -> dict[str, Any]:
    """A row of a table: the lesion, how the finding differs, and its score; empty where it is missed."""
    place = {f"error_{axis}_mm": _rounded(value) for axis, value in zip(AXES, row.place_mm, strict=True)}
    coordinates = zip("XYZ", row.lesion.centre_mm, strict=True)
    return {
        "seriesuid": row.case_id,
        **{f"coord{axis}": round(float(value), 4) for axis, value in coordinates},
        "diameter_mm": round(row.lesion.diameter_mm, 3) if row.lesion.diameter_mm > 0 else "",
        **place,
        "error_diameter_mm": _rounded(row.diameter_mm),
        "probability": "" if row.found is None else float(row.found.score),
    }


def _places(centres: Sequence[Any], radius: Sequence[float] | None = None) -> Places:
    places = np.asarray(centres, float).reshape(-1, 3)
    return Places(np.zeros(len(places), np.intp), places, None if radius is None else np.asarray(radius, float))


def _rounded(value: float) -> float | str:
    return "" if np.isnan(value) else round(float(value), 3)
