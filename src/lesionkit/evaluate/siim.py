"""The SIIM-ACR pneumothorax challenge: mean Dice per image, and what that mean hides."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.mask import runs_by_image
from lesionkit.core.runs import Runs
from lesionkit.core.settings import Settings
from lesionkit.evaluate.bootstrap import SAMPLES, SEED, bootstrapped, draw_key, resample_means
from lesionkit.evaluate.overlap import dice
from lesionkit.evaluate.patients import Patients
from lesionkit.evaluate.roc import auc, resample_auc, roc, roc_points
from lesionkit.evaluate.score import Figure, Resamples, Score

RULE = (
    "Mean over images of the Dice coefficient between the union of the true and the union of the found masks; an image "
    "whose two masks are empty counts 1, a false positive on an empty image 0."
)


_SHARES = (0.01, 0.03)
"""Of the image, where small, middle and large findings part."""


class SiimSettings(Settings):
    """How a submission is scored."""

    bootstrap: int = SAMPLES
    """Bootstrap draws of images, or of patients where the truth names them."""
    seed: int = SEED
    """Of the draws; two systems scored with one seed can be compared as pairs."""
    missing_is_empty: bool = False
    """Count an image without a row in the marks as found empty, instead of refusing the submission."""


def score_siim(
    truth: pd.DataFrame,
    marks: pd.DataFrame,
    shape: tuple[int, int] = (1024, 1024),
    scores: Mapping[str, float] | None = None,
    settings: SiimSettings | None = None,
) -> Score:
    """Score run-length codes as the challenge does, and state beside it what an empty submission would get.

    Args:
        truth, marks: columns `image_id` and `encoded` (rle_siim; several rows of one image are united), optionally
            `row` (its number in the file, for sentences). `patient_id` of the truth makes patients the unit of the
            bootstrap; `score` of the marks ranks images, the largest of an image's rows.
        shape: (rows, columns) of every image.
        scores: probability of a finding per image; goes before the column `score`. Without either, the found area
            ranks the images.

    Raises:
        LesionkitError: a code that cannot be, by its row; marks on images that the truth does not know; images without
            marks; a score that is missing or not finite.
    """
    settings = settings or SiimSettings()
    images = _compare(_runs(truth, shape, "truth"), _runs(marks, shape, "marks"), settings.missing_is_empty)
    score, ranked_by = _image_scores(images, marks, scores)
    names = _patients(truth, images.ids)
    whose = Patients(np.unique(names, return_inverse=True)[1], "patient_id" in truth)
    draws = whose.draw(settings.bootstrap, settings.seed)
    samples = _resampled(images, score, draws)
    curve = roc(images.is_positive, score, f"images ranked by {ranked_by}")
    key = draw_key(names, zip(images.ids, images.truth_area, strict=True), len(draws), settings.seed)
    return Score(
        protocol="siim",
        rule=RULE,
        figures=_figures(images, score, samples, ranked_by, whose),
        counts={"patients": len(whose), **_counts(images)},
        curves=(curve,),
        operating_points=roc_points(curve),
        subgroups=tuple(_by_area(images, draws, whose)),
        warnings=tuple(_warnings(images, score, ranked_by)),
        facts={"shape": list(shape), "ranked_by": ranked_by, **settings.model_dump()},
        resamples=Resamples(key, samples),
    )


@dataclass(frozen=True, eq=False)
class _Images:
    """Numbers of pixels per image, of every image alike, and how many images had no row in the marks."""

    ids: tuple[str, ...]
    truth_area: NDArray[np.int64]
    found_area: NDArray[np.int64]
    overlap: NDArray[np.int64]
    size: int
    n_without_marks: int

    @property
    def is_positive(self) -> NDArray[np.bool_]:
        return self.truth_area > 0

    @property
    def dice(self) -> NDArray[np.float64]:
        return dice(self.overlap, self.truth_area, self.found_area)


def _runs(table: pd.DataFrame, shape: tuple[int, int], name: str) -> dict[str, Runs]:
    missing = [column for column in ("image_id", "encoded") if column not in table]
    if missing or not len(table):
        raise LesionkitError(
            f"the {name} must have rows with the columns image_id and encoded, got {len(table)} rows of "
            f"{', '.join(map(str, table.columns)) or 'no columns'}"
        )
    try:
        return runs_by_image(table["image_id"].tolist(), table["encoded"].tolist(), shape, _row_numbers(table))
    except LesionkitError as error:
        raise LesionkitError(f"{name}, {error}") from error


def _row_numbers(table: pd.DataFrame) -> list[int]:
    """As a person counts them in the file: the header is row 1."""
    return list(table["row"]) if "row" in table else list(range(2, len(table) + 2))


def _compare(truth: dict[str, Runs], found: dict[str, Runs], missing_is_empty: bool) -> _Images:
    unknown = [image_id for image_id in found if image_id not in truth]
    if unknown:
        raise LesionkitError(
            f"{len(unknown)} of {len(found)} images of the marks are not in the truth, first '{unknown[0]}'; "
            "give marks for the images of the truth only"
        )
    without = [image_id for image_id in truth if image_id not in found]
    if without and not missing_is_empty:
        raise LesionkitError(
            f"{len(without)} of {len(truth)} images of the truth have no row in the marks, first '{without[0]}'; "
            "give an image without finding a row with -1"
        )
    area = [runs.area for runs in truth.values()]
    found_area = [found[i].area if i in found else 0 for i in truth]
    overlap = [runs.overlap(found[i]) if i in found else 0 for i, runs in truth.items()]
    rows, columns = next(iter(truth.values())).shape
    counts = np.array([area, found_area, overlap], dtype=np.int64)
    return _Images(tuple(truth), counts[0], counts[1], counts[2], rows * columns, len(without))


def _image_scores(
    images: _Images, marks: pd.DataFrame, scores: Mapping[str, float] | None
) -> tuple[NDArray[np.float64], str]:
    """(n,) what ranks the images, and what it is."""
    if scores is not None:
        ranked_by = "the given scores"
    elif "score" in marks:
        scores, ranked_by = _column_scores(images, marks), "the column score"
    else:
        return images.found_area.astype(np.float64), "found area"
    without = [image_id for image_id in images.ids if image_id not in scores]
    if without:
        raise LesionkitError(
            f"every image needs a score, but {len(without)} of {len(images.ids)} have none, first '{without[0]}'"
        )
    values = np.array([scores[image_id] for image_id in images.ids], dtype=np.float64)
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise LesionkitError(f"scores must be finite, got {values[wrong[0]]} for image '{images.ids[wrong[0]]}'")
    return values, ranked_by


def _column_scores(images: _Images, marks: pd.DataFrame) -> dict[str, float]:
    values = pd.to_numeric(marks["score"], errors="coerce").to_numpy(dtype=np.float64)
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise LesionkitError(
            f"marks, row {_row_numbers(marks)[wrong[0]]}: a score must be a finite number, "
            f"got {marks['score'].iloc[wrong[0]]}"
        )
    best = dict.fromkeys(images.ids, float(values.min()))
    for image_id, value in zip(marks["image_id"], values, strict=True):
        best[image_id] = max(best[image_id], float(value))
    return best


def _patients(truth: pd.DataFrame, ids: tuple[str, ...]) -> list[str]:
    """(n,) the patient of each image; the image itself where the truth names none, or "".

    Raises:
        LesionkitError: an image of two patients.
    """
    if "patient_id" not in truth:
        return list(ids)
    patient: dict[str, str] = {}
    for image_id, patient_id in zip(truth["image_id"], truth["patient_id"], strict=True):
        if patient.setdefault(image_id, str(patient_id)) != str(patient_id):
            raise LesionkitError(f"an image belongs to one patient, but '{image_id}' has two; correct the truth")
    return [patient[image_id] or image_id for image_id in ids]


def _resampled(images: _Images, score: NDArray[np.float64], draws: NDArray[np.int32]) -> dict[str, NDArray[np.float64]]:
    return {
        "dice": resample_means(images.dice, draws),
        "dice on positives": resample_means(np.where(images.is_positive, images.dice, np.nan), draws),
        "all-empty baseline": resample_means(~images.is_positive, draws),
        "image AUC": resample_auc(images.is_positive, score, draws),
    }


def _figures(
    images: _Images,
    score: NDArray[np.float64],
    samples: dict[str, NDArray[np.float64]],
    ranked_by: str,
    whose: Patients,
) -> dict[str, Figure]:
    positive = images.is_positive
    unit = "patient" if len(whose) < len(positive) else "image"
    with_finding, without = whose.among(positive), whose.among(~positive)
    values = {
        "dice": (
            images.dice.mean(),
            f"mean over {len(positive)} images, empty truth and nothing found counts 1",
            len(whose),
        ),
        "dice on positives": (
            images.dice[positive].mean() if positive.any() else np.nan,
            f"mean over the {positive.sum()} images with a true finding",
            with_finding,
        ),
        "all-empty baseline": ((~positive).mean(), "the dice of a submission that finds nothing anywhere", len(whose)),
        "image AUC": (auc(positive, score), f"images ranked by {ranked_by}", min(with_finding, without)),
    }
    return {
        name: bootstrapped(value, samples[name], note, patients, f"{unit}s")
        for name, (value, note, patients) in values.items()
    }


def _by_area(images: _Images, draws: NDArray[np.int32], whose: Patients) -> Iterable[dict[str, Any]]:
    """Images apart by the share of them that the true finding takes."""
    share = images.truth_area / images.size
    group = np.where(share == 0, 0, 1 + np.searchsorted(_SHARES, share, side="right"))
    for i, name in enumerate(("none", "below 1 %", "1 % to 3 %", "3 % or more")):
        inside = group == i
        if inside.any():
            dices = images.dice[inside]
            figure = bootstrapped(dices.mean(), resample_means(dices, draws[:, inside]), "", whose.among(inside))
            yield {
                "column": "true area",
                "group": name,
                "images": int(inside.sum()),
                "found_images": int((images.found_area[inside] > 0).sum()),
                "dice": figure.value,
                "lower": figure.lower,
                "upper": figure.upper,
            }


def _counts(images: _Images) -> dict[str, int]:
    positive, found = images.is_positive, images.found_area > 0
    return {
        "images": len(images.ids),
        "positive_images": int(positive.sum()),
        "negative_images": int((~positive).sum()),
        "false_positive_images": int((found & ~positive).sum()),
        "missed_images": int((positive & ~found).sum()),
        "found_elsewhere_images": int((positive & found & (images.overlap == 0)).sum()),
        "images_without_marks": images.n_without_marks,
    }


def _warnings(images: _Images, score: NDArray[np.float64], ranked_by: str) -> Iterable[str]:
    n_positive = int(images.is_positive.sum())
    if images.n_without_marks:
        yield (
            f"{images.n_without_marks} of {len(images.ids)} images have no row in the marks and count as found empty; "
            f"the mean is still over all {len(images.ids)} images"
        )
    if not n_positive:
        yield "no image has a true finding: Dice on positives and the image AUC are not defined"
    elif n_positive == len(images.ids):
        yield "every image has a true finding: the image AUC is not defined"
    if n_positive and images.found_area.any() and not images.overlap.any():
        yield (
            "no found pixel lies on a true one in any image: are the marks of this image size, and in rle_siim rather "
            "than another run-length code?"
        )
    beyond = int(((score < 0) | (score > 1)).sum())
    if beyond and ranked_by != "found area":
        yield f"{beyond} image scores lie outside 0 to 1; they rank the images all the same"
