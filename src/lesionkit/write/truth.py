"""Truth -> the tables of LUNA16. Inverse of `lesionkit.read.truth.luna`."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lesionkit.core.files import write_text
from lesionkit.core.lesion import Lesion

_COLUMNS = ("seriesuid", "coordX", "coordY", "coordZ", "diameter_mm")


def write_annotations(path: Path, lesions: Mapping[str, Sequence[Lesion]]) -> Path:
    """Write `seriesuid,coordX,coordY,coordZ,diameter_mm` and a column for each simple fact; returns the path.

    World coordinates in LPS mm. An unknown diameter is written as -1, as LUNA16 does. Facts that are text, numbers or
    yes/no become columns (`texture`, `attachment` …); "row", where the lesion came from, does not.
    """
    names = _fact_names(lesion for found in lesions.values() for lesion in found)
    rows: list[list[Any]] = [[*_COLUMNS, *names]]
    for case_id, found in lesions.items():
        for lesion in found:
            place = [round(float(c), 6) for c in lesion.centre_mm]
            diameter = round(float(lesion.diameter_mm), 6) if lesion.diameter_mm > 0 else -1
            rows.append([case_id, *place, diameter, *(lesion.facts.get(name, "") for name in names)])
    return _write_table(path, rows)


def write_series_list(path: Path, case_ids: Iterable[str]) -> Path:
    """Write `seriesuids.csv`: the series somebody looked at, one a line, without a header; returns the path."""
    return _write_table(path, [[case_id] for case_id in case_ids])


def write_patients(path: Path, patients: Mapping[str, str]) -> Path:
    """Write `patients.csv` (seriesuid,patient_id) from patient ids by case id; returns the path."""
    return _write_table(path, [["seriesuid", "patient_id"], *([case, patient] for case, patient in patients.items())])


def _fact_names(lesions: Iterable[Lesion]) -> list[str]:
    names: dict[str, None] = {}
    for lesion in lesions:
        names |= dict.fromkeys(n for n, v in lesion.facts.items() if isinstance(v, str | int | float) and n != "row")
    return [name for name in names if name not in _COLUMNS]


def _write_table(path: Path, rows: Iterable[Sequence[Any]]) -> Path:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return write_text(path, text.getvalue())
