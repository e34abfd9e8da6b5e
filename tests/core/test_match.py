import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lesionkit.core.match as module
from lesionkit.core.errors import LesionkitError
from lesionkit.core.match import Pairs, Places, match, nearest, pairs_within


def points(*rows: tuple[float, ...], case: int = 0) -> Places:
    return Places(np.full(len(rows), case), np.array(rows, dtype=float).reshape(len(rows), -1))


def balls(*rows: tuple[float, ...], case: int = 0) -> Places:
    """Each row is x, y, z, radius."""
    table = np.array(rows, dtype=float).reshape(len(rows), -1)
    return Places(np.full(len(rows), case), table[:, :-1], table[:, -1])


def as_set(pairs: Pairs) -> set[tuple[int, int]]:
    return set(zip(pairs.mark.tolist(), pairs.lesion.tolist(), strict=True))


def test_a_mark_exactly_on_the_surface_is_outside() -> None:
    pairs = pairs_within(points((3, 4, 0), (3, 3.999, 0)), balls((0, 0, 0, 5)))
    assert as_set(pairs) == {(1, 0)}


def test_marks_of_another_case_never_hit() -> None:
    assert not len(pairs_within(points((0, 0, 0), case=1), balls((0, 0, 0, 5), case=0)))


def test_a_mark_inside_two_lesions_hits_the_nearest() -> None:
    marks, lesions = points((1, 0, 0)), balls((0, 0, 0, 5), (3, 0, 0, 5))
    assert as_set(match(marks, lesions).pairs) == {(0, 0)}
    assert as_set(match(marks, lesions, shared=True).pairs) == {(0, 0), (0, 1)}


def test_a_mark_as_near_to_two_lesions_hits_both() -> None:
    assert as_set(match(points((1, 0, 0)), balls((0, 0, 0, 5), (2, 0, 0, 5))).pairs) == {(0, 0), (0, 1)}


def test_a_mark_in_a_lesion_and_in_an_excluded_finding_is_a_hit() -> None:
    found = match(points((0, 0, 0), (8, 0, 0), (20, 0, 0)), balls((1, 0, 0, 5)), balls((0, 0, 0, 10)))
    assert found.is_hit.tolist() == [True, False, False]
    assert found.is_ignored.tolist() == [False, True, False]
    assert found.is_false_positive.tolist() == [False, False, True]


def test_the_highest_of_several_hits_is_the_score_of_a_lesion() -> None:
    found = match(points((0, 0, 0), (1, 0, 0)), balls((0, 0, 0, 5), (50, 0, 0, 5)))
    assert found.lesion_scores(np.array([0.2, 0.7]), 2).tolist() == [0.7, -np.inf]


def test_two_dimensions_work_alike() -> None:
    assert as_set(pairs_within(points((3, 3)), balls((0, 0, 5)))) == {(0, 0)}


def test_no_marks_and_no_lesions_make_no_pairs() -> None:
    nothing = Places.none()
    assert not len(pairs_within(nothing, nothing))
    assert not len(pairs_within(points((0, 0, 0)), nothing))
    assert not len(nearest(pairs_within(nothing, balls((0, 0, 0, 1))), 0))


def test_marks_and_lesions_of_different_dimensions_are_refused() -> None:
    with pytest.raises(LesionkitError, match="marks have 2 coordinates and lesions 3"):
        pairs_within(points((0, 0)), balls((0, 0, 0, 5)))


def test_lesions_without_radius_are_refused() -> None:
    with pytest.raises(LesionkitError, match="lesions need a radius_mm"):
        pairs_within(points((0, 0, 0)), points((0, 0, 0)))


def test_numbers_of_cases_centres_and_radii_must_agree() -> None:
    with pytest.raises(LesionkitError, match=r"2 cases need centres of shape \(2, d\), got \(3, 3\)"):
        Places(np.zeros(2, dtype=int), np.zeros((3, 3)))
    with pytest.raises(LesionkitError, match="2 lesions need 2 radii"):
        Places(np.zeros(2, dtype=int), np.zeros((2, 3)), np.ones(1))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 7, 1 << 19]))
def test_pairs_equal_those_of_two_plain_loops_whatever_the_block_size(seed: int, block: int) -> None:
    rng = np.random.default_rng(seed)
    marks = Places(rng.integers(0, 3, 20), rng.integers(0, 6, (20, 3)).astype(float))
    lesions = Places(
        rng.integers(0, 3, 8), rng.integers(0, 6, (8, 3)).astype(float), rng.integers(0, 4, 8).astype(float)
    )
    plain = {
        (m, n)
        for m in range(20)
        for n in range(8)
        if marks.case[m] == lesions.case[n]
        and ((marks.centre_mm[m] - lesions.centre_mm[n]) ** 2).sum() < lesions.radius_mm[n] ** 2
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_PAIRS_AT_ONCE", block)
        assert as_set(pairs_within(marks, lesions)) == plain
