"""Whose cases are scored: what is drawn in a bootstrap are patients, each with all of their cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lesionkit.evaluate.bootstrap import draw_cases


@dataclass(frozen=True, eq=False)
class Patients:
    """The patient of every case.

    Attributes:
        number: (cases,) from 0; cases of equal numbers are of one patient.
        are_known: whether anybody said whose the cases are; if not, each counts as a patient of its own.
    """

    number: NDArray[np.intp]
    are_known: bool = False

    @classmethod
    def of(cls, case_ids: Sequence[str], patients: Mapping[str, str] | None = None) -> "Patients":
        """Args: patients: by case; a case without one is a patient of its own.

        >>> Patients.of(["a", "b", "c"], {"a": "p", "c": "p"}).number.tolist()
        [0, 1, 0]
        """
        if not patients:
            return cls(np.arange(len(case_ids)))
        names = [(patients.get(case_id, ""), "" if patients.get(case_id) else case_id) for case_id in case_ids]
        # By first mention, so that patients of one case each are drawn as cases of nobody are.
        place = {name: number for number, name in enumerate(dict.fromkeys(names))}
        return cls(np.array([place[name] for name in names], dtype=np.intp), are_known=True)

    def __len__(self) -> int:
        return int(self.number.max(initial=-1)) + 1

    @property
    def word(self) -> str:
        """What is drawn, for notes; a case where nobody knows whose it is."""
        return "patients" if self.are_known else ""

    def draw(self, samples: int, seed: int) -> NDArray[np.int32]:
        """(samples, cases) how often each case is drawn: as often as its patient is."""
        return draw_cases(len(self), samples, seed)[:, self.number]

    def among(self, inside: ArrayLike) -> int:
        """How many patients have one of some cases: (cases,) booleans, or indices of cases."""
        return len(np.unique(self.number[np.asarray(inside)])) if np.size(inside) else 0

    def part(self, inside: NDArray[np.bool_]) -> "Patients":
        """The patients of some cases, (cases,) booleans, as if there were no others."""
        return Patients(np.unique(self.number[inside], return_inverse=True)[1], self.are_known)

    def key(self) -> tuple[int, ...]:
        """What tells two groupings of the same cases apart; nothing where each case is a patient of its own."""
        return tuple(self.number.tolist()) if len(self) < len(self.number) else ()
