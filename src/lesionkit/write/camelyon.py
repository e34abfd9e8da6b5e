"""Outlines and marks -> the files of CAMELYON16. Inverse of `lesionkit.read.truth.camelyon`.

Positions are (x, y) in pixels of the finest level from the corner of the file, as ASAP and the organisers count.
"""

import csv
import io
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing, write_text
from lesionkit.core.names import file_in
from lesionkit.core.outline import Outline, Ring

_GROUPS = (("_0", "#F4FA58"), ("_2", "#00FF00"))


def write_outline(path: Path, outline: Outline) -> Path:
    """Write tumour as ASAP annotations (XML): rings in group `_0`, holes in `_2`; returns the path.

    A healthy slide gets a file without annotations.
    """
    with replacing(Path(path)) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write('<?xml version="1.0"?>\n<ASAP_Annotations>\n\t<Annotations>\n')
        number = 0
        for (group, colour), rings in zip(_GROUPS, (outline.rings, outline.holes), strict=True):
            for ring in rings:
                file.write(_annotation(ring, number, group, colour))
                number += 1
        file.write("\t</Annotations>\n\t<AnnotationGroups>\n")
        for group, colour in _GROUPS:
            file.write(
                f'\t\t<Group Name="{group}" PartOfGroup="None" Color="{colour}">\n\t\t\t<Attributes />\n\t\t</Group>\n'
            )
        file.write("\t</AnnotationGroups>\n</ASAP_Annotations>\n")
    return Path(path)


def write_marks(folder: Path, marks: Mapping[str, Iterable[tuple[float, float, float]]]) -> list[Path]:
    """Write one `<slide>.csv` of probability, x and y per slide, as the organisers' evaluation takes it.

    Args:
        marks: (probability, x, y) by slide; a slide without marks gets an empty file, or it would not be scored.

    Returns:
        The paths, in the order of the slides.

    Raises:
        LesionkitError: a mark that is not finite or off the slide, a slide named like a path.
    """
    paths = []
    for slide_id, found in marks.items():
        if not slide_id or Path(slide_id).name != slide_id:
            raise LesionkitError(f"a slide's name becomes the name of its file, got '{slide_id}'")
        lines = [_line(slide_id, *mark) for mark in found]
        paths.append(write_text(file_in(Path(folder), f"{slide_id}.csv"), "".join(lines)))
    return paths


def write_slide_scores(path: Path, scores: Mapping[str, float], decided: Mapping[str, str] | None = None) -> Path:
    """Write `slide,score`: the probability of tumour per slide; returns the path.

    Args:
        decided: a further column: 1 of a slide that is held to be positive, 0 of another, empty where nothing decides.

    Raises:
        LesionkitError: a score that is not finite.
    """
    for slide_id, score in scores.items():
        if not math.isfinite(score):
            raise LesionkitError(f"the score of a slide must be finite, got {score} for '{slide_id}'")
    text = io.StringIO()
    # All digits, so that who applies a threshold to the table decides alike.
    rows: list[list[Any]] = [[slide_id, float(score)] for slide_id, score in scores.items()]
    head = ["slide", "score"]
    if decided is not None:
        head, rows = [*head, "decided"], [[*row, decided[row[0]]] for row in rows]
    csv.writer(text, lineterminator="\n").writerows([head, *rows])
    return write_text(path, text.getvalue())


def _annotation(ring: Ring, number: int, group: str, colour: str) -> str:
    name = quoteattr(f"Annotation {number}")
    corners = "".join(
        f'\t\t\t\t<Coordinate Order="{order}" X="{x:.10g}" Y="{y:.10g}" />\n'
        for order, (x, y) in enumerate(ring.tolist())
    )
    return (
        f'\t\t<Annotation Name={name} Type="Polygon" PartOfGroup="{group}" Color="{colour}">\n'
        f"\t\t\t<Coordinates>\n{corners}\t\t\t</Coordinates>\n\t\t</Annotation>\n"
    )


def _line(slide_id: str, probability: float, x: float, y: float) -> str:
    if not all(map(math.isfinite, (probability, x, y))) or min(x, y) < 0:
        raise LesionkitError(
            f"a mark is a finite probability and pixels x and y on the slide, got {(probability, x, y)} for "
            f"'{slide_id}'"
        )
    return f"{float(probability):.6g},{float(x):.10g},{float(y):.10g}\n"
