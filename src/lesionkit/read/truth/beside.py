"""The tables of truth beside a scan or a data set; apart from `truth`, so that to look at them loads no network."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from lesionkit.core.lesion import Lesion
from lesionkit.read.truth.join import find_table
from lesionkit.read.truth.luna import lesions_by_case, read_annotations, read_patients, read_series_list

Lesions: TypeAlias = Mapping[str, tuple[Lesion, ...]]


@dataclass(frozen=True)
class Tables:
    """The tables of a data set in LUNA16's form.

    Attributes:
        lesions, excluded: file they came from, and lesions by case id. A case without an entry in `lesions` was not
            looked at, one with an empty entry is healthy.
        patients: patient ids by case id.
    """

    lesions: Lesions
    excluded: Lesions
    patients: Mapping[str, str]
    lesions_file: Path
    excluded_file: Path


def tables_beside(scans: Path, truth: Path | None) -> Tables:
    """The tables that belong to a scan or a folder of scans; those that are not there are empty.

    Args:
        truth: annotations.csv; without it, it is looked for in `scans` and in the two folders above.

    Raises:
        LesionkitError: a table cannot be used; says which row.
    """
    annotations = truth
    if truth is not None:
        place = truth.parent
    else:
        scans = scans.absolute()
        places = [place for place in (scans, *scans.parents[:2]) if place.is_dir()]
        place = next((p for p in places if find_table(p, "annotations.csv") or find_table(p, "patients.csv")), scans)
        annotations = find_table(place, "annotations.csv")
    excluded, listed, patients = (
        find_table(place, name) for name in ("annotations_excluded.csv", "seriesuids.csv", "patients.csv")
    )
    lesions = lesions_by_case(read_annotations(annotations)) if annotations else {}
    looked_at = read_series_list(listed) if listed and annotations else lesions
    return Tables(
        lesions={**dict.fromkeys(looked_at, ()), **lesions},
        excluded=lesions_by_case(read_annotations(excluded)) if excluded and annotations else {},
        patients=read_patients(patients) if patients else {},
        lesions_file=annotations or place,
        excluded_file=excluded or place,
    )
