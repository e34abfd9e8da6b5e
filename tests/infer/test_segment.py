import numpy as np
import pytest
import torch
from torch import nn

from lesionkit.core.errors import LesionkitError
from lesionkit.infer.lung_crop import LungCropSettings
from lesionkit.infer.segment import RadiographSegmenter, resized
from lesionkit.infer.segment_settings import SegmentInferSettings
from lesionkit.nets.segmenter import Segmentation, Segmenter
from lesionkit.nets.segmenter_settings import SegmenterSettings

SIDE32 = SegmentInferSettings(side=32, device="cpu", precision="fp32")


class Bright(nn.Module):
    """A network with a known answer: bright pixels are lesion, and its head says one logit."""

    def __init__(self, head: float | None = None, level: float = 0.5) -> None:
        super().__init__()
        self.level, self.head = nn.Parameter(torch.tensor(level)), head
        self.seen: list[torch.Size] = []

    def forward(self, image):
        self.seen.append(image.shape)
        return Segmentation(
            50 * (image - self.level), None if self.head is None else torch.full((len(image),), self.head)
        )


def square(shape=(64, 96), kind=np.uint8):
    """Dark with a bright square."""
    image = np.zeros(shape, kind)
    image[16:48, 24:72] = np.iinfo(kind).max
    return image


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(64, 96), (101, 77), (20, 30)])
def test_what_is_bright_is_found_where_it_is_at_any_size_and_bit_depth(kind, shape):
    image = np.zeros(shape, kind)
    rows, columns = slice(shape[0] // 4, shape[0] // 2), slice(shape[1] // 4, shape[1] // 2)
    image[rows, columns] = np.iinfo(kind).max
    found = RadiographSegmenter([(Bright(), 1)], SIDE32)(image)
    assert found.probability.shape == shape
    assert found.probability.dtype == np.float32
    mask, truth = found.probability > 0.5, image > 0
    assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > 0.9


def test_eight_and_sixteen_bits_give_the_same_answer():
    segmenter = RadiographSegmenter([(Bright(), 1)], SIDE32)
    eight = np.random.default_rng(0).integers(0, 256, (50, 40)).astype(np.uint8)
    sixteen = eight.astype(np.uint16) * 257
    np.testing.assert_allclose(segmenter(eight).probability, segmenter(sixteen).probability, atol=1e-5)


def test_the_network_sees_a_square_of_its_side_and_the_mirrored_image_in_one_batch():
    net = Bright()
    RadiographSegmenter([(net, 1)], SIDE32)(square())
    assert net.seen == [(2, 1, 32, 32)]


def test_networks_are_averaged_by_weight_and_each_is_told_apart_for_stacking():
    nets = [(Bright(head=100.0, level=-9.0), 3), (Bright(head=-100.0, level=9.0), 1), (Bright(level=-9.0), 4)]
    found = RadiographSegmenter(nets, SIDE32)(square())
    np.testing.assert_allclose(found.probability, 7 / 8, atol=1e-5)
    assert found.p_nonempty == pytest.approx(3 / 4)  # the third has no head
    assert [(m.p_nonempty, round(m.highest, 3)) for m in found.models] == [(1.0, 1.0), (0.0, 0.0), (None, 1.0)]


def test_the_score_is_the_head_s_word_or_the_highest_probability():
    with_head = RadiographSegmenter([(Bright(head=0.0), 1)], SIDE32)(square())
    without = RadiographSegmenter([(Bright(level=0.99), 1)], SIDE32)(square())
    assert (with_head.score, with_head.p_nonempty) == (0.5, 0.5)
    assert without.p_nonempty is None
    assert without.score == without.probability.max()


def test_with_lungs_only_they_are_searched_and_the_rest_is_zero():
    net = Bright(level=-9.0)  # lesion everywhere
    settings = LungCropSettings(side=64, padding=0, least_side=0)
    found = RadiographSegmenter([(net, 1)], SIDE32, lung=(Bright(), settings))(square((128, 128)))
    assert found.lung_box == (slice(16, 48), slice(24, 72))
    inside = np.zeros((128, 128), bool)
    inside[found.lung_box] = True
    np.testing.assert_allclose(found.probability, inside, atol=1e-4)
    assert net.seen == [(2, 1, 32, 32)]
    assert set(found.seconds) == {"lungs", "segment"}


def test_where_no_lung_is_found_the_whole_image_is_searched():
    lung = (Bright(level=9.0), LungCropSettings(side=32))
    found = RadiographSegmenter([(Bright(level=-9.0), 1)], SIDE32, lung=lung)(square())
    assert found.lung_box is None
    assert found.probability.min() > 0.99


def test_a_real_network_says_nearly_the_same_in_bf16_as_in_fp32():
    torch.manual_seed(0)
    net = Segmenter(SegmenterSettings(architecture="unet", encoder="tu-test_resnet", pretrained=False, head="linear"))
    image = np.random.default_rng(0).integers(0, 65536, (70, 90)).astype(np.uint16)
    settings = {"side": 64, "device": "cpu"}
    full = RadiographSegmenter([(net, 1)], SegmentInferSettings(precision="fp32", **settings))(image)
    half = RadiographSegmenter([(net, 1)], SegmentInferSettings(precision="bf16", **settings))(image)
    assert half.probability.dtype == np.float32
    np.testing.assert_allclose(half.probability, full.probability, atol=0.02)
    assert half.p_nonempty == pytest.approx(full.p_nonempty, abs=0.02)


def test_shrinking_is_antialiased_so_that_a_fine_pattern_becomes_its_mean():
    stripes = np.zeros((64, 64), np.float32)
    stripes[:, ::2] = 1
    np.testing.assert_allclose(resized(stripes, (16, 16))[:, 1:-1], 0.5, atol=0.01)


def test_a_resized_map_stays_between_0_and_1():
    values = np.random.default_rng(0).integers(0, 2, (37, 53)).astype(np.float32)
    for shape in ((200, 111), (5, 9)):
        assert 0 <= resized(values, shape).min() <= resized(values, shape).max() <= 1


def test_no_network_is_refused():
    with pytest.raises(LesionkitError, match="at least one network, got none"):
        RadiographSegmenter([], SIDE32)


def test_a_weight_is_positive():
    with pytest.raises(LesionkitError, match="must be positive, got 0"):
        RadiographSegmenter([(Bright(), 0)], SIDE32)


def test_a_colour_picture_is_refused():
    with pytest.raises(LesionkitError, match=r"rows and columns of samples, got an array of shape \(4, 4, 3\)"):
        RadiographSegmenter([(Bright(), 1)], SIDE32)(np.zeros((4, 4, 3), np.uint8))
