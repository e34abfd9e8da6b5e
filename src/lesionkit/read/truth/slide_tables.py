"""Tables of slides: whether each holds tumour, and how likely a system finds that.

A slide is named by its file without the suffix: `Test_001.tif` and `Test_001` are one. A table with a header may name
slides (slide, slide_id, image, filename …), cases (case_id, patient_id …) or both, as the tables of CLAM do.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lesionkit.core.errors import LesionkitError
from lesionkit.core.untrusted import reads
from lesionkit.read.rows import Row, read_rows, without_index
from lesionkit.read.truth.camelyon_lesions import slide_name

_TRUE = {"1", "true", "yes", "positive", "tumor", "tumour", "metastasis", "tumor_tissue"}
_FALSE = {"0", "false", "no", "negative", "normal", "healthy", "normal_tissue"}
_SLIDE = ("slide", "slide_id", "slideid", "slide_name", "image", "image_id", "name", "filename", "file", "id")
_CASE = ("case_id", "case", "patient_id", "patient")
_LABEL = ("label", "class", "type", "tumor", "tumour", "target")
SCORE_NAMES = ("probability", "prob", "confidence", "score", "p")
"""Columns that hold a score by their name."""


@dataclass(frozen=True)
class Entry:
    """A row: what it is about, and its value as written.

    Attributes:
        slide, case: the slide and the case that are named; "" where the table does not name them.
    """

    row: int
    slide: str
    case: str
    text: str


@reads("a table of scores")
def read_slide_scores(path: Path | str, column: str = "") -> dict[str, float]:
    """One score per slide, or per case where the table names no slides; with a header or without.

    The score stands in the column that is named so (score, probability, confidence …), else in the only column of
    numbers.

    Args:
        column: name of the column of scores; "" where the table itself says which it is.

    Raises:
        LesionkitError: no such file, several columns that may be the score, a row without a finite score, or a slide
            twice; the row is named.
    """
    entries = score_entries(Path(path), column)
    return scores_by(Path(path), entries, "slide" if entries[0].slide else "case")


@reads("a table of labels")
def read_slide_labels(path: Path | str) -> dict[str, bool]:
    """Whether each slide, or case where the table names no slides, holds tumour: 0 or 1, normal or tumor …

    Raises:
        LesionkitError: no such file, another label, several columns that may be the label, or a slide twice; the row
            is named.
    """
    entries = label_entries(Path(path))
    return labels_by(Path(path), entries, "slide" if entries[0].slide else "case")


@reads("a table of patients")
def read_slide_patients(path: Path | str) -> dict[str, str]:
    """The patient, or case, of every slide of a table that names both by a header; none where it does not.

    Raises:
        LesionkitError: no such file, or a slide with two patients.
    """
    rows = without_index(read_rows(path))
    header = _words(rows[0].cells) if rows else []
    slide, case = _place(header, _SLIDE), _place(header, _CASE)
    return {} if slide is None or case is None else _patients(path, rows[1:], slide, case)


@reads("a table of patients")
def read_patients_table(path: Path | str) -> dict[str, str]:
    """The patient of every slide of a table that is there to say so: slide,patient_id.

    Raises:
        LesionkitError: no such file, no column of patients, or a slide with two patients.
    """
    rows = without_index(read_rows(path))
    header = _words(rows[0].cells) if rows else []
    case = _place(header, ("patient_id", "patient", "case_id", "case"))
    slide = _place(header, _SLIDE)
    if case is None or len(header) < 2:
        raise LesionkitError(f"{path} must have the columns slide,patient_id, got {', '.join(header) or 'nothing'}")
    return _patients(path, rows[1:], slide if slide is not None else int(case == 0), case)


def _patients(path: Path | str, rows: Sequence[Row], slide: int, case: int) -> dict[str, str]:
    patients: dict[str, str] = {}
    for number, cells in rows:
        name, patient = slide_name(_cell(cells, slide)), _cell(cells, case)
        if name and patient and patients.setdefault(name, patient) != patient:
            raise LesionkitError(f"{path}, row {number}: slide '{name}' has two patients; keep one")
    return patients


def paired_tables(labels: Path | str, scores: Path | str, column: str = "") -> tuple[dict[str, bool], dict[str, float]]:
    """Labels and scores by the name that both tables have: of slides, else of cases.

    A case of several slides has the label that all of them have.

    Raises:
        LesionkitError: one names only slides and the other only cases, or what the readers of either table refuse.
    """
    truth, marks = label_entries(Path(labels)), score_entries(Path(scores), column)
    by = _shared_name(truth, marks)
    if not by:
        only = [("cases", "slides"), ("slides", "cases")][bool(truth[0].slide)]
        raise LesionkitError(
            f"{labels} names {only[0]} and {scores} names {only[1]}, so that they cannot be joined; give one of them a "
            "column of the other's names (slide_id, case_id)"
        )
    return labels_by(Path(labels), truth, by), scores_by(Path(scores), marks, by)


def _shared_name(truth: Sequence[Entry], marks: Sequence[Entry]) -> str:
    """The kind of name that both tables have; of several the one under which they share the most."""
    shared = {
        by: len({getattr(entry, by) for entry in truth} & {getattr(entry, by) for entry in marks})
        for by in ("slide", "case")
        if getattr(truth[0], by) and getattr(marks[0], by)
    }
    return max(shared, key=lambda by: shared[by]) if shared else ""


@reads("a table of labels")
def label_entries(path: Path) -> list[Entry]:
    """The rows of a table of labels, not yet understood."""
    return _entries(path, _Wanted("label", _LABEL, _is_label))


@reads("a table of scores")
def score_entries(path: Path, column: str = "") -> list[Entry]:
    """The rows of a table of scores, not yet understood."""
    return _entries(path, _Wanted("score", SCORE_NAMES, _is_number, column))


def labels_by(path: Path, entries: Sequence[Entry], by: str) -> dict[str, bool]:
    """Labels of slides, or of cases whose rows all say the same."""
    labels: dict[str, bool] = {}
    for entry in entries:
        name, word = getattr(entry, by), entry.text.lower()
        if not _is_label(word):
            raise LesionkitError(
                f"{path}, row {entry.row}: a label must be 0 or 1, normal or tumor, negative or positive, got "
                f"'{entry.text}' for '{name}'"
            )
        label = word in _TRUE or _number(word) == 1
        if by == "case" and labels.get(name, label) != label:
            raise LesionkitError(
                f"{path}, row {entry.row}: case '{name}' has rows with and without tumour; give scores of its slides, "
                "or one label of the case"
            )
        if by == "slide":
            _refuse_twice(name, labels, path, entry.row)
        labels[name] = label
    return labels


def scores_by(path: Path, entries: Sequence[Entry], by: str) -> dict[str, float]:
    """Scores of slides, or of cases with one row each."""
    scores: dict[str, float] = {}
    for entry in entries:
        name, score = getattr(entry, by), _number(entry.text)
        if score is None or not math.isfinite(score):
            raise LesionkitError(
                f"{path}, row {entry.row}: a score must be a finite number, got '{entry.text}' for '{name}'"
            )
        _refuse_twice(name, scores, path, entry.row, by)
        scores[name] = score
    return scores


def _refuse_twice(name: str, known: Mapping[str, object], path: Path, number: int, kind: str = "slide") -> None:
    if name in known:
        raise LesionkitError(f"{path}, row {number}: {kind} '{name}' is there twice; keep one row per {kind}")


@dataclass(frozen=True)
class _Wanted:
    """A column of values: what it is, how it may be called, what fits into it, and its name if it is told."""

    what: Literal["label", "score"]
    names: Sequence[str]
    fits: Callable[[str], bool]
    column: str = ""


@dataclass(frozen=True)
class _Columns:
    """Places of the columns that count, and the names of all; None for what is not there."""

    names: Sequence[str]
    slide: int | None
    case: int | None

    @property
    def others(self) -> list[int]:
        return [i for i in range(len(self.names)) if i not in (self.slide, self.case)]


def _entries(path: Path, wanted: _Wanted) -> list[Entry]:
    rows = without_index(read_rows(path))
    header = _words(rows[0].cells) if rows else []
    named = any(word in wanted.names for word in header[1:]) and not wanted.fits(rows[0].cells[1])
    if wanted.column or named or not {*_SLIDE, *_CASE}.isdisjoint(header):
        columns, rows = _Columns(rows[0].cells, _place(header, _SLIDE), _place(header, _CASE)), rows[1:]
        if columns.slide is None and columns.case is None:
            columns = _Columns(columns.names, 0, None)
    else:
        columns = _Columns([""] * len(header), 0, None)
    if not rows:
        raise LesionkitError(f"{path} must have one row per slide, but there is none")
    value = _value_column(path, columns, rows, wanted)
    entries = []
    for number, cells in rows:
        entry = Entry(
            number, slide_name(_cell(cells, columns.slide)), slide_name(_cell(cells, columns.case)), _cell(cells, value)
        )
        if not (entry.text and (entry.slide or columns.slide is None) and (entry.case or columns.case is None)):
            raise LesionkitError(f"{path}, row {number} must name a slide and a value, got '{','.join(cells)}'")
        entries.append(entry)
    return entries


def _value_column(path: Path, columns: _Columns, rows: Sequence[Row], wanted: _Wanted) -> int:
    """The column that is asked for, or named so, or the only one that holds what it must."""
    header = _words(columns.names)
    if wanted.column:
        place = _place(header, _words([wanted.column]))
        if place is None:
            raise LesionkitError(f"{path} must have the column '{wanted.column}', got {', '.join(columns.names)}")
        return place
    known = [header.index(name) for name in wanted.names if name in header]
    known = [place for place in known if place in columns.others]
    if known and (len(known) == 1 or wanted.what == "label"):
        return known[0]
    fitting = known or [i for i in columns.others if all(wanted.fits(_cell(row.cells, i)) for row in rows)]
    # Without a header CAMELYON16's table of labels has further columns behind the second.
    if len(fitting) == 1 or (fitting and wanted.what == "label" and not any(columns.names)):
        return fitting[0]
    if len(fitting) > 1:
        several = ", ".join(columns.names[i] or f"number {i + 1}" for i in fitting)
        hint = "name it with --score-column" if wanted.what == "score" else "call it label"
        raise LesionkitError(
            f"{path} must say which column is the {wanted.what}, but several may be: {several}; {hint}"
        )
    return columns.others[0] if columns.others else len(columns.names)


def _words(cells: Sequence[str]) -> list[str]:
    return [cell.lower().replace(" ", "_") for cell in cells]


def _place(header: Sequence[str], names: Sequence[str]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _cell(cells: Sequence[str], place: int | None) -> str:
    return cells[place] if place is not None and place < len(cells) else ""


def _is_label(text: str) -> bool:
    return text.lower() in _TRUE | _FALSE or _number(text) in (0.0, 1.0)


def _is_number(text: str) -> bool:
    return _number(text) is not None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
