import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lesionkit.core.errors import LesionkitError
from lesionkit.core.mask import encode_rle_siim
from lesionkit.evaluate.siim import SiimSettings, score_siim

FEW = SiimSettings(bootstrap=50)


def table(*rows, columns=("image_id", "encoded")):
    return pd.DataFrame(list(rows), columns=list(columns))


def score(truth, marks, shape=(4, 4), **more):
    return score_siim(truth, marks, shape, settings=FEW, **more)


# Of four images two are positive: "half" is half found, "missed" not at all; "clean" is clean, "alarm" a false alarm.
TRUTH = table(("half", "0 2"), ("missed", "3 4"), ("clean", "-1"), ("alarm", "-1"))
MARKS = table(("half", "1 2"), ("missed", "-1"), ("clean", "-1"), ("alarm", "0 1"))


def test_dice_is_averaged_over_images_and_two_empty_masks_count_one():
    # 0.5, 0, 1 and 0.
    figures = score(TRUTH, MARKS).figures
    assert next(iter(figures)) == "dice"
    assert figures["dice"].value == 0.375
    assert figures["dice on positives"].value == 0.25
    assert figures["all-empty baseline"].value == 0.5


def test_false_positive_and_missed_images_are_counted():
    counts = score(TRUTH, MARKS).counts
    assert counts["images"] == 4
    assert counts["positive_images"] == 2
    assert counts["false_positive_images"] == 1
    assert counts["missed_images"] == 1


def test_an_empty_submission_gets_the_all_empty_baseline():
    figures = score(TRUTH, TRUTH.assign(encoded="-1")).figures
    assert figures["dice"].value == figures["all-empty baseline"].value == 0.5


def test_the_truth_itself_scores_one():
    result = score(TRUTH, TRUTH)
    assert [result.figures[name].value for name in ("dice", "dice on positives", "image AUC")] == [1, 1, 1]


def test_rows_of_one_image_are_united_in_truth_and_marks():
    truth = table(("a", "0 2"), ("a", "4 2"), ("b", "-1"))
    marks = table(("a", "0 6"), ("b", "-1"))
    # 4 true pixels, 6 found, 4 shared: 2 * 4 / 10.
    assert score(truth, marks).figures["dice on positives"].value == pytest.approx(0.8)


def test_images_are_ranked_by_found_area_without_a_score():
    # Found areas: half 2, missed 0, clean 0, alarm 1. Of four pairs half wins two, missed ties one and loses one.
    result = score(TRUTH, MARKS)
    assert result.figures["image AUC"].value == 0.625
    assert result.facts["ranked_by"] == "found area"


def test_a_score_column_ranks_the_images():
    marks = MARKS.assign(score=[0.9, 0.8, 0.1, 0.7])
    result = score(TRUTH, marks)
    assert result.figures["image AUC"].value == 1.0
    assert result.facts["ranked_by"] == "the column score"
    assert result.figures["dice"].value == 0.375


def test_given_scores_go_before_the_column():
    marks = MARKS.assign(score=[0.9, 0.8, 0.1, 0.7])
    given_scores = {"half": 0.1, "missed": 0.2, "clean": 0.8, "alarm": 0.9}
    assert score(TRUTH, marks, scores=given_scores).figures["image AUC"].value == 0.0


def test_the_threshold_behind_a_quoted_sensitivity_is_stored():
    marks = MARKS.assign(score=[0.9, 0.8, 0.1, 0.7])
    points = {point.name: point for point in score(TRUTH, marks).operating_points}
    assert points["sensitivity of at least 0.9"].threshold == 0.8
    assert points["sensitivity of at least 0.9"].y == 1.0


@given(st.data())
def test_dice_on_runs_is_dice_on_pixels(data):
    pairs = data.draw(st.lists(st.tuples(*[arrays.arrays(bool, (3, 5))] * 2), min_size=1, max_size=6))
    truth = table(*((f"i{n}", encode_rle_siim(a)) for n, (a, _) in enumerate(pairs)))
    marks = table(*((f"i{n}", encode_rle_siim(b)) for n, (_, b) in enumerate(pairs)))
    expected = [2 * (a & b).sum() / (a.sum() + b.sum()) if (a | b).any() else 1.0 for a, b in pairs]
    assert score(truth, marks, (3, 5)).figures["dice"].value == pytest.approx(np.mean(expected))


@given(st.permutations(range(4)), st.permutations(range(4)))
def test_the_order_of_rows_does_not_matter(first, second):
    result = score(TRUTH.iloc[list(first)], MARKS.iloc[list(second)])
    assert result.figures["dice"].value == 0.375
    assert result.figures["image AUC"].value == 0.625


def test_intervals_are_a_bootstrap_over_images_repeated_by_seed():
    first, second = score(TRUTH, MARKS), score(TRUTH, MARKS)
    figure = first.figures["dice"]
    assert figure.lower <= figure.value <= figure.upper
    assert "bootstrap over images" in figure.note
    assert first.figures == second.figures
    np.testing.assert_array_equal(first.resamples.figures["dice"], second.resamples.figures["dice"])


def test_patients_are_drawn_whole_where_the_truth_names_them():
    # All images are of one patient: every draw is the same, and an interval of them would have no width.
    result = score(TRUTH.assign(patient_id="p"), MARKS)
    assert (result.figures["dice"].value, result.figures["dice"].lower) == (0.375, None)
    assert set(result.resamples.figures["dice"]) == {0.375}
    assert result.counts["patients"] == 1
    two = score(TRUTH.assign(patient_id=["p", "p", "p", "q"]), MARKS)
    assert "bootstrap over patients" in two.figures["dice"].note


def test_images_are_scored_apart_by_the_true_area():
    # Of 10 x 20 pixels 1 is 0.5 %, 3 are 1.5 %, 20 are 10 %.
    truth = table(("none", "-1"), ("small", "0 1"), ("middle", "0 3"), ("large", "0 20"))
    marks = table(("none", "-1"), ("small", "-1"), ("middle", "0 3"), ("large", "10 20"))
    rows = score(truth, marks, (10, 20)).subgroups
    assert [(row["group"], row["images"], row["dice"]) for row in rows] == [
        ("none", 1, 1.0),
        ("below 1 %", 1, 0.0),
        ("1 % to 3 %", 1, 1.0),
        ("3 % or more", 1, 0.5),
    ]


def test_healthy_images_only_leave_two_figures_undefined_and_say_so():
    result = score(TRUTH.iloc[2:], MARKS.iloc[2:])
    assert result.figures["dice"].value == 0.5
    assert np.isnan(result.figures["dice on positives"].value)
    assert np.isnan(result.figures["image AUC"].value)
    assert any("no image has a true finding" in warning for warning in result.warnings)


def test_positive_images_only_leave_the_area_undefined_and_say_so():
    result = score(TRUTH.iloc[:2], MARKS.iloc[:2])
    assert any("every image has a true finding" in warning for warning in result.warnings)


def test_images_without_marks_are_refused_unless_they_are_to_count_as_empty():
    with pytest.raises(LesionkitError, match="1 of 4 images of the truth have no row in the marks, first 'missed'"):
        score(TRUTH, MARKS.drop(index=1))
    result = score_siim(TRUTH, MARKS.drop(index=1), (4, 4), settings=SiimSettings(bootstrap=50, missing_is_empty=True))
    assert result.figures["dice"].value == 0.375
    assert any("1 of 4 images have no row" in warning for warning in result.warnings)


def test_marks_on_unknown_images_are_refused():
    with pytest.raises(LesionkitError, match="1 of 5 images of the marks are not in the truth, first 'who'"):
        score(TRUTH, pd.concat([MARKS, table(("who", "-1"))]))


def test_the_first_wrong_row_is_named_by_table_row_and_image():
    with pytest.raises(LesionkitError, match=r"marks, row 3 \(image 'missed'\): runs of rle_siim must end within"):
        score(TRUTH, MARKS.assign(encoded=["1 2", "15 2", "9 99", "-1"]))
    with pytest.raises(LesionkitError, match=r"truth, row 71 \(image 'half'\): rle_siim must be pairs"):
        score(TRUTH.assign(encoded=["1 2 3", "-1", "-1", "-1"], row=[71, 72, 73, 74]), MARKS)


def test_a_table_without_its_columns_is_refused():
    with pytest.raises(LesionkitError, match="the marks must have rows with the columns image_id and encoded"):
        score(TRUTH, MARKS.drop(columns="encoded"))


def test_scores_must_be_finite_and_complete():
    with pytest.raises(LesionkitError, match="marks, row 3: a score must be a finite number, got nan"):
        score(TRUTH, MARKS.assign(score=[0.9, np.nan, 0.1, 0.7]))
    with pytest.raises(LesionkitError, match="3 of 4 have none, first 'missed'"):
        score(TRUTH, MARKS, scores={"half": 1.0})
    with pytest.raises(LesionkitError, match="must be finite, got inf for image 'half'"):
        score(TRUTH, MARKS, scores={"half": np.inf, "missed": 0, "clean": 0, "alarm": 0})


def test_scores_outside_zero_to_one_are_warned_of():
    result = score(TRUTH, MARKS.assign(score=[90.0, 0.5, 0.1, 0.2]))
    assert any("1 image scores lie outside 0 to 1" in warning for warning in result.warnings)


def test_an_image_of_two_patients_is_refused():
    truth = table(("a", "0 1", "p"), ("a", "2 1", "q"), columns=("image_id", "encoded", "patient_id"))
    with pytest.raises(LesionkitError, match="but 'a' has two; correct the truth"):
        score(truth, table(("a", "0 1")))


def test_marks_in_another_code_are_suspected():
    result = score(table(("a", "0 2"), ("b", "-1")), table(("a", "9 2"), ("b", "-1")))
    assert any("no found pixel lies on a true one" in warning for warning in result.warnings)


def test_a_finding_of_just_one_or_three_per_cent_belongs_to_the_larger_group():
    ids = ["just below 1 %", "1 %", "just below 3 %", "3 %"]
    truth = pd.DataFrame({"image_id": ids, "encoded": ["0 99", "0 100", "0 299", "0 300"]})
    rows = score_siim(truth, truth, (100, 100), settings=SiimSettings(bootstrap=10)).subgroups
    assert [(row["group"], row["images"]) for row in rows] == [("below 1 %", 1), ("1 % to 3 %", 2), ("3 % or more", 1)]
