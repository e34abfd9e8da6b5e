"""Splits by patient: no patient is ever on two sides.

`splits.json` maps the name of each part to its case ids, for example `{"train": […], "validation": […], "test": […]}`
or, for cross-validation, `{"subset0": […], …, "subset9": […]}`. Cases in no part are left out.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import write_text
from lesionkit.core.untrusted import reads

THREE_WAY: Mapping[str, float] = {"train": 0.7, "validation": 0.15, "test": 0.15}
"""The usual parts and their share of the cases."""


@dataclass(frozen=True)
class Splits:
    """Named parts of a data set.

    Attributes:
        parts: case ids by name of the part; no case is in two parts.
    """

    parts: Mapping[str, tuple[str, ...]]

    def __getitem__(self, name: str) -> tuple[str, ...]:
        if name not in self.parts:
            raise LesionkitError(f"the splits have no part '{name}'; they have {', '.join(self.parts)}")
        return self.parts[name]

    @property
    def folds(self) -> tuple[str, ...]:
        """The parts that are left out in turn; none where one part is called train."""
        return () if "train" in self.parts else tuple(name for name in self.parts if name != "test")

    @property
    def rounds(self) -> tuple[str, ...]:
        """What `leave_out` takes: the folds, or "" where there are none."""
        return self.folds or ("",)

    def leave_out(self, fold: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Who learns and who validates: the cases of all other folds and of this one; of "", train and validation."""
        if not fold:
            return self.parts.get("train", ()), self.parts.get("validation", ())
        held = self[fold]
        return tuple(case for name in self.folds if name != fold for case in self.parts[name]), held


def split_by_patient(patients: Mapping[str, str], shares: Mapping[str, float] = THREE_WAY, seed: int = 0) -> Splits:
    """Deal patients to parts at random so that the parts' numbers of cases come near their shares.

    The same patients, shares and seed give the same splits, in whatever order the cases come.

    Args:
        patients: patient id by case id.
        shares: positive share by name of the part; they need not sum to 1.

    Raises:
        LesionkitError: there are fewer patients than parts, or a share is not positive.

    >>> splits = split_by_patient({"a": "1", "b": "1", "c": "2", "d": "3"}, {"train": 0.5, "test": 0.5})
    >>> sorted(map(len, splits.parts.values()))
    [2, 2]
    """
    if not shares or not all(share > 0 for share in shares.values()):
        raise LesionkitError(f"each part needs a positive share, got {dict(shares)}")
    cases = defaultdict(list)
    for case in sorted(patients):
        cases[patients[case]].append(case)
    if len(cases) < len(shares):
        raise LesionkitError(f"{len(shares)} parts ({', '.join(shares)}) need as many patients, got {len(cases)}")
    order = np.random.default_rng(seed).permutation(sorted(cases)).tolist()
    # Patients with many cases first: what is left then evens out.
    order.sort(key=lambda patient: -len(cases[patient]))
    total = sum(shares.values())
    wanted = {name: share / total * len(patients) for name, share in shares.items()}
    parts: dict[str, list[str]] = {name: [] for name in shares}
    for dealt, patient in enumerate(order):
        empty = [name for name in parts if not parts[name]]
        open_parts = empty if len(empty) >= len(order) - dealt else list(parts)
        name = max(open_parts, key=lambda n: (wanted[n] - len(parts[n])) / wanted[n])
        parts[name] += cases[patient]
    return Splits({name: tuple(sorted(found)) for name, found in parts.items()})


def given_splits(part_of: Mapping[str, str], patients: Mapping[str, str]) -> Splits:
    """Splits as they are given, such as LUNA16's folders subset0 … subset9; nothing is dealt anew.

    Args:
        part_of: name of the part by case id.
        patients: patient id by case id, checked against the parts.

    Raises:
        LesionkitError: one patient is in two parts.
    """
    parts: dict[str, list[str]] = {name: [] for name in sorted(set(part_of.values()))}
    for case in sorted(part_of):
        parts[part_of[case]].append(case)
    splits = Splits({name: tuple(cases) for name, cases in parts.items()})
    check_patients(splits, patients)
    return splits


def check_patients(splits: Splits, patients: Mapping[str, str]) -> None:
    """Raise unless every case is known, is in one part, and every patient is on one side.

    Raises:
        LesionkitError: names the case or patient.
    """
    part_of_case: dict[str, str] = {}
    part_of_patient: dict[str, tuple[str, str]] = {}
    for part, cases in splits.parts.items():
        for case in cases:
            if case not in patients:
                raise LesionkitError(f"splits: case '{case}' of part '{part}' is not in the data set; remove it")
            if case in part_of_case:
                raise LesionkitError(
                    f"splits: case '{case}' must be in one part, got '{part_of_case[case]}' and '{part}'"
                )
            part_of_case[case] = part
            first, first_case = part_of_patient.setdefault(patients[case], (part, case))
            if first != part:
                raise LesionkitError(
                    f"splits: a patient must be on one side, got '{first}' (case '{first_case}') "
                    f"and '{part}' (case '{case}'); move the patient's cases together"
                )


def write_splits(path: Path, splits: Splits) -> Path:
    """Write `splits.json` and return the path. Inverse of `read_splits`."""
    return write_text(path, json.dumps({name: list(cases) for name, cases in splits.parts.items()}, indent=1) + "\n")


@reads("splits")
def read_splits(path: Path, patients: Mapping[str, str]) -> Splits:
    """Read `splits.json` and check it against the patients of the data set.

    Raises:
        LesionkitError: no such form, an unknown case, a case in two parts, a patient on two sides.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LesionkitError(f"{path}: splits must be a readable JSON file, got {error}") from error
    if not isinstance(content, dict) or not all(
        isinstance(cases, list) and all(isinstance(case, str) for case in cases) for cases in content.values()
    ):
        raise LesionkitError(f'{path}: splits must map parts to lists of case ids, as in {{"train": [], "test": []}}')
    splits = Splits({str(name): tuple(cases) for name, cases in content.items()})
    try:
        check_patients(splits, patients)
    except LesionkitError as error:
        raise LesionkitError(f"{path}: {error}") from error
    return splits
