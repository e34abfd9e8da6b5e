"""What each mark on a slide is, where the truth is known, by the rule of the evaluator of CAMELYON16."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from lesionkit.core.slide_place import slide_pixels, slide_world
from lesionkit.evaluate.camelyon16_regions import Regions, find_regions
from lesionkit.evaluate.camelyon16_settings import Camelyon16Settings
from lesionkit.report.found_slide import FoundSlide
from lesionkit.report.verdict import Verdict


@dataclass(frozen=True)
class KnownLesion:
    """A lesion of the truth, as the evaluator counts it.

    Attributes:
        centre_mm: a place (x, y) in its middle.
        length_mm: major axis, grown by 37.5 um on all sides.
        is_itc: isolated tumour cells, which count neither way.
        rank: of the strongest mark in it, from 1; None where it is missed.
    """

    centre_mm: tuple[float, ...]
    length_mm: float
    is_itc: bool
    rank: int | None

    @property
    def name(self) -> str:
        """What happened to it."""
        return "excluded" if self.is_itc else "miss" if self.rank is None else "hit"


@dataclass(frozen=True)
class SlideJudged:
    """Marks against lesions.

    Attributes:
        verdicts: one per mark; "repeat" is a further mark in a lesion that a stronger one hit, "excluded" lies in
            isolated tumour cells.
        lesions: of the slide.
    """

    verdicts: tuple[Verdict, ...]
    lesions: tuple[KnownLesion, ...]

    @property
    def n_lesions(self) -> int:
        """Those that count."""
        return sum(not lesion.is_itc for lesion in self.lesions)

    @property
    def n_found(self) -> int:
        return sum(lesion.name == "hit" for lesion in self.lesions)

    @property
    def n_false(self) -> int:
        return self.verdicts.count("false positive")


def judge_slide(slide: FoundSlide) -> SlideJudged | None:
    """Every mark's verdict; None where nobody knows where tumour is."""
    truth = slide.truth
    if truth is None or (truth.positive and truth.tumour is None):
        return None
    known = find_regions(truth.tumour, Camelyon16Settings().regions(slide.grid.spacing_mm[1] * 1000))
    places = np.array([mark.centre_mm for mark in slide.marks], dtype=float).reshape(-1, 2)
    numbers = known.at(slide_pixels(places, slide.grid)).tolist()
    verdicts, first = _verdicts(numbers, known)
    return SlideJudged(tuple(verdicts), _lesions(slide, known, first))


def _verdicts(numbers: Sequence[int], known: Regions) -> tuple[list[Verdict], dict[int, int]]:
    """Of marks by the region each lies in, 0 for none; and region -> rank of its first mark."""
    verdicts: list[Verdict] = []
    first: dict[int, int] = {}
    for rank, number in enumerate(numbers, 1):
        if not number:
            verdicts.append("false positive")
        elif known.is_itc[number - 1]:
            verdicts.append("excluded")
        else:
            verdicts.append("repeat" if number in first else "hit")
        if number:
            first.setdefault(number, rank)
    return verdicts, first


def _lesions(slide: FoundSlide, known: Regions, first: dict[int, int]) -> tuple[KnownLesion, ...]:
    lesions = []
    boxes = ndimage.find_objects(known.labels) if known.has_tumour else ()
    for number, box in enumerate(boxes, 1):
        depth = ndimage.distance_transform_edt(np.pad(known.labels[box] == number, 1))[1:-1, 1:-1]
        inside = np.unravel_index(int(depth.argmax()), depth.shape)
        cell = np.array([i + b.start + c for i, b, c in zip(inside, box, known.corner, strict=True)])
        centre = slide_world((cell[::-1] + 0.5) * known.downsample, slide.grid)
        lesions.append(
            KnownLesion(
                tuple(centre.tolist()),
                float(known.length_um[number - 1]) / 1000,
                bool(known.is_itc[number - 1]),
                first.get(number),
            )
        )
    return tuple(sorted(lesions, key=lambda lesion: -lesion.length_mm))
