import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.core.outline import Outline, SlideMask
from lesionkit.evaluate.camelyon16 import score_camelyon16
from lesionkit.evaluate.camelyon16_settings import Camelyon16Settings

FEW = Camelyon16Settings(bootstrap=40)
RATES = (0.25, 0.5, 1, 2, 4, 8)


def square(x, y, side=2000):
    return np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side]], dtype=float)


# Each square of 2000 pixels (486 um) is one lesion; one of 200 pixels is isolated tumour cells.
FOUR = [(5000, 5000), (15000, 5000), (5000, 15000), (15000, 15000)]
CENTRES = [(x + 1000, y + 1000) for x, y in FOUR]
TRUTH = {"Tumor_001": Outline(tuple(square(x, y) for x, y in FOUR)), "Normal_001": None}
FAR = (30000, 30000)


def marks(*rows):
    return np.array([(score, x, y) for score, (x, y) in rows], dtype=float).reshape(-1, 3)


def score(found, protocol="exact", truth=TRUTH, **more):
    return score_camelyon16(found, truth, protocol, settings=more.pop("settings", FEW), **more)


def cpm(found, protocol="exact", **more):
    return score(found, protocol, **more).figures["cpm"].value


PERFECT = marks(*zip((0.9, 0.8, 0.7, 0.6), CENTRES, strict=True))
PERFECT_TIED = marks(*((0.9, centre) for centre in CENTRES))


# --- official: the organisers' algorithm and its deviations


def test_official_figures_of_the_known_example():
    # Two slides; false positives at .8 and .6; four lesions hit at 1, 1, .8 and .8; three pieces of isolated cells.
    cells = tuple(square(x, 25000, side=200) for x in (5000, 10000, 15000))
    truth = {"Tumor_001": Outline(TRUTH["Tumor_001"].rings + cells), "Normal_001": None}
    found = {
        "Tumor_001": marks(*zip((1, 1, 0.8, 0.8), CENTRES, strict=True), (0.6, FAR)),
        "Normal_001": marks((0.8, (100, 100))),
    }
    result = score(found, "official", truth=truth)
    assert result.figures["cpm"].value == pytest.approx(0.958333, abs=1e-6)
    assert result.figures["sensitivity at 1/4"].value == pytest.approx(0.75)
    assert result.counts["lesions"] == 4
    assert result.counts["isolated_tumour_cells"] == 3


def test_official_perfect_detector_loses_its_lowest_score():
    result = score({"Tumor_001": PERFECT, "Normal_001": ()}, "official")
    assert result.figures["cpm"].value == 0.75
    assert "official deviation: dropping the lowest score changed the CPM from 1.000000 to 0.750000" in result.warnings


def test_official_perfect_detector_with_equal_scores_gets_nothing():
    result = score({"Tumor_001": PERFECT_TIED, "Normal_001": ()}, "official")
    assert result.figures["cpm"].value == 0.0
    assert any("from 1.000000 to 0.000000" in warning for warning in result.warnings)


def test_official_says_nothing_of_the_dropped_score_where_a_missed_lesion_hides_it():
    result = score({"Tumor_001": PERFECT[:3], "Normal_001": ()}, "official")
    assert result.figures["cpm"].value == 0.75
    assert not any("dropping" in warning for warning in result.warnings)


def test_official_interpolates_between_points_and_says_so():
    # Sensitivity rises from 0 to 1/4 between 0 and 1/2 false positives per slide.
    found = {"Tumor_001": marks((0.9, CENTRES[0])), "Normal_001": marks((0.9, (100, 100)))}
    result = score(found, "official")
    assert result.figures["sensitivity at 1/4"].value == pytest.approx(0.125)
    assert any("interpolation between the points" in warning for warning in result.warnings)


def test_official_says_that_the_script_would_break_a_tie_by_rounding():
    # In single precision 0.8 becomes a little more: the hit would go before the false positive.
    found = {"Tumor_001": marks((0.8, CENTRES[0])), "Normal_001": marks((0.8, (100, 100)))}
    assert any("single precision" in warning for warning in score(found, "official").warnings)


def test_official_intervals_are_made_by_the_same_algorithm():
    # Whatever slides are drawn, a perfect detector with equal scores gets 0.
    truth = {"Tumor_001": TRUTH["Tumor_001"], "Tumor_002": TRUTH["Tumor_001"], "Normal_001": None}
    found = {"Tumor_001": PERFECT_TIED, "Tumor_002": PERFECT_TIED, "Normal_001": ()}
    figure = score(found, "official", truth=truth).figures["cpm"]
    assert (figure.lower, figure.upper) == (0.0, 0.0)


# --- exact: invariants


@pytest.mark.parametrize("found", [PERFECT, PERFECT_TIED])
def test_exact_perfect_detector_is_perfect(found):
    result = score({"Tumor_001": found, "Normal_001": ()})
    assert all(figure.value == 1.0 for figure in result.figures.values())


@st.composite
def submissions(draw):
    """Marks on lesions and beside them, with ties, on both slides."""
    places = st.sampled_from([*CENTRES, FAR, (25000, 1000), (CENTRES[0][0] + 50, CENTRES[0][1])])
    rows = st.lists(st.tuples(st.sampled_from([0.1, 0.3, 0.5, 0.9]), places), max_size=8)
    return {"Tumor_001": marks(*draw(rows)), "Normal_001": marks(*draw(rows))}


def curve_of(found):
    curve = score(found, settings=Camelyon16Settings(bootstrap=1)).curves[0]
    return curve.x, curve.y


@given(submissions(), st.randoms())
def test_exact_does_not_depend_on_the_order_of_rows(found, random):
    shuffled = {slide: rows[random.sample(range(len(rows)), len(rows))] for slide, rows in found.items()}
    np.testing.assert_array_equal(curve_of(found), curve_of(shuffled))


@given(submissions())
def test_exact_does_not_depend_on_a_monotone_change_of_scores(found):
    squashed = {slide: np.column_stack([np.sqrt(rows[:, 0]), rows[:, 1:]]) for slide, rows in found.items()}
    np.testing.assert_array_equal(curve_of(found), curve_of(squashed))


@given(submissions())
def test_exact_ignores_weaker_hits_on_the_same_lesion(found):
    extra = {
        slide: np.concatenate([rows, rows[[tuple(r[1:]) in CENTRES for r in rows]] * (0.5, 1, 1)])
        for slide, rows in found.items()
    }
    only_on_tumour = {**found, "Tumor_001": extra["Tumor_001"]}
    before, after = score(found).counts, score(only_on_tumour).counts
    assert after["false_positives"] == before["false_positives"]
    assert cpm(only_on_tumour) == cpm(found)


@given(submissions(), st.sampled_from([0.05, 0.3, 0.95]))
def test_exact_curve_never_rises_by_a_far_false_positive(found, confidence):
    worse = {**found, "Normal_001": np.concatenate([found["Normal_001"], marks((confidence, FAR))])}
    before = score(found).figures
    after = score(worse).figures
    assert all(after[name].value <= before[name].value for name in before if name != "slide AUC")


def test_exact_without_marks_is_zero():
    result = score({"Tumor_001": (), "Normal_001": ()})
    assert result.figures["cpm"].value == 0.0
    assert "there are no marks: sensitivity is 0 for all 4 lesions" in result.warnings


@pytest.mark.parametrize("protocol", ["exact", "official"])
def test_healthy_slides_only_leave_the_sensitivity_undefined(protocol):
    result = score({"Normal_001": marks((0.5, FAR))}, protocol, truth={"Normal_001": None})
    assert np.isnan(result.figures["cpm"].value)
    assert "no lesion on any of 1 slides: sensitivity is not defined" in result.warnings
    assert "slide AUC" not in result.figures


# --- what is counted


def test_hits_are_the_same_on_a_mask_as_in_an_outline():
    mask = np.zeros((1000, 1000), dtype=bool)
    for x, y in FOUR:
        mask[y // 32 : (y + 2000) // 32, x // 32 : (x + 2000) // 32] = True
    truth = {"Tumor_001": SlideMask(mask, 32, size_xy=(32000, 32000)), "Normal_001": None}
    assert cpm({"Tumor_001": PERFECT, "Normal_001": ()}, truth=truth) == 1.0


def test_marks_on_isolated_tumour_cells_count_neither_way():
    truth = {"Tumor_001": Outline((square(5000, 5000), square(20000, 20000, side=200))), "Normal_001": None}
    result = score({"Tumor_001": marks((0.9, (6000, 6000)), (0.8, (20100, 20100))), "Normal_001": ()}, truth=truth)
    assert result.counts["lesions"] == 1
    assert result.counts["false_positives"] == 0
    assert result.counts["ignored_on_isolated_tumour_cells"] == 1


def test_rates_are_per_slide_healthy_ones_included():
    found = {"Tumor_001": marks((0.9, FAR), (0.8, CENTRES[0])), "Normal_001": ()}
    curve = score(found).curves[0]
    assert [*zip(curve.x.tolist(), curve.y.tolist(), strict=True)] == [(0, 0), (0.5, 0), (0.5, 0.25)]


def test_two_slides_of_the_test_set_are_left_out_by_name():
    truth = {**TRUTH, "test_114": Outline((square(5000, 5000),)), "Test_049": Outline((square(5000, 5000),))}
    found = {"Tumor_001": PERFECT, "Normal_001": (), "test_114": marks((0.9, FAR)), "Test_049": marks((0.9, FAR))}
    result = score(found, truth=truth)
    assert result.counts["slides"] == 2
    assert result.counts["excluded_by_name"] == 2
    assert result.figures["cpm"].value == 1.0
    # Test_114 still is a slide with tumour.
    assert result.figures["slide AUC"].note.startswith("slides ranked by their highest mark; 2 positive and 1 negative")


def test_slides_are_ranked_by_their_highest_mark_or_by_given_scores():
    found = {"Tumor_001": PERFECT, "Normal_001": marks((0.95, FAR))}
    assert score(found).figures["slide AUC"].value == 0.0
    assert score(found, slide_scores={"Tumor_001": 0.9, "Normal_001": 0.1}).figures["slide AUC"].value == 1.0


def test_the_threshold_behind_each_sensitivity_is_stored():
    points = score({"Tumor_001": PERFECT, "Normal_001": marks((0.65, FAR))}).operating_points
    assert [point.name for point in points][:2] == ["1/4 false positives per slide", "1/2 false positives per slide"]
    assert (points[0].threshold, points[0].y) == (0.7, 0.75)
    assert (points[1].threshold, points[1].y) == (0.6, 1.0)


def test_micro_and_macrometastases_are_scored_apart():
    # 9000 pixels are 2.2 mm.
    truth = {"Tumor_001": Outline((square(5000, 5000), square(20000, 20000, side=9000))), "Normal_001": None}
    rows = score({"Tumor_001": marks((0.9, (6000, 6000))), "Normal_001": ()}, truth=truth).subgroups
    assert {row["group"]: (row["lesions"], row["cpm"]) for row in rows} == {
        "2 mm or more": (1, 0),
        "below 2 mm": (1, 1),
    }


# --- lists of slides


def test_slides_without_truth_are_healthy_where_the_truth_only_knows_tumour_and_the_denominator_is_said():
    result = score({"Tumor_001": PERFECT, "Test_002": ()}, truth={"Tumor_001": TRUTH["Tumor_001"]})
    assert result.counts["slides"] == 2
    assert any("count as healthy, and rates are per 2 slides" in warning for warning in result.warnings)


def test_unknown_slides_are_refused_where_the_truth_knows_healthy_ones():
    with pytest.raises(
        LesionkitError, match=r"1 slides of the marks are not among the 2 of the truth, first 'tumor_001'"
    ):
        score({"tumor_001": PERFECT, "Normal_001": ()})
    with pytest.raises(LesionkitError, match="did you mean 'Tumor_001'"):
        score({"tumor_001": PERFECT, "Normal_001": ()})


def test_marks_and_truth_without_a_common_slide_are_refused():
    with pytest.raises(LesionkitError, match="1 slides of the marks are not among the 1 of the truth"):
        score({"Other": PERFECT}, truth={"Tumor_001": TRUTH["Tumor_001"]})


def test_slide_labels_list_every_slide():
    labels = {"Tumor_001": True, "Normal_001": False}
    assert cpm({"Tumor_001": PERFECT, "Normal_001": ()}, slide_labels=labels) == 1.0
    with pytest.raises(LesionkitError, match="slides of the marks are not among the 2 of the slide labels, first 'X'"):
        score({"Tumor_001": PERFECT, "X": ()}, slide_labels=labels)


def test_labels_that_contradict_the_annotations_are_refused():
    with pytest.raises(LesionkitError, match="first 'Normal_001', labelled tumour and without annotated tumour"):
        score({"Tumor_001": PERFECT}, slide_labels={"Tumor_001": True, "Normal_001": True})


def test_slides_that_the_marks_do_not_name_stay_in_the_denominator_and_are_said():
    result = score({"Tumor_001": PERFECT})
    assert result.counts["slides"] == 2
    assert any("1 of 2 slides are not in the marks, first 'Normal_001'" in warning for warning in result.warnings)


def test_a_set_of_excluded_slides_only_is_refused():
    with pytest.raises(LesionkitError, match="no slide is left to score"):
        score({"Test_049": ()}, truth={"Test_049": None})


# --- bad marks


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (
            [[0.9, 10, -1]],
            r"marks of slide 'Tumor_001' must be pixels .* not negative, got x, y = \[10.0, -1.0\] in row 1",
        ),
        ([[0.9, 1, 1], [np.nan, 1, 1]], r"must be finite, got \[nan, 1.0, 1.0\] in row 2"),
        ([[0.9, 1]], r"must be rows of probability, x and y, got an array of shape \(1, 2\)"),
    ],
)
def test_marks_that_cannot_be_are_refused_by_slide_and_row(rows, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        score({"Tumor_001": rows, "Normal_001": ()})


def test_marks_beyond_a_slide_of_known_size_are_refused():
    mask = np.zeros((100, 200), dtype=bool)
    mask[40:60, 40:60] = True
    truth = {"Tumor_001": SlideMask(mask, 32, size_xy=(6400, 3200))}
    with pytest.raises(
        LesionkitError, match=r"on the slide of 6400 x 3200 pixels, got x, y = \[1600.0, 6400.0\] in row 1"
    ):
        score({"Tumor_001": marks((0.9, (1600, 6400)))}, truth=truth)


def test_probabilities_outside_zero_to_one_are_warned_of():
    result = score({"Tumor_001": marks((0.5, FAR), (90, CENTRES[0])), "Normal_001": ()})
    assert any("first 90 in row 2 of 'Tumor_001'" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("turn", "cure"),
    [
        (lambda rows: rows[:, [0, 2, 1]], "swapping x and y would put some in 1"),
        (lambda rows: rows / (1, 32, 32), "multiplying them by the downsample of the mask"),
        (lambda rows: rows * (1, 0.243, 0.243), "marks in micrometres"),
        (lambda rows: rows / (1, 2, 2), r"multiplying them by 2 (marks of another level) would put some in 1"),
        (lambda rows: rows * (1, 4, 4), r"multiplying them by 0.25 (marks of another level)"),
    ],
)
def test_marks_in_another_frame_are_suspected_with_the_cure(turn, cure):
    truth = {"Tumor_001": Outline((square(5000, 15000),))}
    rows = turn(marks((0.9, (6000, 16000))))
    warnings = score({"Tumor_001": rows}, truth=truth).warnings
    assert any("may be in different frames: none of 1 annotated" in w and cure in w for w in warnings)


def test_a_mask_taken_for_another_level_is_suspected_also_where_a_few_marks_hit():
    # Eight tumours, drawn at 1/16; taken for 1/32 they lie at twice the place, where one mark happens to lie.
    places = [(4000 + 8000 * n, 4000 + 3000 * n) for n in range(8)]
    mask = np.zeros((3000, 5000), dtype=bool)
    for x, y in places:
        mask[y // 16 : (y + 2000) // 16, x // 16 : (x + 2000) // 16] = True
    found = marks(*((0.9, (x + 1000, y + 1000)) for x, y in places), (0.5, (8000 + 2000, 8000 + 2000)))
    taken = [SlideMask(mask, step, size_xy=(5000 * step, 3000 * step)) for step in (16, 32)]
    right, wrong = (score({"a": found}, truth={"a": one}) for one in taken)
    assert right.counts["hits"] == 8
    assert not any("frames" in w for w in right.warnings)
    assert wrong.counts["hits"] == 1
    assert any(
        "1 of 8 annotated regions on 1 slides with marks holds one" in w
        and "a mask that is 1/16 of the slide and not 1/32) would put some in 8" in w
        for w in wrong.warnings
    )


@given(seed=st.integers(0, 50))
def test_a_poor_detector_is_not_taken_for_one_in_another_frame(seed):
    rng = np.random.default_rng(seed)
    found = marks(
        *((p, xy) for p, xy in zip(rng.random(30), rng.uniform(0, 30000, (30, 2)), strict=True)), (0.5, CENTRES[0])
    )
    assert not any("would put" in w for w in score({"Tumor_001": found, "Normal_001": ()}).warnings)


def test_another_protocol_is_refused():
    with pytest.raises(LesionkitError, match="must be 'official' or 'exact', got 'fuzzy'"):
        score({"Tumor_001": PERFECT}, "fuzzy")


def test_slide_scores_must_be_complete_and_finite():
    found = {"Tumor_001": PERFECT, "Normal_001": ()}
    with pytest.raises(LesionkitError, match="1 of 2 have none, first 'Normal_001'"):
        score(found, slide_scores={"Tumor_001": 1.0})
    with pytest.raises(LesionkitError, match="must be finite, got nan for 'Normal_001'"):
        score(found, slide_scores={"Tumor_001": 1.0, "Normal_001": np.nan})
