"""The reading file of one LIDC-IDRI series, as the four readers left it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, parse
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.untrusted import reads


@dataclass(frozen=True, eq=False)
class Contour:
    """One outline on one slice.

    Attributes:
        z_mm: world z of the slice.
        points: int (n, 2), row and column of the pixels of the outline, the first ones outside the nodule.
        included: False where the outline cuts a hole.
    """

    z_mm: float
    points: NDArray[np.int64]
    included: bool = True


@dataclass(frozen=True, eq=False)
class Mark:
    """What one reader marked at one place.

    Attributes:
        reader: 0, 1, 2, 3 in the order of the file; readers are anonymous.
        ratings: subtlety, internalStructure, calcification, sphericity, margin, lobulation, spiculation, texture,
            malignancy, each 1..5 or 6; empty for small nodules.
        is_nodule: False for a "non-nodule of 3 mm or more".
    """

    reader: int
    name: str
    contours: tuple[Contour, ...]
    ratings: dict[str, int] = field(default_factory=dict)
    is_nodule: bool = True

    @property
    def is_outlined(self) -> bool:
        """Whether the reader drew an outline, as for nodules of 3 mm or more; else there is one point."""
        return self.is_nodule and any(len(contour.points) > 1 for contour in self.contours)


@dataclass(frozen=True, eq=False)
class LidcFile:
    """One reading file: `readers` sessions and all their marks."""

    series_uid: str
    study_uid: str
    readers: int
    marks: tuple[Mark, ...]


@reads("a LIDC reading")
def read_lidc_file(path: Path) -> LidcFile:
    """Parse a reading file of a CT; namespaces do not matter.

    Raises:
        LesionkitError: no LIDC reading of a CT, or a damaged one.
    """
    try:
        root = parse(str(path)).getroot()
    except (OSError, ParseError, DefusedXmlException, ValueError) as error:
        raise LesionkitError(f"{path}: a LIDC reading must be well-formed XML, got {error}") from error
    if root is None or _name(root) != "LidcReadMessage":
        kind = "nothing" if root is None else _name(root)
        raise LesionkitError(f"{path}: a LIDC reading of a CT is a LidcReadMessage, got {kind}; is it of a radiograph?")
    try:
        sessions = list(_children(root, "readingSession"))
        marks = [mark for reader, session in enumerate(sessions) for mark in _marks(reader, session)]
        header = next(_children(root, "ResponseHeader"))
        uids = _text(header, "SeriesInstanceUid"), _text(header, "StudyInstanceUID")
    except (ValueError, StopIteration) as error:
        raise LesionkitError(f"{path}: the LIDC reading is damaged or incomplete ({error})") from error
    return LidcFile(uids[0], uids[1], len(sessions), tuple(marks))


def _marks(reader: int, session: Element) -> Iterator[Mark]:
    for nodule in _children(session, "unblindedReadNodule"):
        contours = tuple(_contour(roi, "edgeMap") for roi in _children(nodule, "roi"))
        yield Mark(reader, _text(nodule, "noduleID"), contours, _ratings(nodule))
    for other in _children(session, "nonNodule"):
        yield Mark(reader, _text(other, "nonNoduleID"), (_contour(other, "locus"),), is_nodule=False)


def _contour(element: Element, point: str) -> Contour:
    points = [(int(_text(p, "yCoord")), int(_text(p, "xCoord"))) for p in _children(element, point)]
    included = _text(element, "inclusion", "TRUE").upper() != "FALSE"
    return Contour(float(_text(element, "imageZposition")), np.array(points, dtype=np.int64).reshape(-1, 2), included)


def _ratings(nodule: Element) -> dict[str, int]:
    found = [child for group in _children(nodule, "characteristics") for child in group]
    return {_name(child): int(child.text) for child in found if child.text and child.text.strip().isdigit()}


def _name(element: Element) -> str:
    tag: Any = element.tag
    return str(tag).rpartition("}")[2]


def _children(element: Element, name: str) -> Iterator[Element]:
    return (child for child in element if _name(child) == name)


def _text(element: Element, name: str, default: str | None = None) -> str:
    for child in _children(element, name):
        if child.text and child.text.strip():
            return child.text.strip()
    if default is None:
        raise ValueError(f"{_name(element)} without {name}")
    return default
