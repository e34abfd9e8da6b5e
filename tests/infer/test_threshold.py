import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.infer.decide import MaximumPixel, Plain, Triplet
from lesionkit.infer.threshold import FIRST_GRID, Evidence, grid, search


def dice(found, truth) -> float:
    total = found.sum() + truth.sum()
    return float(2 * (found & truth).sum() / total) if total else 1.0


def evidence(probability, truth, patient: str = "a", part: str = "validation") -> Evidence:
    return Evidence(np.atleast_2d(probability), np.atleast_2d(truth).astype(bool), None, patient, part)


def noise(n_images: int, seed: int = 0) -> list[Evidence]:
    """Images in which probability says nothing about truth."""
    rng = np.random.default_rng(seed)
    return [evidence(rng.random((4, 4)), rng.random((4, 4)) < 0.3, f"patient {n}") for n in range(n_images)]


THRESHOLDS = [Plain(pixel=p) for p in (0.2, 0.5, 0.8)]


def test_the_rule_that_draws_the_truth_is_found():
    images = [evidence([0.9, 0.6, 0.4], [1, 1, 0], patient) for patient in "abcde"]
    found = search(THRESHOLDS, images, dice)
    assert found.rule == Plain(pixel=0.5)
    assert found.scores.tolist() == pytest.approx([0.8, 1.0, 2 / 3])


def test_where_all_images_agree_the_search_flatters_nobody():
    images = [evidence([0.9, 0.6, 0.4], [1, 1, 0], patient) for patient in "abcde"]
    found = search(THRESHOLDS, images, dice)
    assert found.chosen == (1, 1, 1, 1, 1)
    assert (found.score, found.nested_score, found.optimism) == (1.0, 1.0, 0.0)


def test_on_noise_the_best_of_many_rules_looks_better_than_it_is():
    rules = [Plain(pixel=p) for p in np.linspace(0.01, 0.99, 60)]
    optimism = [search(rules, noise(20, seed), dice, seed=seed).optimism for seed in range(8)]
    assert np.mean(optimism) > 0.005


def test_two_patients_decided_by_each_other_by_hand():
    # Alone, a prefers 0.5 (dice 1 against 2/3) and b prefers 0.2 (1 against 2/3); each is decided by the other's rule.
    images = [evidence([0.9, 0.4], [1, 0], "a"), evidence([0.9, 0.4], [1, 1], "b")]
    found = search([Plain(pixel=0.2), Plain(pixel=0.5)], images, dice, folds=2)
    assert found.score == pytest.approx((1 + 2 / 3) / 2)
    assert found.nested_score == pytest.approx(2 / 3)
    assert found.optimism == pytest.approx(1 / 6)
    assert sorted(found.chosen) == [0, 1]


def test_images_of_one_patient_are_never_on_both_sides():
    # Nine images of patient a and one of b: if a were parted, 0.2 would always win.
    images = [evidence([0.9, 0.4], [1, 1], "a")] * 9 + [evidence([0.9, 0.4], [1, 0], "b")]
    found = search([Plain(pixel=0.2), Plain(pixel=0.5)], images, dice, folds=2)
    assert found.nested_score == pytest.approx(2 / 3)


def test_the_same_seed_gives_the_same_search():
    first, second = (search(THRESHOLDS, noise(12), dice, seed=4) for _ in range(2))
    assert (first.nested_score, first.chosen) == (second.nested_score, second.chosen)


def test_images_may_come_one_by_one():
    assert search(THRESHOLDS, (image for image in noise(6)), dice, folds=3).scores.shape == (3,)


def test_the_first_place_tried_eight_triplets():
    assert len(FIRST_GRID) == 8
    assert Triplet(top=0.75, min_pixels=2000, bottom=0.3) in FIRST_GRID


def test_a_grid_holds_every_combination_that_is_allowed():
    rules = grid(MaximumPixel, {"top": (0.3, 0.6), "bottom": (0.2, 0.5), "max_empty_pixels": (0, 64)})
    assert [(r.top, r.bottom) for r in rules[::2]] == [(0.3, 0.2), (0.6, 0.2), (0.6, 0.5)]


def test_a_grid_names_a_setting_that_the_rule_has_not():
    with pytest.raises(LesionkitError, match="unknown setting 'pixels' of Plain; did you mean 'pixel'"):
        grid(Plain, {"pixels": (0.3,)})


def test_rules_are_not_searched_on_test_images():
    with pytest.raises(LesionkitError, match="validation images only, got image 0 of part 'test'"):
        search(THRESHOLDS, [evidence([0.9], [1], part="test")], dice)


def test_more_folds_than_patients_are_refused():
    with pytest.raises(LesionkitError, match="5 folds need as many patients, got 1; set folds lower"):
        search(THRESHOLDS, [evidence([0.9], [1])] * 9, dice)


def test_a_search_needs_rules():
    with pytest.raises(LesionkitError, match="at least one rule"):
        search([], noise(5), dice)
