"""Splits of radiographs by patient in which every part has its share of the healthy, and of small and large lesions."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from lesionkit.core.errors import LesionkitError
from lesionkit.sample.split import THREE_WAY, Splits

SIZES = 3
"""Patients with a lesion are dealt in thirds by the size of their largest: large, middle, small; then the healthy."""


@dataclass(frozen=True)
class FoldCase:
    """What dealing an image to a part depends on.

    Attributes:
        area: share of the image that is lesion, 0 where there is none, None where nobody looked.
    """

    case_id: str
    patient_id: str
    area: float | None


@dataclass(frozen=True)
class _Patient:
    cases: tuple[str, ...]
    area: float | None  # of the largest lesion

    @property
    def positive(self) -> bool:
        return bool(self.area)


def stratified_split(cases: Sequence[FoldCase], shares: Mapping[str, float] = THREE_WAY, seed: int = 0) -> Splits:
    """Deal patients to parts so that each has its share of patients, of positive ones and of those with large lesions.

    A patient counts by the largest lesion on any image. All patients, the positive, those with a lesion of the upper
    two thirds and those of the upper third are each dealt to within one patient of a part's share, unless a part would
    then have no positive patient. Of patients alike those with many images go first, to the part that lacks most
    images. The same cases, shares and seed give the same splits, in whatever order the cases come.

    Args:
        shares: positive share by name of the part; they need not sum to 1.

    Raises:
        LesionkitError: a share is not positive, a case id comes twice, an area is no share, or there are fewer patients
            or fewer positive patients than parts.

    >>> cases = [FoldCase(f"image {n}", f"patient {n}", 0.1 if n < 2 else 0.0) for n in range(6)]
    >>> splits = stratified_split(cases, {"fold0": 1, "fold1": 1})
    >>> [len(part) for part in splits.parts.values()], sorted("image 0" in part for part in splits.parts.values())
    ([3, 3], [False, True])
    """
    if not shares or not all(share > 0 for share in shares.values()):
        raise LesionkitError(f"each part needs a positive share, got {dict(shares)}")
    patients = _patients(cases)
    positive = sum(patient.positive for patient in patients)
    for kind, count in (("patients", len(patients)), ("patients with a lesion", positive)):
        if count < len(shares):
            raise LesionkitError(
                f"{len(shares)} parts ({', '.join(shares)}) need as many {kind}, got {count}; use fewer parts"
            )
    rng = np.random.default_rng(seed)
    deal = _Deal(dict(shares), len(cases), rng)
    order = _dealing_order(patients, rng)
    for number, patient in enumerate(order):
        deal.give(patient, positive - number if patient.positive else None)
    return Splits({name: tuple(sorted(found)) for name, found in deal.parts.items()})


def _patients(cases: Sequence[FoldCase]) -> list[_Patient]:
    images: dict[str, list[FoldCase]] = defaultdict(list)
    seen: set[str] = set()
    for case in sorted(cases, key=lambda c: c.case_id):
        if case.case_id in seen:
            raise LesionkitError(f"each image is dealt once, but '{case.case_id}' came twice")
        if case.area is not None and not 0 <= case.area <= 1:
            raise LesionkitError(f"image '{case.case_id}': area must be a share of the image in 0..1, got {case.area}")
        seen.add(case.case_id)
        images[case.patient_id].append(case)
    found = []
    for _, ours in sorted(images.items()):
        areas = [case.area for case in ours if case.area is not None]
        found.append(_Patient(tuple(case.case_id for case in ours), max(areas, default=None)))
    return found


def _dealing_order(patients: Sequence[_Patient], rng: Generator) -> list[_Patient]:
    """Large, middle, small, healthy, not looked at; within each by the number of images, ties at random."""
    shuffled = [patients[number] for number in rng.permutation(len(patients))]
    positive = sorted((p for p in shuffled if p.positive), key=lambda p: -(p.area or 0.0))
    groups = [positive[len(positive) * n // SIZES : len(positive) * (n + 1) // SIZES] for n in range(SIZES)]
    groups += [[p for p in shuffled if p.area == 0], [p for p in shuffled if p.area is None]]
    shuffle = [[group[number] for number in rng.permutation(len(group))] for group in groups]
    return [patient for group in shuffle for patient in sorted(group, key=lambda p: -len(p.cases))]


class _Deal:
    """Patients go to parts one by one; after each, every part is within one patient of its share of those dealt.

    Each patient goes to the part, among those still below their share, whose next patient is due first (earliest
    deadline first, which keeps within one whatever the shares are).
    """

    def __init__(self, shares: Mapping[str, float], cases: int, rng: Generator) -> None:
        total = sum(shares.values())
        self.share = {name: share / total for name, share in shares.items()}
        self.cases = cases
        self.parts: dict[str, list[str]] = {name: [] for name in shares}
        self.count = dict.fromkeys(shares, 0)
        self.positive = dict.fromkeys(shares, 0)
        self.rng = rng

    def give(self, patient: _Patient, positives_left: int | None) -> None:
        """Deal a patient; `positives_left` says how many positive ones there are from this one on."""
        due = sum(self.count.values()) + 1
        without = [name for name in self.parts if not self.positive[name]]
        if positives_left is not None and positives_left <= len(without):
            open_parts = without
        else:
            # In floating point a part's share may come out a little above the whole number it is.
            open_parts = [name for name in self.parts if self.count[name] < self.share[name] * due - 1e-9]
        tie = dict(zip(open_parts, self.rng.permutation(len(open_parts)), strict=True))
        name = min(open_parts, key=lambda n: (self._deadline(n), -self._lack(n), tie[n]))
        self.parts[name] += patient.cases
        self.count[name] += 1
        self.positive[name] += patient.positive

    def _deadline(self, name: str) -> int:
        """The last place in the order at which the part's next patient may come."""
        return math.ceil((self.count[name] + 1) / self.share[name] - 1e-9)

    def _lack(self, name: str) -> float:
        return 1 - len(self.parts[name]) / (self.share[name] * self.cases)
