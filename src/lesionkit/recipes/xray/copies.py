"""The same radiograph under two names: its patients are one, and as an unlabelled one it is left out.

What is learned from must not hold what is scored, also where somebody has renamed it. Found are files that are equal
byte by byte; the same picture in another format is not.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lesionkit.read.chest_rows import ImageRow


def patients_joined(rows: Sequence[ImageRow]) -> tuple[list[ImageRow], list[str]]:
    """The images of a data set, with one patient for all that share a radiograph, and a sentence where some do."""
    usable = [row for row in rows if not row.failure]
    content = contents(Path(row.path) for row in usable)
    leader: dict[str, str] = {}
    first: dict[str, ImageRow] = {}
    twice: list[tuple[str, str]] = []

    def of(patient: str) -> str:
        while patient in leader:
            patient = leader[patient]
        return patient

    for row in usable:
        before = first.setdefault(content.get(Path(row.path), row.case_id), row)
        if before is not row:
            twice.append((before.case_id, row.case_id))
        if of(row.patient_id) != of(before.patient_id):
            leader[of(row.patient_id)] = of(before.patient_id)
    joined = [replace(row, patient_id=of(row.patient_id)) for row in rows]
    if not twice:
        return joined, []
    one, other = twice[0]
    return joined, [
        f"{len(twice)} images are in the data set twice, first '{one}' as '{other}'; they count as of one patient and "
        "stay together"
    ]


def unlabelled_apart(rows: Sequence[ImageRow], further: Sequence[ImageRow]) -> tuple[list[ImageRow], list[str]]:
    """Radiographs without masks that are none of the data set's, under names that are none of the data set's, and a
    sentence where some were left out."""
    content = contents(Path(row.path) for row in (*rows, *further) if not row.failure)
    known = {content.get(Path(row.path)) for row in rows} - {None}
    left = [row for row in further if content.get(Path(row.path)) not in known]
    names = {row.case_id for row in rows}
    apart = [replace(row, case_id=f"unlabelled-{row.case_id}") if row.case_id in names else row for row in left]
    if len(left) == len(further):
        return apart, []
    gone = [row.case_id for row in further if content.get(Path(row.path)) in known]
    return apart, [
        f"{len(gone)} unlabelled radiographs are images of the data set, first '{gone[0]}'; they are left out, so that "
        "nothing is learned from what is scored"
    ]


def contents(files: Iterable[Path]) -> Mapping[Path, str]:
    """SHA-256 of files that may equal another; a file whose size no other has is left out."""
    sizes = {file: file.stat().st_size for file in files if file.is_file()}
    count = Counter(sizes.values())
    return {file: _sha256(file) for file, size in sizes.items() if count[size] > 1}


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
