"""What lies on a slide before anything is painted: a few numbers and lists, whatever the size of the slide."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from lesionkit.phantoms.slide.lesion import Metastasis
from lesionkit.phantoms.slide.sprite import NucleusKind
from lesionkit.phantoms.slide.stain import Centre

PLACE_UM = 12_000.0
"""A slide has one piece of tissue per so large a square."""


@dataclass(frozen=True)
class Piece:
    """A lymph node: an ellipse whose border noise will make uneven.

    Attributes:
        centre_um: (y, x).
        radii_um: along and across its direction.
        turn: of its direction against x, radians.
    """

    centre_um: tuple[float, float]
    radii_um: tuple[float, float]
    turn: float


@dataclass(frozen=True)
class Arc:
    """A band along a piece of a circle: a fold or the stroke of a pen.

    Attributes:
        centre_um: (y, x) of the circle.
        angle, span: where the band begins, and how far it goes, radians.
        width_um: of the band.
    """

    centre_um: tuple[float, float]
    radius_um: float
    angle: float
    span: float
    width_um: float

    @property
    def middle_um(self) -> tuple[float, float]:
        """(y, x) of the middle of the band."""
        angle = self.angle + self.span / 2
        y, x = self.centre_um
        return y + self.radius_um * math.sin(angle), x + self.radius_um * math.cos(angle)

    @property
    def reach_um(self) -> float:
        """The band is nowhere farther from its middle."""
        return self.radius_um * self.span / 2 + self.width_um


@dataclass(frozen=True)
class Tumour:
    """The primary tumour that the metastases of a slide come from.

    Attributes:
        pitch_um: distance between its cells.
        eosin, haematoxylin: of the cytoplasm.
        among: share of its places that its cells take where they lie one by one among others.
    """

    nucleus: NucleusKind
    pitch_um: float
    eosin: float
    haematoxylin: float
    among: float = 0.62


@dataclass(frozen=True)
class Traits:
    """What tells this node from others; shares and thresholds from 0 to 1 unless named otherwise.

    Attributes:
        nucleus_scale: size of all benign nuclei against the usual.
        fill: share of places for lymphocytes that are taken.
        follicles, germinal: chance of a follicle at its place, and of a germinal centre in it.
        sinuses: width of the sinuses with their histiocytes.
        histiocytosis: share of the node that histiocytes have taken over.
        blasts: share of the node where large lymphoid cells lie outside of follicles.
        granulomas: chance of a cluster of epithelioid histiocytes at its place.
        venules: chance of a high endothelial venule at its place.
        fat: share of the node that has turned to fat, and thickness of its coat.
        sclerosis: share that has turned to hyaline stroma.
        cracks: width of shrinkage cracks.
    """

    nucleus_scale: float
    fill: float
    follicles: float
    germinal: float
    sinuses: float
    histiocytosis: float
    blasts: float
    granulomas: float
    venules: float
    fat: float
    sclerosis: float
    cracks: float


@dataclass(frozen=True)
class Artefacts:
    """What went wrong in the laboratory and on the scanner.

    Attributes:
        pen: strokes, all of colour `ink` (absorbance of red, green and blue).
        defocus: chance of an area out of focus at its place.
        dust: chance of a speck at its place.
        crush: chance of crushed tissue at its place.
    """

    folds: tuple[Arc, ...]
    pen: tuple[Arc, ...]
    ink: tuple[float, float, float]
    defocus: float
    dust: float
    crush: float = 0.0


@dataclass(frozen=True, eq=False)
class SlidePlan:
    """All that decides what a slide shows."""

    seed: int
    size_um: tuple[float, float]
    pieces: tuple[Piece, ...]
    traits: Traits
    tumour: Tumour
    artefacts: Artefacts
    centre: Centre
    lesions: tuple[Metastasis, ...] = ()


_INKS = ((1.7, 0.9, 0.25), (2.2, 2.2, 2.1), (1.5, 0.35, 0.9), (0.15, 1.6, 1.5))


def draw_pieces(rng: Generator, size_um: tuple[float, float]) -> tuple[Piece, ...]:
    """One node on a small slide, a loose grid of them on a large one; each keeps off its neighbours."""
    rows, columns = (max(1, round(size / PLACE_UM)) for size in size_um)
    pieces = []
    for row in range(rows):
        for column in range(columns):
            place = np.array(size_um) / (rows, columns)
            radii = 0.5 * place.min() * rng.uniform((0.74, 0.62), (0.88, 0.8))
            shift = rng.uniform(-0.05, 0.05, 2) * place
            y, x = np.array([row + 0.5, column + 0.5]) * place + shift
            along, across = radii * np.sqrt(place.max() / place.min()) ** np.array([1.0, 0.0])
            turn = rng.uniform(0, np.pi)
            if place.max() > 1.2 * place.min():
                turn = (np.pi / 2 if place[0] > place[1] else 0) + rng.normal(0, 0.1)
            pieces.append(Piece((float(y), float(x)), (float(along), float(across)), float(turn)))
    return tuple(pieces)


def draw_traits(rng: Generator) -> Traits:
    """A node by chance: reactive or quiet, young or fatty."""
    return Traits(
        nucleus_scale=float(rng.uniform(0.94, 1.07)),
        fill=float(rng.uniform(0.72, 0.92)),
        follicles=float(rng.uniform(0.3, 0.95)),
        germinal=float(rng.uniform(0.3, 1.0)),
        sinuses=float(rng.uniform(0.3, 1.0)),
        histiocytosis=float(rng.beta(1.1, 2.6)) * 0.65,
        blasts=float(rng.beta(1.0, 2.6)) * 0.6,
        granulomas=float(rng.beta(0.8, 2.0)) * 0.7,
        venules=float(rng.uniform(0.2, 0.75)),
        fat=float(rng.beta(1.2, 2.5)),
        sclerosis=float(rng.beta(0.8, 4.0)),
        cracks=float(rng.uniform(0.0, 1.0)),
    )


def draw_tumour(rng: Generator) -> Tumour:
    """A carcinoma by chance, from small and regular to large and pleomorphic."""
    grade = rng.uniform()
    diameter = 9.3 + 3.6 * grade + rng.normal(0, 0.4)
    nucleus = NucleusKind(
        float(diameter),
        spread=float(0.11 + 0.13 * grade),
        elongation=float(rng.uniform(1.15, 1.45)),
        irregular=float(0.07 + 0.08 * grade),
        density=float(rng.uniform(0.5, 0.95)),
        clumps=float(rng.uniform(0.2, 0.36)),
        rim=float(rng.uniform(0.25, 0.55)),
        nucleoli=float(rng.uniform(0.4, 1.6)),
    )
    return Tumour(
        nucleus,
        pitch_um=float(diameter * rng.uniform(1.12, 1.4)),
        eosin=float(rng.uniform(0.28, 0.55)),
        haematoxylin=float(rng.uniform(0.12, 0.3)),
    )


def draw_artefacts(
    rng: Generator, pieces: Sequence[Piece], size_um: tuple[float, float], amount: float, pen_share: float
) -> Artefacts:
    """Folds across the pieces, strokes of a pen beside them, and how much is blurred or dusty.

    Args:
        amount: of folds, blur and dust, as a multiple of the usual.
        pen_share: chance that somebody has drawn on the slide.
    """
    folds = []
    for piece in pieces:
        for _ in range(rng.poisson(0.7 * amount)):
            place = np.array(piece.centre_um) + rng.normal(0, 0.35, 2) * min(piece.radii_um)
            folds.append(_arc(rng, place, rng.uniform(0.4, 1.3) * min(piece.radii_um), rng.uniform(12, 45)))
    pen = []
    if rng.random() < pen_share:
        for _ in range(rng.integers(1, 4)):
            piece = pieces[int(rng.integers(len(pieces)))]
            angle = rng.uniform(0, 2 * np.pi)
            away = np.array([np.sin(angle), np.cos(angle)]) * (min(piece.radii_um) * rng.uniform(0.9, 1.2))
            width = min(rng.uniform(150, 420), 0.06 * min(size_um))
            pen.append(_arc(rng, np.array(piece.centre_um) + away, rng.uniform(0.2, 0.5) * min(size_um), width))
    ink = _INKS[rng.integers(len(_INKS))]
    defocus = min(1.0, amount * float(rng.beta(0.8, 2.5)))
    return Artefacts(tuple(folds), tuple(pen), ink, defocus, min(1.0, 0.3 * amount * float(rng.uniform(0.2, 1))))


def _arc(rng: Generator, middle: NDArray[np.float64], length_um: float, width_um: float) -> Arc:
    """A band of this length and width through `middle`, bent a little, in any direction."""
    radius = length_um * float(np.exp(rng.uniform(-0.2, 1.8)))
    angle, span = float(rng.uniform(0, 2 * np.pi)), length_um / radius
    y, x = (float(m) - radius * f(angle) for m, f in zip(middle, (math.sin, math.cos), strict=True))
    return Arc((y, x), radius, angle - span / 2, span, float(width_um))
