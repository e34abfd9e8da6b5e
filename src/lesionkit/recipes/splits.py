"""Who learns, who validates and who tests: the same settings and the same rules for every kind of image."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from pydantic import Field, model_validator

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.runs.run_folder import RunFolder
from lesionkit.sample.split import Splits, given_splits, read_splits, write_splits

SPLITS = "splits.json"
PARTS = ("train", "validation", "test")

Deal: TypeAlias = Callable[[Mapping[str, str], Mapping[str, float], int], Splits]
"""Patient by case id, share by name of the part, seed -> parts; patients stay together."""


class SplitSettings(Settings):
    """Who learns and who is kept out, by patient. A splits.json in the data set, or LUNA16's subset folders, come
    first."""

    shares: tuple[float, ...] = Field(default=(0.7, 0.15, 0.15), min_length=1, max_length=3)
    """Of the cases in train, validation and test; without the third, nobody tests. With folds, only it counts."""
    folds: int | None = Field(default=None, ge=2)
    """Cross-validation of what is not test: so many folds, of which one validates."""
    fold: int = 0
    """Which fold validates; negative numbers count from the last."""
    every_fold: bool = False
    """Train on all folds, one network (of each member) per fold. They search the test part together; where there is
    none, each case is searched by the networks that have not learned from it, and all cases are scored."""
    seed: int = 0
    test_fold: str | None = None
    """Of given folds, the one that tests; null: the last, or none with every_fold or without a third share."""
    validation_fold: str | None = None
    """Of given folds, the one that validates; null: see fold."""

    @model_validator(mode="after")
    def _somebody_learns(self) -> "SplitSettings":
        if self.shares[0] <= 0 or min(self.shares) < 0:
            raise ValueError(f"split.shares must be positive, 0 only for validation or test, got {self.shares}")
        return self

    @property
    def test_share(self) -> float:
        """Share of all cases that tests."""
        return self.shares[2] / sum(self.shares) if len(self.shares) == 3 else 0.0

    @property
    def part_shares(self) -> dict[str, float]:
        """Share by name of the part, where there are no folds."""
        return {name: share for name, share in zip(PARTS, self.shares, strict=False) if share}

    @property
    def count(self) -> int:
        """How many parts are dealt, and so how many patients there must be."""
        return len(self.part_shares) if self.folds is None else self.folds + (self.test_share > 0)


def run_splits(
    run: RunFolder,
    data: Path,
    patients: Mapping[str, str],
    settings: SplitSettings,
    deal: Deal,
    folds: Mapping[str, str] | None = None,
    everyone: Mapping[str, str] | None = None,
) -> Splits:
    """The run's own splits.json if it has one, else that of the data set, its folds, or patients dealt at random.

    A case that failed when the run began and can be read now is left out: parts must not change after a training.

    Args:
        patients: patient id by case id, of the usable cases.
        deal: how they are dealt where nothing is given.
        folds: that the data set's folders say, by case id; None where they say nothing.
        everyone: patient id of every case that splits.json may name; None for `patients`.

    Returns:
        Train, validation and test, as far as there are; with `every_fold` the folds and test.

    Raises:
        LesionkitError: splits.json does not fit the data set or the settings, or there are too few patients for folds.
    """
    everyone = patients if everyone is None else everyone
    own, given = run.path / SPLITS, data / SPLITS
    if own.is_file():
        kept = read_splits(own, everyone)
        late = sorted(set(patients) - {name for part in kept.parts.values() for name in part})
        if late and not given.is_file():
            run.warn(f"{len(late)} cases could not be used when the run began and are left out, the first {late[0]}")
        return kept
    count = len(set(patients.values()))
    if given.is_file():
        splits = named(read_splits(given, everyone), settings)
    elif folds is not None:
        splits = named(given_splits(folds, patients), settings)
    elif count < settings.count and not settings.every_fold:
        run.warn(
            f"{data} has {count} usable patients: all of them learn and none validates or tests; more patients, or a "
            "splits.json, would tell how good the model is"
        )
        splits = Splits({"train": tuple(patients)})
    else:
        splits = _dealt(patients, settings, deal)
    write_splits(own, splits)
    return splits


def named(splits: Splits, settings: SplitSettings) -> Splits:
    """Folds as train, validation and test, or as they are where each has its turn; named parts stay.

    >>> ten = Splits({f"subset{n}": (f"case {n}",) for n in range(4)})
    >>> named(ten, SplitSettings(fold=-1)).parts
    {'train': ('case 0', 'case 1'), 'validation': ('case 2',), 'test': ('case 3',)}
    >>> list(named(ten, SplitSettings(every_fold=True)).parts)
    ['subset0', 'subset1', 'subset2', 'subset3']

    Raises:
        LesionkitError: there are other folds than the settings ask for.
    """
    names = sorted(splits.parts, key=_by_number)
    if "train" in names:
        if settings.every_fold:
            raise LesionkitError(f"split.every_fold needs folds in {SPLITS}, got the parts {', '.join(names)}")
        return splits
    last = settings.test_share > 0 and not settings.every_fold
    test = "test" if "test" in names else settings.test_fold or (names[-1] if last and len(names) > 2 else "")
    held = splits[test] if test else ()
    folds = {name: splits[name] for name in names if name != test}
    if len(folds) < 2 or (settings.every_fold and settings.folds not in (None, len(folds))):
        wanted = settings.folds or "two or more"
        raise LesionkitError(
            f"{SPLITS}, or the folders of the data set, must have the parts train and validation, or {wanted} folds, "
            f"got {', '.join(names)}"
        )
    tests = {"test": held} if held else {}
    return Splits({**(folds if settings.every_fold else _one_round(folds, settings)), **tests})


def _one_round(folds: Mapping[str, tuple[str, ...]], settings: SplitSettings) -> dict[str, tuple[str, ...]]:
    names = list(folds)
    if not -len(names) <= settings.fold < len(names):
        raise LesionkitError(f"split.fold must be one of 0 to {len(names) - 1}, got {settings.fold}")
    held = settings.validation_fold or names[settings.fold]
    train, validation = Splits(folds).leave_out(held)
    return {"train": train, "validation": validation}


def _dealt(patients: Mapping[str, str], settings: SplitSettings, deal: Deal) -> Splits:
    if settings.folds is None:
        if settings.every_fold:
            raise LesionkitError(f"split.every_fold needs split.folds, such as 5, or folds in {SPLITS} of the data set")
        return deal(patients, settings.part_shares, settings.seed)
    share = settings.test_share
    test = deal(patients, {"rest": 1 - share, "test": share}, settings.seed)["test"] if share else ()
    left = {case: patient for case, patient in patients.items() if case not in set(test)}
    folds = deal(left, {f"fold{number}": 1.0 for number in range(settings.folds)}, settings.seed)
    return named(Splits({**folds.parts, **({"test": test} if test else {})}), settings)


def _by_number(name: str) -> list[tuple[int, str]]:
    """So that fold10 comes after fold9."""
    return [(int(text), "") if text.isdigit() else (-1, text) for text in re.split(r"(\d+)", name)]
