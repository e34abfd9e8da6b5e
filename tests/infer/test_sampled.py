import numpy as np
import pandas as pd
import pytest
import torch

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.infer.sampled import infer_sampled, judge
from lesionkit.infer.sampled_settings import SampledSettings
from lesionkit.nets.patch_net import PatchNet
from lesionkit.nets.patch_net_settings import PatchNetSettings

SMALL = SampledSettings(patch=64, centre=32, batch=3)
HOW = ("fp32", "cpu")


def make() -> PatchNet:
    torch.manual_seed(0)
    return PatchNet(PatchNetSettings(channels=(8, 16), blocks=(1, 1))).eval()


def picture() -> ArrayImage:
    grid = Grid.upright((256, 256), (0.001, 0.001), (0.0005, 0.0005))
    return ArrayImage(grid, np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8))


def patches() -> pd.DataFrame:
    places = [(row, column) for column in range(0, 256, 64) for row in range(0, 256, 64)]
    return pd.DataFrame(places, columns=["row", "column"])


def direct(image, boxes):
    return ((box, image.read(box)) for box in boxes)


@torch.inference_mode()
def test_a_score_is_the_largest_probability_in_the_middle_of_its_patch():
    net, image = make(), picture()
    scored = infer_sampled(net, image, patches(), SMALL, direct, *HOW)
    assert len(scored) == 16
    for row, column, score in scored[["row", "column", "score"]].itertuples(index=False):
        colours = torch.from_numpy(image.array[row : row + 64, column : column + 64].copy()).permute(2, 0, 1)[None]
        assert score == pytest.approx(float(net(colours / 255)[0, 0, 2:6, 2:6].max().sigmoid()), abs=1e-5)


def test_no_more_patches_are_read_than_asked_for_and_in_the_order_of_the_slide():
    read = []

    def counting(image, boxes):
        read.extend((box[0].start, box[1].start) for box in boxes)
        return direct(image, boxes)

    once, again = (
        infer_sampled(make(), picture(), patches(), SMALL.model_copy(update={"most": 5}), counting, *HOW)
        for _ in range(2)
    )
    assert len(once) == 5
    assert read[:5] == sorted(read[:5]) == read[5:]
    pd.testing.assert_frame_equal(once, again)


def test_the_published_quantile_is_the_10_000th_smallest_of_the_middle():
    middle = np.random.default_rng(0).permutation(16_384).astype(np.float32)
    probability = np.full((1, 256, 256), 99_999, np.float32)
    probability[0, 64:192, 64:192] = middle.reshape(128, 128)
    net = PatchNet(PatchNetSettings(architecture="unet", base=1))
    assert judge(probability, net, SampledSettings(rule="quantile")).tolist() == [9_999]
    assert judge(probability, net, SampledSettings()).tolist() == [16_383]


def test_without_patches_there_are_no_scores():
    scored = infer_sampled(make(), picture(), patches()[:0], SMALL, direct, *HOW)
    assert list(scored.columns) == ["row", "column", "score"]
    assert len(scored) == 0


@pytest.mark.parametrize("changes", [{"patch": 60}, {"patch": 64, "centre": 65}])
def test_a_patch_that_does_not_suit_the_net_is_refused(changes):
    with pytest.raises(LesionkitError, match="a multiple of 8 pixels for this net and hold its middle, got 6"):
        infer_sampled(make(), picture(), patches(), SMALL.model_copy(update=changes), direct)
