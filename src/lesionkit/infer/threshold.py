"""Find the best decision rule on validation images, and say by how much the search flatters itself."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.infer.decide import Mask, Probability, Rule, Triplet

ScoreImage = Callable[[Mask, Mask], float]
"""(found, truth) masks of one image -> its score; the score of a set is the mean. Passed in by the recipe."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of one image when a rule is searched.

    Attributes:
        probability: (y, x) of the lesion.
        truth: (y, x) mask at the scored resolution, which is that of the probability.
        p_nonempty: probability of any lesion, if something says so.
        patient_id: images of one patient are never on both sides of the nested search.
        part: of the split; rules are searched on "validation" only.
    """

    probability: Probability
    truth: Mask
    p_nonempty: float | None
    patient_id: str
    part: str


@dataclass(frozen=True, eq=False)
class Search:
    """What a search found.

    Attributes:
        rules: those tried.
        scores: (rules,) mean over the images.
        best: number of the best rule; the first of equals.
        nested_score: mean over the images, each decided by the rule that was best for the *other* folds' patients.
        chosen: the best rule's number per fold; if they differ much, the search is unstable.
    """

    rules: tuple[Rule, ...]
    scores: NDArray[np.float64]
    best: int
    nested_score: float
    chosen: tuple[int, ...]

    @property
    def rule(self) -> Rule:
        """The best one."""
        return self.rules[self.best]

    @property
    def score(self) -> float:
        """Of the best rule on the images it was chosen on: too good by `optimism`."""
        return float(self.scores[self.best])

    @property
    def optimism(self) -> float:
        """How much better the best rule looks than a rule chosen the same way does on images it has not seen."""
        return self.score - self.nested_score


def grid(rule: type[Settings], values: Mapping[str, Sequence[Any]]) -> tuple[Any, ...]:
    """Every combination of settings of one rule but those whose bottom is above their top; others keep their defaults.

    >>> len(grid(Triplet, {"top": [0.2, 0.5], "bottom": [0.1, 0.3]}))
    3
    """
    defaults = {name: field.default for name, field in rule.model_fields.items()}
    combinations = (dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values()))
    return tuple(
        rule.parse(changes)
        for changes in combinations
        if (full := {**defaults, **changes}).get("bottom", 0) <= full.get("top", 1)
    )


FIRST_GRID: tuple[Triplet, ...] = tuple(
    Triplet(top=top, min_pixels=pixels, bottom=bottom)
    for top, pixels in ((0.75, 1000), (0.75, 2000), (0.6, 2000), (0.6, 3000))
    for bottom in (0.3, 0.4)
)
"""The eight triplets that the first place tried (row 3.9)."""


def search(
    rules: Sequence[Rule], images: Iterable[Evidence], score: ScoreImage, folds: int = 5, seed: int = 0
) -> Search:
    """Try every rule on every image; find the best one, and by nested cross-validation its optimism.

    The images are dealt to folds by patient. Each image is read once, so `images` may load them one by one.

    Raises:
        LesionkitError: no rule or image, an image of another part than validation, or fewer patients than folds.
    """
    if not rules:
        raise LesionkitError("a search needs at least one rule, got none")
    rows, patients = [], []
    for number, image in enumerate(images):
        if image.part != "validation":
            raise LesionkitError(
                f"rules are searched on validation images only, got image {number} of part '{image.part}'; what is "
                "chosen on test images cannot be measured on them"
            )
        rows.append([score(rule(image.probability, image.p_nonempty), image.truth) for rule in rules])
        patients.append(image.patient_id)
    if len(set(patients)) < folds:
        raise LesionkitError(f"{folds} folds need as many patients, got {len(set(patients))}; set folds lower")
    table = np.array(rows, np.float64)  # images, rules
    chosen, nested = _nested(table, patients, folds, seed)
    means = table.mean(axis=0)
    return Search(tuple(rules), means, int(means.argmax()), nested, chosen)


def _nested(
    table: NDArray[np.float64], patients: Sequence[str], folds: int, seed: int
) -> tuple[tuple[int, ...], float]:
    """Best rule of the other folds per fold, and the mean score of images so decided."""
    names, patient = np.unique(np.array(patients), return_inverse=True)
    fold = np.random.default_rng(seed).permutation(np.arange(len(names)) % folds)[patient]
    chosen = tuple(int(table[fold != held].mean(axis=0).argmax()) for held in range(folds))
    return chosen, float(np.mean([row[chosen[held]] for row, held in zip(table, fold, strict=True)]))
