import numpy as np
import torch
from torch import nn

from lesionkit.infer.predict import predict
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
