import numpy as np
import pytest

from lesionkit.evaluate.patients import Patients
from lesionkit.evaluate.reliability import reliability
from lesionkit.evaluate.tally import Tally


def test_scores_that_are_probabilities_lie_on_the_line() -> None:
    rng = np.random.default_rng(0)
    score = rng.random(4000)
    positive = rng.random(4000) < score
    found = reliability(Tally.of_images(positive, score, Patients.of([str(n) for n in range(4000)]), "slide"))
    assert found is not None
    assert found.gap < 0.03
    assert found.brier == pytest.approx(1 / 6, abs=0.01)
    measured = found.curves[0]
    assert (measured.lower <= measured.y).all()
    assert (measured.y <= measured.upper).all()
    assert found.note.startswith("4000 slides")


def test_too_few_scores_or_scores_of_one_kind_have_no_reliability() -> None:
    few = Patients.of(list("abc"))
    assert reliability(Tally.of_images([True, False, True], [0.9, 0.1, 0.8], few, "slide")) is None
    many = Patients.of([str(n) for n in range(20)])
    assert reliability(Tally.of_images([True] * 20, np.linspace(0, 1, 20), many, "slide")) is None
