import numpy as np
import pytest
import torch
from torch import nn

from lesionkit.core.errors import LesionkitError
from lesionkit.infer.fuse import Prediction, RunningMean, predict, predict_all
from lesionkit.nets.segmenter import Segmentation


class Says(nn.Module):
    """A network whose mask logits are the image plus a ramp to the right, and whose head says one thing."""

    def __init__(self, ramp: float = 0.0, head: float | None = None) -> None:
        super().__init__()
        self.ramp, self.head = nn.Parameter(torch.tensor(ramp)), head

    def forward(self, image):
        mask = image + self.ramp * torch.arange(image.shape[3], dtype=torch.float32)
        return Segmentation(mask, None if self.head is None else torch.full((len(image),), self.head))


def sigmoid(values) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(values, float)))


IMAGE = np.array([[0.0, 0.5, 1.0]], np.float32)


def test_without_a_flip_the_prediction_is_the_network_s():
    prediction = predict(Says(head=0.0), IMAGE, flip=False)
    np.testing.assert_allclose(prediction.probability, sigmoid(IMAGE), atol=1e-6)
    assert prediction.p_nonempty == 0.5


def test_a_mirrored_image_s_mask_is_mirrored_back_before_the_mean():
    expected = (sigmoid([[0, 1.5, 3]]) + sigmoid([[2, 1.5, 1]])) / 2
    np.testing.assert_allclose(predict(Says(ramp=1.0), IMAGE).probability, expected, atol=1e-6)


def test_with_a_flip_a_mirrored_image_gives_the_mirrored_prediction():
    there, back = (predict(Says(ramp=0.7), image).probability for image in (IMAGE, IMAGE[:, ::-1]))
    np.testing.assert_allclose(there, back[:, ::-1], atol=1e-6)


def test_networks_are_averaged_with_their_weights():
    (prediction,) = predict_all([(Says(head=100.0), 3), (Says(head=-100.0), 1)], [IMAGE])
    assert prediction.p_nonempty == pytest.approx(0.75)
    np.testing.assert_allclose(prediction.probability, sigmoid(IMAGE), atol=1e-6)


def test_probabilities_are_averaged_not_logits():
    mean = RunningMean()
    for value in (0.0, 0.0, 0.9):
        mean.add(Prediction(np.full((2, 2), value, np.float32), None))
    np.testing.assert_allclose(mean.prediction.probability, 0.3, atol=1e-6)
    assert mean.prediction.p_nonempty is None


def test_a_network_without_a_head_has_no_say_in_p_nonempty():
    (prediction,) = predict_all([(Says(), 1), (Says(head=100.0), 1)], [IMAGE])
    assert prediction.p_nonempty == pytest.approx(1.0)


def test_images_of_several_sizes_are_predicted_each_in_its_own():
    predictions = predict_all([(Says(), 1)], [IMAGE, np.zeros((4, 2), np.float32)])
    assert [p.probability.shape for p in predictions] == [(1, 3), (4, 2)]


def test_no_network_is_no_prediction():
    with pytest.raises(LesionkitError, match="at least one prediction, got none; was the list of networks empty"):
        predict_all([], [IMAGE])


def test_predictions_of_two_sizes_are_not_averaged():
    mean = RunningMean()
    mean.add(Prediction(np.zeros((2, 2), np.float32), None))
    with pytest.raises(LesionkitError, match=r"one size, got \(3, 3\) after \(2, 2\)"):
        mean.add(Prediction(np.zeros((3, 3), np.float32), None))


@pytest.mark.parametrize("weight", [0, -1, float("nan")])
def test_a_weight_is_positive(weight):
    with pytest.raises(LesionkitError, match="must be positive"):
        RunningMean().add(Prediction(np.zeros((2, 2), np.float32), None), weight)
