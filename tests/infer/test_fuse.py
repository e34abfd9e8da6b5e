import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.infer.fuse import Prediction, RunningMean


def mean_of(*weighed: tuple[float, float | None, float]) -> Prediction:
    """Of (probability everywhere, p_nonempty, weight)."""
    mean = RunningMean()
    for value, head, weight in weighed:
        mean.add(Prediction(np.full((2, 2), value, np.float32), head), weight)
    return mean.prediction


def test_networks_are_averaged_with_their_weights():
    prediction = mean_of((0.4, 1.0, 3), (0.8, 0.0, 1))
    assert prediction.p_nonempty == pytest.approx(0.75)
    np.testing.assert_allclose(prediction.probability, 0.5, atol=1e-6)


def test_probabilities_are_averaged_not_logits():
    prediction = mean_of((0.0, None, 1), (0.0, None, 1), (0.9, None, 1))
    np.testing.assert_allclose(prediction.probability, 0.3, atol=1e-6)
    assert prediction.p_nonempty is None


def test_a_network_without_a_head_has_no_say_in_p_nonempty():
    assert mean_of((0.1, None, 1), (0.1, 1.0, 1)).p_nonempty == pytest.approx(1.0)


def test_no_network_is_no_prediction():
    with pytest.raises(LesionkitError, match="at least one prediction, got none; was the list of networks empty"):
        mean_of()


def test_predictions_of_two_sizes_are_not_averaged():
    mean = RunningMean()
    mean.add(Prediction(np.zeros((2, 2), np.float32), None))
    with pytest.raises(LesionkitError, match=r"one size, got \(3, 3\) after \(2, 2\)"):
        mean.add(Prediction(np.zeros((3, 3), np.float32), None))


@pytest.mark.parametrize("weight", [0, -1, float("nan")])
def test_a_weight_is_positive(weight):
    with pytest.raises(LesionkitError, match="must be positive"):
        RunningMean().add(Prediction(np.zeros((2, 2), np.float32), None), weight)
