"""The page of what a network got wrong on its own training images: one small picture per place, by what it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lesionkit.core.case import Case
from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.report.crops import Ring, crops
from lesionkit.report.page import Tile
from lesionkit.report.picture import LUNG, SOFT_TISSUE
from lesionkit.report.planes import AXIAL
from lesionkit.report.render import write_page
from lesionkit.report.scene import Scene

NOTES = {
    "false positive": "Marked, but no known finding; the strongest first. They are shown again as background.",
    "missed": "Known lesions that no mark hits, the largest first. They are shown again.",
    "weak": "Known lesions that were found with a low score, the weakest first. They are shown again.",
    "easy": "Known lesions that were found surely, the least sure first. They are drawn as in the first round.",
}


@dataclass(frozen=True)
class MinedPlace:
    """One place of the page.

    Attributes:
        centre_mm: world position (x, y, z).
        diameter_mm, score: None where nobody knows.
        network: "" where a run trains one.
    """

    case_id: str
    centre_mm: tuple[float, ...]
    diameter_mm: float | None
    score: float | None
    network: str = ""

    @property
    def caption(self) -> str:
        """As it stands below the picture.

        >>> MinedPlace("ct-1", (0.0, 0.0, 0.0), 6.0, None).caption
        'ct-1 · 6.0 mm'
        """
        size = "" if self.diameter_mm is None else f"{self.diameter_mm:.1f} mm"
        score = "" if self.score is None else f"score {self.score:.2f}"
        return " · ".join(part for part in (self.case_id, score, size, self.network) if part)


@dataclass(frozen=True, eq=False)
class MinedShelf:
    """The pictures of one kind of example."""

    title: str
    note: str
    count: int
    tiles: tuple[Tile, ...]


def write_mined_page(
    path: Path,
    shown: Mapping[str, Sequence[MinedPlace]],
    cases: Mapping[str, Case],
    title: str,
    counts: Mapping[str, int],
) -> Path:
    """Write one self-contained page at `path`; each image is read once, one after the other.

    Args:
        shown: the places by kind: false positive, missed, weak, easy.
        cases: CTs in HU by case id.
        counts: how many there are of each kind, also of those that are not shown.
    """
    pictures: dict[tuple[str, int], Tile] = {}
    every = [(kind, number, one) for kind, those in shown.items() for number, one in enumerate(those)]
    for case_id in dict.fromkeys(one.case_id for _, _, one in every):
        case = cases[case_id]
        scene = Scene.of(case.image, None)
        rings: list[Ring] = [(lesion, "lesion") for lesion in case.truth or ()]
        for kind, number, one in every:
            if one.case_id == case_id:
                place = _place(kind, one)
                picture = crops(scene, place, rings, planes=(AXIAL,))[0]
                pictures[kind, number] = Tile(picture, one.caption, "")
    shelves = [
        MinedShelf(_plural(kind), NOTES[kind], counts.get(kind, 0), tuple(pictures[kind, n] for n in range(len(those))))
        for kind, those in shown.items()
    ]
    return write_page(
        path,
        "mined_page.html",
        title=title,
        shelves=shelves,
        lung_window=LUNG.label,
        soft_window=SOFT_TISSUE.label,
    )


def _place(kind: str, one: MinedPlace) -> Candidate | Lesion:
    """A false positive is drawn as a mark; a lesion has its circle."""
    if kind == "false positive":
        return Candidate(one.centre_mm, one.score or 0.0, one.diameter_mm)
    return Lesion(one.centre_mm, one.diameter_mm or 0.0)


def _plural(kind: str) -> str:
    return {"false positive": "False positives"}.get(kind, f"{kind.capitalize()} lesions")
