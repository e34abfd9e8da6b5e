"""Files of viewers and of other frameworks below a path, as truth of the scans that they belong to."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lesionkit.core.errors import LesionkitError
from lesionkit.core.walk import walk
from lesionkit.read.dicom.header import read_header
from lesionkit.read.truth.dicom_seg import read_seg
from lesionkit.read.truth.label_map import read_label_map
from lesionkit.read.truth.marked import Marked, joined
from lesionkit.read.truth.markups import SUFFIXES as MARKUPS
from lesionkit.read.truth.markups import read_markups
from lesionkit.read.truth.rtstruct import read_rtstruct
from lesionkit.read.volume import volume_stem
from lesionkit.read.volume_names import volume_suffix

_OBJECTS = ("SEG", "RTSTRUCT")
_JOINTS = ("-", "_", ".", " ")


@dataclass(frozen=True)
class MarkedSet:
    """What was marked, by file.

    Attributes:
        problems: sentences on files that cannot be used.
    """

    files: tuple[Marked, ...]
    problems: tuple[str, ...] = ()

    def of(self, case_id: str, alone: bool) -> Marked | None:
        """What is known of a scan; None where no file is its.

        Args:
            case_id: the series UID, or the name of the volume's file.
            alone: there is no other scan, so that a file that does not say whose it is is this one's.
        """
        mine = [one for one in self.files if _belongs(one, case_id, alone) and one.looked_at]
        if not mine:
            return None
        notes = tuple(note for one in mine for note in one.notes)
        return Marked(mine[0].path, (case_id,), joined(one.lesions for one in mine), notes)


def read_marked(path: Path) -> MarkedSet:
    """What a file or a folder given as truth holds: SEG, RTSTRUCT, Slicer's markups, label maps.

    Raises:
        LesionkitError: nothing of the kind is there, or the only file cannot be used.
    """
    files = walk(path).files if path.is_dir() else [path]
    found = [one for file in files if (one := _read(file)) is not None]
    if not found:
        raise LesionkitError(
            f"{path} must hold lesions as annotations.csv, DICOM SEG or RTSTRUCT, {' or '.join(MARKUPS)}, or label maps"
        )
    return MarkedSet(tuple(found))


def marked_beside(objects: Sequence[Path], others: Sequence[Path]) -> MarkedSet:
    """What somebody marked in a folder of scans, whose DICOM was looked at already.

    Args:
        objects: DICOM files that are no scans; those of segmentations are read.
        others: files that are no DICOM; markups are read.
    """
    found: list[Marked] = []
    problems = []
    for file in (*objects, *(other for other in others if other.name.lower().endswith(MARKUPS))):
        try:
            one = _read(file, automatic=False)
        except LesionkitError as error:
            problems.append(f"what was marked is left out: {error}")
        else:
            found += [one] if one is not None else []
    return MarkedSet(tuple(found), tuple(problems))


def is_object(file: Path) -> bool:
    """Whether a file is a DICOM SEG or RTSTRUCT."""
    header = read_header(file) if file.is_file() else None
    return header is not None and header.modality in _OBJECTS


def _read(file: Path, automatic: bool = True) -> Marked | None:
    if file.name.lower().endswith(MARKUPS):
        return read_markups(file)
    if volume_suffix(file):
        return Marked(file, (), read_label_map(file))
    header = read_header(file)
    if header is None or header.modality not in _OBJECTS:
        return None
    return read_seg(file, automatic) if header.modality == "SEG" else read_rtstruct(file)


def _belongs(one: Marked, case_id: str, alone: bool) -> bool:
    if one.series:
        return any(uid and case_id.endswith(uid) for uid in one.series)
    name = volume_stem(one.path) if volume_suffix(one.path) else one.path.name
    named = name == case_id or name.startswith(tuple(case_id + joint for joint in _JOINTS))
    return named or alone
