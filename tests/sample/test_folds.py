"""Every fold has its share of patients, of positives and of large lesions, and no patient lies on two folds."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.sample.folds import FoldCase, stratified_split
from lesionkit.sample.split import Splits, check_patients


def folds_of(cases, folds, seed=0):
    return stratified_split(cases, {f"fold{number}": 1.0 for number in range(folds)}, seed)


@st.composite
def data_sets(draw, least_positive=5):
    """Patients with one to four images each, some of which show a lesion, some of which nobody looked at."""
    areas = st.sampled_from([None, 0.0, 0.0, 0.01, 0.05, 0.2])
    sick = draw(st.integers(least_positive, 14))
    cases = []
    for number in range(sick + draw(st.integers(0, 14))):
        images = draw(st.lists(areas, min_size=1, max_size=4))
        if number < sick:
            images[0] = draw(st.floats(1e-3, 0.5))
        cases += [FoldCase(f"{number}-{k}", f"p{number}", area) for k, area in enumerate(images)]
    return cases


def largest(cases):
    """Largest lesion by patient, 0 if none."""
    found: dict[str, float] = {}
    for case in cases:
        found[case.patient_id] = max(found.get(case.patient_id, 0.0), case.area or 0.0)
    return found


def counts(splits: Splits, cases, least: float):
    """Patients with a lesion of at least `least`, by part."""
    size, patient = largest(cases), {case.case_id: case.patient_id for case in cases}
    return {name: sum(size[p] >= least for p in {patient[c] for c in part}) for name, part in splits.parts.items()}


@given(data_sets(), st.integers(2, 5), st.integers(0, 9))
def test_every_image_is_dealt_once_and_no_patient_lies_on_two_folds(cases, folds, seed):
    splits = folds_of(cases, folds, seed)
    assert sorted(case for part in splits.parts.values() for case in part) == sorted(case.case_id for case in cases)
    check_patients(splits, {case.case_id: case.patient_id for case in cases})
    assert list(splits.parts) == [f"fold{number}" for number in range(folds)]


@given(data_sets(), st.integers(2, 5), st.integers(0, 9))
def test_folds_differ_by_at_most_one_patient_positive_patient_and_patient_with_a_large_lesion(cases, folds, seed):
    splits = folds_of(cases, folds, seed)
    sizes = sorted((size for size in largest(cases).values() if size > 0), reverse=True)
    for least in (0.0, min(sizes), *_large_and_middle(sizes)):
        found = counts(splits, cases, least).values()
        assert max(found) - min(found) <= 1


def _large_and_middle(sizes):
    """Sizes that only the upper third, or the upper two thirds, reach; none where equals stand on both sides."""
    return [sizes[n - 1] for n in (len(sizes) // 3, len(sizes) * 2 // 3) if n and sizes[n - 1] > sizes[n]]


@given(data_sets(least_positive=8), st.lists(st.floats(0.2, 1), min_size=2, max_size=4), st.integers(0, 9))
def test_parts_of_any_share_get_it_to_within_one_patient(cases, shares, seed):
    parts = {f"part {number}": share for number, share in enumerate(shares)}
    splits = stratified_split(cases, parts, seed)
    sizes = largest(cases).values()
    positive = sum(size > 0 for size in sizes)
    for total, found in (
        (len(sizes), counts(splits, cases, 0.0)),
        (positive, counts(splits, cases, 1e-6)),
    ):
        for name, share in parts.items():
            wanted = share / sum(shares) * total
            if all(other / sum(shares) * positive >= 1 for other in shares):
                assert abs(found[name] - wanted) < 1 + 1e-6
    assert all(counts(splits, cases, 1e-6).values())


@given(data_sets(), st.randoms(use_true_random=False))
def test_the_order_of_the_cases_does_not_matter(cases, random):
    shuffled = list(cases)
    random.shuffle(shuffled)
    assert folds_of(shuffled, 3) == folds_of(cases, 3)


def test_another_seed_deals_otherwise():
    cases = [FoldCase(f"c{n}", f"p{n}", n / 100 if n < 10 else 0.0) for n in range(40)]
    for deal in (lambda seed: folds_of(cases, 4, seed), lambda seed: stratified_split(cases, seed=seed)):
        assert deal(1) == deal(1)
        assert deal(1) != deal(2)
        sick = [
            {case for case in next(iter(deal(seed).parts.values())) if int(case[1:]) in range(1, 10)} for seed in (1, 2)
        ]
        assert sick[0] != sick[1]


def test_three_parts_of_a_hundred_patients_are_70_15_15_and_share_the_20_positives():
    cases = [FoldCase(f"c{n}", f"p{n}", 0.1 if n < 20 else 0.0) for n in range(100)]
    splits = stratified_split(cases)
    assert {name: len(part) for name, part in splits.parts.items()} == {"train": 70, "validation": 15, "test": 15}
    assert counts(splits, cases, 0.1) == {"train": 14, "validation": 3, "test": 3}


def test_few_positive_patients_still_give_each_part_one():
    cases = [FoldCase(f"c{n}", f"p{n}", 0.1 if n < 3 else 0.0) for n in range(30)]
    for seed in range(5):
        assert counts(stratified_split(cases, seed=seed), cases, 0.1) == {"train": 1, "validation": 1, "test": 1}


def test_a_patient_counts_by_the_largest_lesion():
    # Two patients with a large lesion on one of two images: they go to different folds.
    cases = [
        *(FoldCase(f"large {p} {k}", f"L{p}", area) for p in "ab" for k, area in enumerate((0.0, 0.5))),
        *(FoldCase(f"small {n}", f"s{n}", 0.01) for n in range(4)),
    ]
    for seed in range(5):
        splits = folds_of(cases, 2, seed)
        assert set(counts(splits, cases, 0.5).values()) == {1}


def test_folds_have_about_as_many_images_where_patients_have_different_numbers():
    images = np.random.default_rng(0).geometric(0.3, 200)
    cases = [FoldCase(f"{p}-{k}", f"p{p}", 0.1 * (p < 50)) for p, n in enumerate(images) for k in range(n)]
    lengths = [len(part) for part in folds_of(cases, 5).parts.values()]
    assert max(lengths) - min(lengths) <= math.ceil(0.03 * np.mean(lengths))


ONE = [FoldCase("a", "A", 0.1), FoldCase("b", "B", 0.0), FoldCase("c", "C", None)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: folds_of(ONE, 4), r"4 parts \(fold0, .*\) need as many patients, got 3; use fewer parts"),
        (lambda: folds_of(ONE, 2), "need as many patients with a lesion, got 1"),
        (lambda: folds_of([*ONE, ONE[0]], 2), "each image is dealt once, but 'a' came twice"),
        (lambda: folds_of([FoldCase("a", "A", 7.0)], 2), "image 'a': area must be a share .* got 7"),
        (lambda: folds_of([FoldCase("a", "A", math.nan)], 2), "area must be a share of the image .* got nan"),
        (lambda: stratified_split(ONE, {"train": 1.0, "test": 0.0}), "each part needs a positive share"),
        (lambda: stratified_split(ONE, {}), "each part needs a positive share"),
    ],
)
def test_impossible_wishes_are_refused(call, message):
    with pytest.raises(LesionkitError, match=message):
        call()
