"""Image-level labels of two public sets of chest radiographs: NIH ChestX-ray and CheXpert."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Literal, TypeAlias

import pandas as pd

from lesionkit.core.errors import LesionkitError
from lesionkit.core.untrusted import reads
from lesionkit.read.rows import Row, read_rows, without_index

Source: TypeAlias = Literal["nih", "chexpert"]

UNCERTAIN = -1

NIH_FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Effusion",
    "Emphysema",
    "Fibrosis",
    "Hernia",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pleural_Thickening",
    "Pneumonia",
    "Pneumothorax",
)
_VALUES = {"": pd.NA, "1": 1, "0": 0, "-1": UNCERTAIN}
_CHEXPERT_HEAD = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA")
_PATIENT = re.compile(r"patient\d+", re.IGNORECASE)


@reads("a table of labels")
def read_chest_labels(path: Path | str) -> pd.DataFrame:
    """Labels by image from NIH's `Data_Entry_….csv` or CheXpert's `train.csv` or `valid.csv`, told apart by the header.

    Returns:
        One row per image with the columns `image_id` (file name without suffix; for CheXpert the path from the
        patient's folder on, `patient00001/study1/view1_frontal`), `patient_id`, `view` ("PA", "AP", "lateral" or ""),
        `source`, and a column of type Int8 per finding: 1 present, 0 absent, -1 uncertain (CheXpert only), missing
        where the report does not speak of it. What NIH does not name is absent.

    Raises:
        LesionkitError: no such file, another table, a value or finding that neither set has, an image named twice.
    """
    path = Path(path)
    rows = without_index(read_rows(path, "a label table of NIH or CheXpert"))
    header = rows[0].cells if rows else []
    if {"Image Index", "Finding Labels", "Patient ID"} <= set(header):
        table = _nih(path, header, rows[1:])
    elif set(_CHEXPERT_HEAD[:1] + _CHEXPERT_HEAD[3:4]) <= set(header):
        table = _chexpert(path, header, rows[1:])
    else:
        raise LesionkitError(
            f"{path} must have the columns Image Index, Finding Labels and Patient ID (NIH) or Path and "
            f"Frontal/Lateral (CheXpert), got {', '.join(header)[:200] or 'an empty file'}"
        )
    twice = table["image_id"][table["image_id"].duplicated()]
    if len(twice):
        raise LesionkitError(f"{path} must name every image once, but '{twice.iloc[0]}' stands there twice")
    return table.reset_index(drop=True)


def _cells(path: Path, header: Sequence[str], rows: Sequence[Row]) -> pd.DataFrame:
    """Text by column; the index is the row in the file."""
    if not rows:
        raise LesionkitError(f"{path} must hold at least one image, got a header and no rows")
    width = len(header)
    for row in rows:
        if len(row.cells) < width:
            raise LesionkitError(
                f"{path}, row {row.number} must have {width} values like the header, got {len(row.cells)}"
            )
    numbers = [row.number for row in rows]
    return pd.DataFrame([row.cells[:width] for row in rows], columns=list(header), index=numbers, dtype=object)


def _nih(path: Path, header: Sequence[str], rows: Sequence[Row]) -> pd.DataFrame:
    cells = _cells(path, header, rows)
    found = [set(text.split("|")) - {"No Finding", ""} for text in cells["Finding Labels"]]
    unknown = sorted(set().union(*found) - set(NIH_FINDINGS))
    if unknown:
        raise LesionkitError(f"{path}: a finding must be one of {', '.join(NIH_FINDINGS)}, got '{unknown[0]}'")
    view = cells.get("View Position", "")
    table = pd.DataFrame({"image_id": [Path(name).stem for name in cells["Image Index"]]}, index=cells.index)
    table["patient_id"] = cells["Patient ID"].map(lambda text: text.zfill(8) if text.isdigit() else text)
    table["view"], table["source"] = view, "nih"
    for finding in NIH_FINDINGS:
        table[finding] = pd.array([int(finding in names) for names in found], dtype="Int8")
    return table


def _chexpert(path: Path, header: Sequence[str], rows: Sequence[Row]) -> pd.DataFrame:
    cells = _cells(path, header, rows)
    places = [_from_patient(path, text) for text in cells["Path"]]
    table = pd.DataFrame({"image_id": [str(place.with_suffix("")) for place in places]}, index=cells.index)
    table["patient_id"] = [place.parts[0] for place in places]
    lateral = cells["Frontal/Lateral"].str.lower() == "lateral"
    table["view"] = cells["AP/PA"].where(~lateral, "lateral") if "AP/PA" in cells else ""
    table["source"] = "chexpert"
    for finding in [name for name in header if name and name not in _CHEXPERT_HEAD]:
        table[finding.replace(" ", "_")] = _values(path, finding, cells[finding])
    return table


def _from_patient(path: Path, text: str) -> PurePosixPath:
    """`CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg` from the patient's folder on."""
    parts = PurePosixPath(text.replace("\\", "/")).parts
    place = next((n for n, part in enumerate(parts[:-1]) if _PATIENT.fullmatch(part)), None)
    if place is None:
        raise LesionkitError(f"{path}: a Path of CheXpert must name a folder like patient00001, got '{text}'")
    return PurePosixPath(*parts[place:])


def _values(path: Path, finding: str, column: "pd.Series[str]") -> "pd.Series[int]":
    # They are written as 1.0, 0.0 and -1.0.
    plain = column.str.removesuffix(".0")
    wrong = plain[~plain.isin(list(_VALUES))]
    if len(wrong):
        raise LesionkitError(
            f"{path}, row {int(wrong.index[0])}: a label must be 1, 0, -1 (uncertain) or blank, "
            f"got '{wrong.iloc[0]}' for {finding}"
        )
    return plain.map(_VALUES).astype("Int8")
