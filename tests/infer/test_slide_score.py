from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.infer.probability_map import ProbabilityMap
from lesionkit.infer.slide_score import SlideScoreSettings, slide_features, slide_score

RULES: tuple[Literal["maximum", "quantile", "top area", "area"], ...] = ("maximum", "quantile", "top area", "area")


def map_of(array: np.ndarray, computed: np.ndarray | None = None, cell_mm: float = 0.1) -> ProbabilityMap:
    grid = Grid.upright(array.shape, (cell_mm, cell_mm), (cell_mm / 2, cell_mm / 2))
    return ProbabilityMap(grid, array, np.ones(array.shape, dtype=bool) if computed is None else computed)


def test_each_rule_reads_the_same_map_in_its_own_way() -> None:
    found = map_of(np.arange(100).reshape(10, 10) / 100)
    assert slide_score(found, SlideScoreSettings(rule="maximum")) == 0.99
    assert slide_score(found, SlideScoreSettings(rule="quantile", quantile=0.9)) == 0.89
    # The ten highest of 0.01 mm2 each are 0.90 ... 0.99.
    assert slide_score(found, SlideScoreSettings(rule="top area", top_mm2=0.1)) == 0.90
    assert slide_score(found, SlideScoreSettings(rule="area", threshold=0.79)) == pytest.approx(0.2)


def test_only_analysed_tissue_is_scored() -> None:
    array = np.array([[0.2, 0.99], [0.3, 0.4]])
    computed = np.array([[True, False], [True, True]])
    assert slide_score(map_of(array, computed), SlideScoreSettings(rule="maximum")) == 0.4


@pytest.mark.parametrize("rule", RULES)
def test_a_slide_without_tissue_scores_nothing(rule: Literal["maximum", "quantile", "top area", "area"]) -> None:
    found = map_of(np.full((3, 3), 0.9), np.zeros((3, 3), dtype=bool))
    assert slide_score(found, SlideScoreSettings(rule=rule)) == 0.0


def test_the_maximum_of_the_original_saturates_where_an_area_still_tells_slides_apart() -> None:
    """Section 5.3: of many cells, one is near 1 on healthy slides too, so that the maximum says the same of all."""
    rng = np.random.default_rng(0)
    healthy = [map_of(rng.beta(0.3, 3.0, size=(200, 200)), cell_mm=0.016) for _ in range(5)]
    tumour = []
    for _ in range(5):
        array = rng.beta(0.3, 3.0, size=(200, 200))
        array[50:70, 80:100] = rng.beta(6, 1.5, size=(20, 20))
        tumour.append(map_of(array, cell_mm=0.016))
    maximum, top = SlideScoreSettings(rule="maximum"), SlideScoreSettings(rule="top area", top_mm2=0.05)
    assert min(slide_score(found, maximum) for found in healthy + tumour) > 0.9
    lowest_tumour, highest_healthy = (
        min(slide_score(found, top) for found in tumour),
        max(slide_score(found, top) for found in healthy),
    )
    assert highest_healthy + 0.1 < lowest_tumour


def test_one_wrong_cell_moves_the_maximum_and_no_robust_rule() -> None:
    array = np.full((100, 100), 0.1)
    speck = array.copy()
    speck[3, 3] = 1.0
    for rule in ("quantile", "top area"):
        settings = SlideScoreSettings(rule=rule, quantile=0.999, top_mm2=0.1)
        assert slide_score(map_of(speck), settings) == slide_score(map_of(array), settings) == 0.1
    assert slide_score(map_of(speck), SlideScoreSettings(rule="maximum")) == 1.0


def test_the_top_area_does_not_care_how_much_healthy_tissue_there_is_and_the_quantile_does() -> None:
    small, large = np.zeros((20, 20)), np.zeros((200, 200))
    small[:5, :5] = large[:5, :5] = 0.8
    top, quantile = SlideScoreSettings(rule="top area", top_mm2=0.2), SlideScoreSettings(rule="quantile")
    assert slide_score(map_of(small), top) == slide_score(map_of(large), top) == 0.8
    assert slide_score(map_of(small), quantile) == 0.8
    assert slide_score(map_of(large), quantile) == 0.0


@given(
    arrays.arrays(np.float64, (4, 5), elements=st.floats(0, 1)),
    arrays.arrays(np.float64, (4, 5), elements=st.floats(0, 1)),
    st.sampled_from(RULES),
)
def test_more_probability_never_lowers_a_score(
    array: np.ndarray, more: np.ndarray, rule: Literal["maximum", "quantile", "top area", "area"]
) -> None:
    settings = SlideScoreSettings(rule=rule, top_mm2=0.05, quantile=0.8)
    assert slide_score(map_of(np.maximum(array, more)), settings) >= slide_score(map_of(array), settings)


@given(arrays.arrays(np.float64, (5, 5), elements=st.floats(0, 1)), st.randoms())
def test_rules_do_not_care_where_a_probability_lies(array: np.ndarray, random: object) -> None:
    shuffled = np.random.default_rng(1).permutation(array.ravel()).reshape(5, 5)
    for rule in RULES:
        settings = SlideScoreSettings(rule=rule)
        assert slide_score(map_of(array), settings) == slide_score(map_of(shuffled), settings)


def test_features_measure_pieces_in_cells() -> None:
    array = np.zeros((20, 20))
    array[2:4, 2:6] = 0.95  # 8 cells, 4 long
    array[10, 10] = 0.6
    features = slide_features(map_of(array))
    assert features["log area above 0.5"] == pytest.approx(np.log(0.09 / 1e-4))
    assert features["log largest piece above 0.5"] == pytest.approx(np.log(0.08 / 1e-4))
    assert features["log length above 0.9"] == pytest.approx(np.log(0.4 / 0.01))
    assert features["log pieces above 0.5"] == pytest.approx(np.log(3))
    assert features["log pieces above 0.9"] == pytest.approx(np.log(2))
    assert features["maximum"] == pytest.approx(np.log(0.95 / 0.05), rel=1e-4)


def test_features_have_the_same_names_and_are_finite_on_an_empty_slide() -> None:
    empty = slide_features(map_of(np.zeros((3, 3)), np.zeros((3, 3), dtype=bool)))
    full = slide_features(map_of(np.ones((3, 3))))
    assert list(empty) == list(full)
    assert np.isfinite(list(empty.values())).all()
    assert empty["log area above 0.5"] == 0


def test_logits_are_refused() -> None:
    with pytest.raises(LesionkitError, match=r"within 0..1, got -2 and 1 such cells of 4; are they logits\?"):
        slide_score(map_of(np.array([[0.1, -2.0], [0.3, 0.4]])))
    with pytest.raises(LesionkitError, match="got nan"):
        slide_features(map_of(np.array([[0.1, np.nan]])))
