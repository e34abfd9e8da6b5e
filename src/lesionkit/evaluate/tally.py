"""Every score beside what is true, in any kind of image: what points, calibration and reliability are made of."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lesionkit.evaluate.froc import Detections
from lesionkit.evaluate.operating import apply_operating_point
from lesionkit.evaluate.patients import Patients
from lesionkit.evaluate.score import Figure, OperatingPoint


@dataclass(frozen=True, eq=False)
class Tally:
    """What was scored beside what is true, in any kind of image.

    Attributes:
        found: of a detector its hits and false positives; of what gives one score per image each positive image is a
            lesion of its own, and each negative one a false positive.
        patients: of the images.
        unit: what one image is called: "scan".
        per_image: whether there is one score per image.
    """

    found: Detections
    patients: Patients
    unit: str
    per_image: bool = False

    @classmethod
    def of_images(cls, positive: ArrayLike, score: ArrayLike, patients: Patients, unit: str) -> Self:
        """Args: positive, score: (n,) of images.

        >>> tally = Tally.of_images([True, False], [0.9, 0.2], Patients.of(["a", "b"]), "slide")
        >>> tally.found.lesion_score.tolist(), tally.found.false_score.tolist()
        ([0.9], [0.2])
        """
        truth, values = np.asarray(positive, dtype=bool), np.asarray(score, dtype=np.float64)
        ill, healthy = np.flatnonzero(truth), np.flatnonzero(~truth)
        found = Detections(len(truth), ill, values[ill], healthy, values[healthy])
        return cls(found, patients, unit, per_image=True)

    @property
    def counts(self) -> dict[str, int]:
        """Denominators by name."""
        told = {f"{self.unit}s": self.found.n_cases, "patients": len(self.patients)}
        if self.per_image:
            return {**told, "positive": self.found.n_lesions, "negative": self.found.n_false_positives}
        return {**told, "lesions": self.found.n_lesions}

    @property
    def scored(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """(n,) scores and whether each is of something true; a lesion that nothing hits has none."""
        hits = self.found.lesion_score[self.found.lesion_score > -np.inf]
        truth = np.repeat([True, False], [len(hits), self.found.n_false_positives])
        return np.concatenate([hits, self.found.false_score]), truth

    def mapped(self, curve: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> "Tally":
        """The same with other scores of the same order."""
        hit = self.found.lesion_score > -np.inf
        lesions = self.found.lesion_score.copy()
        lesions[hit] = curve(lesions[hit])
        found = replace(self.found, lesion_score=lesions, false_score=curve(self.found.false_score))
        return replace(self, found=found)

    def at(
        self, point: OperatingPoint, samples: int = 1000, seed: int = 1607, *, is_new: bool = True
    ) -> dict[str, Figure]:
        """The figures at a threshold, with intervals and denominators; see `apply_operating_point`."""
        how = (self.patients, self.unit, self.per_image, is_new)
        return apply_operating_point(point, self.found, samples, seed, *how)
