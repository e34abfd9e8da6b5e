"""The official protocol: parity with the organisers' output, and its known deviations."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.luna16 import EXACT, Luna16Settings, score_luna16
from lesionkit.evaluate.score import Score

DATA = Path(os.environ.get("LESIONKIT_DATA", Path(__file__).parents[2] / "../shared/data"))
PARITY = DATA / "luna16" / "parity"
SERIES = ["s0", "s1"]
FAST = Luna16Settings(bootstrap=20)


def table(rows: list[tuple], last: str) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["seriesuid", "coordX", "coordY", "coordZ", last]).astype({last: float})


def score(marks: list[tuple], lesions: list[tuple], excluded: list[tuple] = (), **changes: object) -> Score:
    return score_luna16(
        table(marks, "probability"),
        table(lesions, "diameter_mm"),
        table(list(excluded), "diameter_mm"),
        SERIES,
        FAST.model_copy(update=changes),
    )


@pytest.fixture(scope="module")
def parity() -> Score:
    if not PARITY.is_dir():
        pytest.skip(f"needs the parity folder {PARITY}; set LESIONKIT_DATA")
    read = {name: pd.read_csv(PARITY / f"{name}.csv") for name in ("submission", "annotations", "annotations_excluded")}
    series = (PARITY / "seriesuids.csv").read_text().split()
    return score_luna16(read["submission"], read["annotations"], read["annotations_excluded"], series)


def test_the_counts_are_the_organisers(parity: Score) -> None:
    expected = json.loads((PARITY / "expected.json").read_text())
    assert parity.counts["scans"] == expected["n_scans"]
    assert parity.counts["lesions"] == expected["n_nodules"]
    assert parity.counts["hits"] == expected["true_positives"]
    assert parity.counts["misses"] == expected["false_negatives"]
    assert parity.counts["false_positives"] == expected["false_positives"]
    assert parity.counts["candidates"] == expected["candidates"]
    assert parity.counts["ignored_on_excluded"] == expected["ignored_on_excluded"]
    assert parity.counts["ignored_double_detections"] == expected["ignored_double_detections"]


def test_every_point_of_the_curve_is_the_organisers(parity: Score) -> None:
    expected = np.loadtxt(PARITY / "expected_froc.csv", delimiter=",")
    curve = parity.curves[0]
    np.testing.assert_allclose(np.stack([curve.x, curve.y, curve.threshold], axis=1), expected, rtol=0, atol=1e-9)


def test_the_sensitivities_and_the_cpm_are_the_organisers(parity: Score) -> None:
    expected = json.loads((PARITY / "expected.json").read_text())
    found = [figure.value for name, figure in parity.figures.items() if name.startswith("sensitivity at")]
    np.testing.assert_allclose(found, expected["sensitivity"], rtol=0, atol=1e-9)
    assert parity.figures["cpm"].value == pytest.approx(0.775910364, abs=1e-9)


def test_the_bootstrap_band_is_within_two_hundredths_of_the_organisers(parity: Score) -> None:
    band = parity.curves[1]
    for row in json.loads((PARITY / "expected.json").read_text())["bootstrap"]:
        at = int(np.searchsorted(band.x, row["fp_per_scan"]))
        assert band.x[at] == row["fp_per_scan"]
        assert band.lower is not None
        assert band.upper is not None
        found = [band.y[at], band.lower[at], band.upper[at]]
        np.testing.assert_allclose(found, [row["mean"], row["lower95"], row["upper95"]], rtol=0, atol=0.02)


def test_the_scans_of_the_list_are_the_denominator_with_and_without_marks() -> None:
    found = score([("s0", 90, 0, 0, 0.5)], [("s0", 0, 0, 0, 10)])
    assert found.curves[0].x.tolist() == [0, 0.5]
    assert (found.counts["scans"], found.counts["scans_without_marks"]) == (2, 1)


def test_marks_on_excluded_findings_are_ignored_and_no_diameter_means_ten_millimetres() -> None:
    excluded = [("s0", 50, 0, 0, -1), ("s0", 90, 0, 0, 4)]
    found = score(
        [("s0", 54.9, 0, 0, 0.9), ("s0", 55, 0, 0, 0.8), ("s0", 92, 0, 0, 0.7)], [("s0", 0, 0, 0, 10)], excluded
    )
    assert (found.counts["ignored_on_excluded"], found.counts["false_positives"]) == (1, 2)


def test_the_highest_of_several_hits_counts_and_the_others_are_ignored() -> None:
    found = score([("s0", 0, 0, 0, 0.2), ("s0", 1, 0, 0, 0.7), ("s0", 2, 0, 0, 0.4)], [("s0", 0, 0, 0, 10)])
    assert found.curves[0].threshold.tolist() == [np.inf, 0.7]
    assert found.counts["ignored_double_detections"] == 2


def test_deviation_interpolation_credits_sensitivity_that_was_never_attained() -> None:
    """Nodule and two false positives tie: at 1/2 per scan nothing is attained, interpolation gives half."""
    marks = [("s0", 0, 0, 0, 0.5), ("s0", 90, 0, 0, 0.5), ("s0", 99, 0, 0, 0.5)]
    lesions = [("s0", 0, 0, 0, 10)]
    found = score(marks, lesions, rates=(0.5,))
    assert found.figures["cpm"].value == 0.5
    assert score(marks, lesions, rates=(0.5,), protocol="exact").figures["cpm"].value == 0
    assert found.warnings == (
        "official deviation: interpolation between the points of the curve changed the CPM from 0.000000 to 0.500000",
    )


def test_deviation_a_tie_at_the_limit_of_marks_loses_all_of_them() -> None:
    """101 marks of one score: none is above the 101st, so a perfect hit is lost; a 102nd above it stays."""
    tied = [("s0", 100 + i, 0, 0, 0.5) for i in range(100)] + [("s0", 0, 0, 0, 0.5)]
    found = score([*tied, ("s0", 99, 0, 0, 0.9)], [("s0", 0, 0, 0, 10), ("s1", 0, 0, 0, 10)])
    assert (found.counts["candidates"], found.counts["hits"], found.counts["dropped_over_limit"]) == (1, 0, 101)


def test_deviation_the_limit_of_marks_is_said_when_it_changed_the_result() -> None:
    wrong = [("s0", 100 + i, 0, 0, 0.5 + i / 1000) for i in range(100)]
    lesions = [("s0", 0, 0, 0, 10), ("s1", 0, 0, 0, 10)]
    found = score([*wrong, ("s0", 0, 0, 0, 0.1), ("s1", 0, 0, 0, 0.9)], lesions, rates=(50.0,))
    assert found.figures["cpm"].value == 0.5
    assert "the limit of 100 marks per scan, which dropped 1 marks, changed the CPM from 1.0" in found.warnings[0]


def test_exactly_a_hundred_marks_are_all_kept() -> None:
    found = score([("s0", 100 + i, 0, 0, 0.5) for i in range(100)], [("s0", 0, 0, 0, 10)])
    assert found.counts["candidates"] == 100


def test_deviation_one_mark_counts_for_every_nodule_it_lies_in() -> None:
    found = score([("s0", 1, 0, 0, 0.9)], [("s0", 0, 0, 0, 10), ("s0", 3, 0, 0, 10)])
    assert found.figures["cpm"].value == 1.0
    assert "counting one mark for several nodules changed the CPM from 0.500000 to 1.000000" in found.warnings[0]


def test_deviation_without_any_hit_the_script_divides_by_zero_and_we_report_none() -> None:
    found = score([("s0", 4, 0, 0, 0.9), ("s0", 6, 0, 0, 0.9)], [("s0", 0, 0, 0, 6)])
    assert found.figures["cpm"].value == 0.0
    assert any("without any hit the organisers' script divides by zero" in w for w in found.warnings)


def test_a_perfect_detector_without_false_positives_scores_one() -> None:
    lesions = [("s0", 0, 0, 0, 10), ("s1", 0, 0, 0, 10)]
    found = score([(*row[:4], 0.5) for row in lesions], lesions)
    assert found.figures["cpm"].value == 1.0
    assert found.warnings == ()


def test_no_deviation_is_said_where_both_protocols_agree() -> None:
    found = score([("s0", 0, 0, 0, 0.9), ("s1", 90, 0, 0, 0.1)], [("s0", 0, 0, 0, 10)])
    assert found.warnings == ()


def test_the_threshold_behind_each_sensitivity_is_stored() -> None:
    found = score([("s0", 0, 0, 0, 0.9), ("s1", 90, 0, 0, 0.1)], [("s0", 0, 0, 0, 10)])
    thresholds = {point.name: point.threshold for point in found.operating_points}
    assert thresholds["1/8 false positives per scan"] == 0.9
    assert thresholds["1/2 false positives per scan"] == 0.1


def test_the_same_seed_gives_the_same_interval() -> None:
    marks = [("s0", 0, 0, 0, 0.9), ("s1", 90, 0, 0, 0.1)]
    lesions = [("s0", 0, 0, 0, 10), ("s1", 0, 0, 0, 10)]
    first, again = score(marks, lesions, seed=5), score(marks, lesions, seed=5)
    assert first.figures == again.figures
    assert (first.figures["cpm"].lower, first.figures["cpm"].upper) == (0.0, 1.0)


def test_marks_of_an_unknown_series_are_refused_with_their_row() -> None:
    marks = [("s0", 0, 0, 0, 0.9), ("s9", 0, 0, 0, 0.9)]
    with pytest.raises(LesionkitError, match=r"1 of 2 marks lie in series .* first row 3 \(series 's9'"):
        score(marks, [("s0", 0, 0, 0, 10)])
    found = score(marks, [("s0", 0, 0, 0, 10)], ignore_unknown_series=True)
    assert "they are left out" in found.warnings[0]
    assert found.counts["candidates"] == 1


def test_truth_outside_the_list_is_left_out_and_the_denominators_are_stated() -> None:
    found = score([], [("s0", 0, 0, 0, 10), ("s9", 0, 0, 0, 10)])
    assert found.counts["lesions"] == 1
    assert "they are not scored: the denominators are 2 scans and 1 nodules" in found.warnings[0]


def test_truth_that_shares_no_series_with_the_list_is_refused() -> None:
    with pytest.raises(LesionkitError, match="1 of 1 nodules lie in series that are not listed, first row 2"):
        score([], [("s9", 0, 0, 0, 10)])


def test_a_series_listed_twice_is_refused() -> None:
    empty = table([], "probability"), table([], "diameter_mm"), None
    with pytest.raises(LesionkitError, match="every series must be listed once, but 's0' comes again as entry 3 of 3"):
        score_luna16(*empty, ["s0", "s1", "s0"], FAST)
    with pytest.raises(LesionkitError, match="the list of series is empty"):
        score_luna16(*empty, [], FAST)


def test_a_probability_outside_its_range_is_said_and_used_for_ranking() -> None:
    found = score([("s0", 90, 0, 0, 0.5), ("s0", 0, 0, 0, 3.5)], [("s0", 0, 0, 0, 10)])
    assert found.warnings[0].startswith("1 of 2 probabilities lie outside [0, 1], first 3.5 in row 3")
    assert found.figures["cpm"].value == 1.0


def test_values_that_are_not_finite_are_refused_with_their_row() -> None:
    with pytest.raises(LesionkitError, match=r"marks: probability must be a finite number, but 1 of 2 .* first row 3"):
        score([("s0", 0, 0, 0, 0.5), ("s0", 0, 0, 0, np.nan)], [])
    with pytest.raises(LesionkitError, match=r"marks: coordinates must be finite numbers, but 1 of 1 .* first row 2"):
        score([("s0", 0, np.inf, 0, 0.5)], [])


def test_text_where_a_number_must_be_is_refused_with_its_row() -> None:
    marks = pd.DataFrame([("s0", 0, "?", 0, 0.5)], columns=["seriesuid", "coordX", "coordY", "coordZ", "probability"])
    with pytest.raises(LesionkitError, match=r"marks: coordinates must be finite numbers, .* first row 2"):
        score_luna16(marks, table([("s0", 0, 0, 0, 10)], "diameter_mm"), None, SERIES, FAST)


def test_series_may_be_numbers() -> None:
    marks, truth = table([(7, 0, 0, 0, 0.5)], "probability"), table([(7, 0, 0, 0, 10)], "diameter_mm")
    assert score_luna16(marks, truth, None, ["7", "8"], FAST).counts["hits"] == 1


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"rates": ()}, "setting 'rates'"),
        ({"rates": (0.0,)}, "setting 'rates.0': Input should be greater than 0"),
        ({"bootstrap": 0}, "setting 'bootstrap': Input should be greater than 0"),
        ({"seed": -1}, "setting 'seed'"),
        ({"protocol": "strict"}, "Input should be 'official' or 'exact', got 'strict'"),
    ],
)
def test_settings_that_cannot_be_are_refused(values: dict, sentence: str) -> None:
    with pytest.raises(LesionkitError, match=sentence):
        Luna16Settings.parse(values)


def test_a_missing_column_is_named() -> None:
    marks = table([("s0", 0, 0, 0, 0.5)], "probability")
    truth = table([("s0", 0, 0, 0, 10)], "diameter_mm")
    with pytest.raises(LesionkitError, match="marks must have a column probability"):
        score_luna16(marks.drop(columns="probability"), truth, None, SERIES, FAST)
    with pytest.raises(LesionkitError, match="coordX missing"):
        score_luna16(marks.drop(columns="coordX"), truth, None, SERIES, FAST)


def test_the_row_of_a_frame_is_its_index_where_the_reader_named_it() -> None:
    marks = table([("s9", 0, 0, 0, 0.5)], "probability")
    marks.index = pd.Index([41], name="row")
    with pytest.raises(LesionkitError, match="first row 41"):
        score_luna16(marks, table([("s0", 0, 0, 0, 10)], "diameter_mm"), None, SERIES, FAST)


def test_nodules_without_diameter_are_said() -> None:
    found = score([("s0", 4.9, 0, 0, 0.5)], [("s0", 0, 0, 0, -1)])
    assert found.warnings == ("1 of 1 nodules have no diameter; 10 mm is taken",)
    assert found.counts["hits"] == 1


def test_subgroups_of_nodules_and_of_scans_state_their_denominators() -> None:
    truth = table([("s0", 0, 0, 0, 10), ("s1", 0, 0, 0, 5)], "diameter_mm").assign(texture=["solid", "ground-glass"])
    marks = table([("s0", 0, 0, 0, 0.9), ("s1", 90, 0, 0, 0.5)], "probability")
    centres = pd.DataFrame({"seriesuid": ["s1"], "centre": ["A"]})
    how = FAST.model_copy(update={"by": ("texture", "centre")})
    rows = {row["group"]: row for row in score_luna16(marks, truth, None, SERIES, how, centres).subgroups}
    assert (rows["solid"]["cpm"], rows["solid"]["lesions"], rows["solid"]["cases"]) == (1.0, 1, 2)
    assert rows["ground-glass"]["cpm"] == 0.0
    assert (rows["A"]["of"], rows["A"]["cases"], rows["A"]["false_positives"]) == ("cases", 1, 1)
    assert (rows["unknown"]["cases"], rows["unknown"]["cpm"]) == (1, 1.0)


def test_a_column_that_no_table_has_is_refused() -> None:
    with pytest.raises(LesionkitError, match="there is no column 'texture' to group by; the tables have seriesuid"):
        score([], [("s0", 0, 0, 0, 10)], by=("texture",))


def test_marks_in_another_frame_are_said_with_the_cure() -> None:
    lesions = [("s0", 30, -40, 100, 10), ("s1", 60, 20, 50, 10)]
    found = score([(uid, -x, -y, z, 0.5) for uid, x, y, z, _ in lesions], lesions)
    assert "none of 2 lesions in scans with marks is hit" in found.warnings[0]
    assert "negating x and y (marks in RAS, truth in LPS) would hit 2, so convert the marks" in found.warnings[0]


def test_a_list_of_which_most_scans_have_no_marks_is_doubted() -> None:
    marks, truth = table([("s0", 0, 0, 0, 0.5)], "probability"), table([("s0", 0, 0, 0, 10)], "diameter_mm")
    found = score_luna16(marks, truth, None, ["s0", "s1", "s2"], FAST)
    assert found.warnings[0].startswith("2 of 3 listed scans have no mark; they count in the denominator")
    assert score_luna16(marks, truth, None, ["s0", "s1"], FAST).warnings == ()


def test_the_exact_settings_are_another_protocol() -> None:
    assert EXACT.protocol == "exact"
    assert score([], [("s0", 0, 0, 0, 10)], protocol="exact").protocol == "luna16 exact"
