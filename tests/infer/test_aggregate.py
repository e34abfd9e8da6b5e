import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.infer.aggregate import (
    Aggregator,
    AggregatorSettings,
    deal,
    fit_aggregator,
)
from lesionkit.infer.logistic import Logistic

QUICK = AggregatorSettings(ridges=(0.03, 1.0), folds=3)

Slides = tuple[list[dict[str, float]], np.ndarray, list[str]]


def slides(n: int = 40, seed: int = 0, signal: float = 1.5) -> Slides:
    """One feature that knows something, one that does not; two slides of each patient."""
    rng = np.random.default_rng(seed)
    positive = np.repeat(rng.permutation(np.arange(n // 2) % 2 == 0), 2)
    area = rng.normal(size=n) + signal * positive
    rows = [{"area": float(a), "noise": float(b)} for a, b in zip(area, rng.normal(size=n), strict=True)]
    return rows, positive, [f"patient {i // 2}" for i in range(n)]


def auc(score: np.ndarray, positive: np.ndarray) -> float:
    return float((score[positive][:, None] > score[~positive]).mean())


def test_the_aggregator_learns_which_feature_tells() -> None:
    fitted = fit_aggregator(*slides(), QUICK)
    assert fitted.aggregator({"area": 3.0, "noise": 0.0}) > 0.8 > 0.2 > fitted.aggregator({"area": -2.0, "noise": 0.0})
    assert auc(fitted.out_of_fold, slides()[1]) > 0.75


def test_out_of_fold_probabilities_of_noise_do_not_flatter() -> None:
    """On slides it has seen, a model of noise looks good; on those it has not, it is a coin."""
    rng = np.random.default_rng(3)
    positive = np.arange(40) % 2 == 0
    rows = [{f"noise {i}": float(v) for i, v in enumerate(rng.normal(size=12))} for _ in positive]
    fitted = fit_aggregator(rows, positive, [str(i) for i in range(40)], AggregatorSettings(ridges=(0.003,)))
    seen = np.array([fitted.aggregator(row) for row in rows])
    assert auc(seen, positive) > 0.8
    assert auc(fitted.out_of_fold, positive) < 0.7


def test_no_patient_is_on_both_sides() -> None:
    """Slides of a patient whose label is known from another of the same feature are no help out of fold."""
    rng = np.random.default_rng(0)
    owner = np.repeat(np.arange(30), 2)
    positive = np.repeat(rng.random(30) < 0.5, 2)
    fold = deal(positive, owner, folds=5, seed=0)
    assert all(len(set(fold[owner == patient].tolist())) == 1 for patient in range(30))
    assert sorted(set(fold.tolist())) == [0, 1, 2, 3, 4]
    assert all(positive[fold == f].any() and not positive[fold == f].all() for f in range(5))


def test_with_few_patients_of_a_kind_there_are_fewer_folds() -> None:
    positive = np.array([True, True, True, False, False, False, False, False])
    assert deal(positive, np.arange(8), folds=5, seed=0).max() == 2


def test_the_same_seed_deals_the_same_folds() -> None:
    first, second = (fit_aggregator(*slides(), QUICK) for _ in range(2))
    assert first.aggregator == second.aggregator
    np.testing.assert_array_equal(first.out_of_fold, second.out_of_fold)


def test_only_the_named_features_are_seen() -> None:
    fitted = fit_aggregator(*slides(), AggregatorSettings(features=("area",), folds=2))
    assert fitted.aggregator.features == ("area",)
    assert fitted.aggregator({"area": 1.0}) == fitted.aggregator({"area": 1.0, "noise": 9.0})


def test_noise_makes_it_choose_a_stronger_penalty_than_a_clear_signal() -> None:
    assert (
        fit_aggregator(*slides(signal=0.0), QUICK).aggregator.ridge
        > fit_aggregator(*slides(signal=4.0), QUICK).aggregator.ridge
    )


def test_what_cannot_be_learned_from_is_refused() -> None:
    rows, positive, patients = slides(8)
    with pytest.raises(LesionkitError, match="got 8, 7 and 8 of them"):
        fit_aggregator(rows, positive[:7], patients)
    with pytest.raises(LesionkitError, match="learns from slides, got none"):
        fit_aggregator([], [], [])
    with pytest.raises(LesionkitError, match="at least two patients with tumour and two without"):
        fit_aggregator(rows, np.zeros(8, dtype=bool), patients)
    with pytest.raises(LesionkitError, match="slide 0 has no feature 'area'; it has noise"):
        Aggregator(("area",), Logistic((1.0,), 0.0), 0.1)({"noise": 1.0})
