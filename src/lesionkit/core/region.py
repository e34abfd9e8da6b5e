"""A region that is believed to be lesion: a candidate with an outline."""

from dataclasses import dataclass

from lesionkit.core.lesion import Candidate
from lesionkit.core.trace import Polygon


@dataclass(frozen=True, eq=False)
class Region:
    """One connected piece of a slide.

    Attributes:
        polygon_mm: its edge and its holes, vertices (x, y) in mm of the world.
        centre_mm: the place (x, y) inside it that is farthest from its edge.
        max_score, mean_score: highest and mean probability in it.
        area_mm2: without its holes.
        length_mm: major axis of the ellipse with the same second moments, which is how CAMELYON16 tells isolated tumour
            cells from metastases.
    """

    polygon_mm: Polygon
    centre_mm: tuple[float, ...]
    max_score: float
    mean_score: float
    area_mm2: float
    length_mm: float

    @property
    def candidate(self) -> Candidate:
        """Its centre as a mark with its highest score."""
        return Candidate(self.centre_mm, self.max_score, self.length_mm)
