"""The laws of the exact protocol."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lesionkit.evaluate.froc import sensitivity_at
from lesionkit.evaluate.luna16 import Luna16Settings, score_luna16
from lesionkit.evaluate.score import Curve, Score

SERIES = ["s0", "s1", "s2"]
FAST = Luna16Settings(protocol="exact", bootstrap=2)
RATES = np.linspace(0, 12, 97)
SCORES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]


def table(rows: list[tuple], last: str) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["seriesuid", "coordX", "coordY", "coordZ", last])
    return frame.astype({"seriesuid": str, "coordX": float, "coordY": float, "coordZ": float, last: float})


coordinate = st.integers(-12, 12).map(float)
place = st.tuples(st.sampled_from(SERIES), coordinate, coordinate, st.just(0.0))
lesions = st.lists(st.tuples(place, st.sampled_from([4.0, 9.0, 14.0])).map(lambda t: (*t[0], t[1])), max_size=6)
marks = st.lists(st.tuples(place, st.sampled_from(SCORES)).map(lambda t: (*t[0], t[1])), max_size=25)
law = settings(max_examples=60, deadline=None)


def score(marks: list[tuple], lesions: list[tuple], excluded: list[tuple] = ()) -> Score:
    return score_luna16(
        table(marks, "probability"), table(lesions, "diameter_mm"), table(list(excluded), "diameter_mm"), SERIES, FAST
    )


def curve(*arguments: list[tuple]) -> Curve:
    return score(*arguments).curves[0]


def same(a: Curve, b: Curve) -> None:
    np.testing.assert_array_equal(a.x, b.x)
    np.testing.assert_array_equal(a.y, b.y)


@law
@given(lesions, st.sampled_from(["equal", "different"]))
def test_a_perfect_detector_scores_one_even_if_its_scores_tie(lesions: list[tuple], scores: str) -> None:
    assume(lesions)
    given = [(*row[:4], 0.5 if scores == "equal" else 0.1 + 0.1 * i) for i, row in enumerate(lesions)]
    found = score(given, lesions)
    assert found.figures["cpm"].value == 1.0
    assert found.counts["false_positives"] == 0


@law
@given(marks)
def test_a_set_of_healthy_scans_has_no_sensitivity_but_false_positives(marks: list[tuple]) -> None:
    found = score(marks, [])
    assert np.isnan(found.figures["cpm"].value)
    assert found.counts["false_positives"] == len(marks)
    assert "no nodule in any of 3 scans" in found.warnings[0]


@law
@given(marks, lesions, lesions, st.randoms())
def test_the_order_of_rows_does_not_matter(marks, lesions, excluded, random) -> None:
    before = curve(marks, lesions, excluded)
    shuffled = [random.sample(rows, len(rows)) for rows in (marks, lesions, excluded)]
    after = curve(*shuffled)
    same(before, after)
    np.testing.assert_array_equal(before.threshold, after.threshold)


@law
@given(marks, lesions, st.sampled_from([lambda p: p**3, lambda p: 0.5 + p / 10, lambda p: p / 7]))
def test_only_the_order_of_scores_matters(marks, lesions, change) -> None:
    same(curve(marks, lesions), curve([(*row[:4], change(row[4])) for row in marks], lesions))


@law
@given(marks, lesions, lesions)
def test_repeating_a_hit_changes_nothing(marks: list[tuple], lesions: list[tuple], excluded: list[tuple]) -> None:
    def in_a_lesion(mark: tuple) -> bool:
        return any(m[0] == mark[0] and sum((m[i] - mark[i]) ** 2 for i in (1, 2, 3)) < (m[4] / 2) ** 2 for m in lesions)

    again = [mark for mark in marks if in_a_lesion(mark)]
    same(curve(marks, lesions, excluded), curve(marks + again, lesions, excluded))


@law
@given(marks, lesions, st.integers(0, 25))
def test_a_file_split_in_two_scores_as_one(marks: list[tuple], lesions: list[tuple], at: int) -> None:
    halves = pd.concat([table(marks[at:], "probability"), table(marks[:at], "probability")])
    joined = score_luna16(halves, table(lesions, "diameter_mm"), None, SERIES, FAST)
    same(curve(marks, lesions), joined.curves[0])


@law
@given(lesions)
def test_no_marks_find_nothing(lesions: list[tuple]) -> None:
    assume(lesions)
    found = score([], lesions)
    assert found.figures["cpm"].value == 0.0
    assert (found.counts["hits"], found.counts["misses"]) == (0, len(lesions))
    assert "there are no marks: sensitivity is 0" in found.warnings[0]


@law
@given(marks, lesions, st.sampled_from(SERIES), st.sampled_from(SCORES))
def test_a_far_false_positive_never_raises_the_curve(marks, lesions, series, probability) -> None:
    assume(lesions)
    before = sensitivity_at(curve(marks, lesions), RATES)
    after = sensitivity_at(curve([*marks, (series, 500.0, 500.0, 500.0, probability)], lesions), RATES)
    assert (after <= before).all()


@law
@given(marks, lesions)
def test_both_coordinates_of_the_curve_never_fall(marks: list[tuple], lesions: list[tuple]) -> None:
    assume(lesions)
    found = curve(marks, lesions)
    assert (np.diff(found.x) >= 0).all()
    assert (np.diff(found.y) >= 0).all()
    assert (np.diff(found.threshold) < 0).all()


def test_all_marks_of_a_scan_count() -> None:
    many = [("s0", 100.0 + i, 0.0, 0.0, 0.9) for i in range(300)]
    found = score([*many, ("s0", 0.0, 0.0, 0.0, 0.1)], [("s0", 0.0, 0.0, 0.0, 5.0)])
    assert (found.counts["candidates"], found.counts["hits"], found.counts["false_positives"]) == (301, 1, 300)


def test_one_mark_between_two_lesions_counts_for_the_nearest_only() -> None:
    found = score([("s0", 1.0, 0.0, 0.0, 0.9)], [("s0", 0.0, 0.0, 0.0, 10.0), ("s0", 3.0, 0.0, 0.0, 10.0)])
    assert found.figures["cpm"].value == pytest.approx(0.5)
