from dataclasses import replace

import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.bootstrap import draw_cases
from lesionkit.evaluate.compare import compare_scores, p_value
from lesionkit.evaluate.cpm import cpm_figures, cpm_samples, quote
from lesionkit.evaluate.froc import Detections, froc
from lesionkit.evaluate.score import Resamples, Score

N = 40
DRAWS = draw_cases(N, samples=400, seed=0)
ALL = np.arange(N)


def score_of(n_hit: int) -> Score:
    """One lesion per case, of which the first n_hit are found without a false positive."""
    found = Detections(N, ALL, np.where(n_hit > ALL, 0.9, -np.inf), [], [])
    curve = froc(found)
    quoted = quote(found, curve, (1.0,), DRAWS)
    return Score(
        protocol="luna16 exact",
        rule="",
        figures=cpm_figures(quoted, N, patients=N),
        counts={"scans": N, "hits": n_hit},
        curves=(curve,),
        warnings=("odd",),
        resamples=Resamples("the draws", cpm_samples(quoted)),
    )


def test_a_system_does_not_differ_from_itself() -> None:
    same = compare_scores(score_of(20), score_of(20))
    assert same.figures["cpm: second - first"].value == 0.0
    assert (same.figures["cpm: second - first"].lower, same.figures["cpm: second - first"].upper) == (0.0, 0.0)
    assert same.figures["cpm: p"].value == 1.0


def test_a_clear_difference_has_a_small_p_and_an_interval_away_from_zero() -> None:
    figures = compare_scores(score_of(10), score_of(30), ("old", "new")).figures
    assert figures["cpm: new - old"].value == pytest.approx(0.5)
    assert figures["cpm: new - old"].lower is not None
    assert figures["cpm: new - old"].lower > 0.3
    assert figures["cpm: p"].value < 0.01


def test_the_pairing_makes_the_interval_narrower_than_that_of_either_system() -> None:
    first, second = score_of(20), score_of(21)
    paired = compare_scores(first, second).figures["cpm: second - first"]
    alone = first.figures["cpm"]
    assert paired.upper - paired.lower < (alone.upper - alone.lower) / 3


def test_exchanging_the_systems_turns_the_sign() -> None:
    ahead = compare_scores(score_of(10), score_of(14)).figures
    back = compare_scores(score_of(14), score_of(10)).figures
    assert ahead["cpm: second - first"].value == -back["cpm: second - first"].value
    assert ahead["cpm: p"].value == back["cpm: p"].value


def test_both_curves_come_into_one_plot_and_warnings_name_their_system() -> None:
    both = compare_scores(score_of(10), score_of(14), ("old", "new"))
    assert [curve.name for curve in both.curves] == ["old: FROC", "new: FROC"]
    assert both.warnings == ("old: odd", "new: odd")
    assert both.counts == {"scans": N}


def test_scores_of_other_draws_cases_or_protocols_are_refused() -> None:
    first = score_of(10)
    other_draws = replace(first, resamples=Resamples("others", {}))
    with pytest.raises(LesionkitError, match="on the same cases and truth with the same draws, got 'the draws'"):
        compare_scores(first, other_draws)
    with pytest.raises(LesionkitError, match="scored by the same protocol, got 'luna16 exact' and 'siim'"):
        compare_scores(first, replace(first, protocol="siim"))
    with pytest.raises(LesionkitError, match="stores no bootstrap draws"):
        compare_scores(first, replace(first, resamples=None))


def test_p_is_never_zero_and_not_defined_without_draws() -> None:
    assert p_value(np.full(999, 0.5)) == 0.002
    assert np.isnan(p_value(np.zeros(0)))
