import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from lesionkit.learn.detection import fit
from lesionkit.learn.rpn import RpnLearner, rpn_loss
from lesionkit.learn.rpn_settings import RpnLearnSettings, RpnRule
from lesionkit.learn.rpn_targets import assign
from lesionkit.nets.rpn.anchors import Anchors
from lesionkit.nets.rpn.rpn_net import RpnNet
from lesionkit.nets.rpn.rpn_net_settings import RpnNetSettings

RULE = RpnRule(positives="all", negatives=100_000, hard=0)


def batch_of(positives: int, negatives: int, logit=0.0):
    """Maps that say one logit everywhere, and labels of so many anchors of one kind and another."""
    cells = positives + negatives
    maps = torch.zeros(1, 5, 1, 1, cells)
    maps[:, 0] = logit
    label = torch.full((1, 1, 1, 1, cells), -1, dtype=torch.int8)
    label[..., :positives] = 1
    box = torch.zeros(1, 1, 4, 1, 1, cells)
    box[..., :positives] = 1.0
    return maps, label, box


def test_each_part_is_a_mean_over_its_own_anchors():
    parts = rpn_loss(*batch_of(2, 6, logit=1.0), RULE)
    assert float(parts["positive"]) == pytest.approx(np.log1p(np.exp(-1)))
    assert float(parts["negative"]) == pytest.approx(np.log1p(np.exp(1)))
    # Smooth L1 of a distance of one.
    assert float(parts["box"]) == pytest.approx(0.5)
    assert float(parts["total"]) == pytest.approx(0.5 * 0.3132617 + 0.5 * 1.3132617 + 1.0 * 0.5)


def test_a_hundred_times_as_many_negatives_do_not_change_the_positive_part():
    few, many = (rpn_loss(*batch_of(3, count, logit=-2.0), RULE) for count in (10, 1000))
    assert float(few["positive"]) == float(many["positive"])
    assert float(few["box"]) == float(many["box"])


def test_pooled_negatives_drown_it():
    pooled = RULE.model_copy(update={"loss": "pooled"})
    few, many = (rpn_loss(*batch_of(3, count), pooled) for count in (10, 1000))
    assert float(few["positive"]) / float(many["positive"]) == pytest.approx(1003 / 13)


def test_the_variant_johnny_weighs_negatives_and_boxes_a_twentieth():
    parts = rpn_loss(*batch_of(2, 6, logit=1.0), RULE.model_copy(update={"weights": (0.5, 0.05, 0.05)}))
    assert float(parts["total"]) == pytest.approx(0.5 * 0.3132617 + 0.05 * 1.3132617 + 0.05 * 0.5)


def test_in_the_last_round_mistakes_weigh_by_how_wrong_they_are():
    parts = rpn_loss(*batch_of(1, 1, logit=1.0), RULE.model_copy(update={"focus": 2.0}))
    wrong_of_fit, wrong_of_nothing = 1 / (1 + np.e), 1 / (1 + np.exp(-1))
    assert float(parts["positive"]) == pytest.approx(0.3132617 * wrong_of_fit**2)
    assert float(parts["negative"]) == pytest.approx(1.3132617 * wrong_of_nothing**2)


def test_a_batch_without_lesions_teaches_the_negatives_alone():
    parts = rpn_loss(*batch_of(0, 6), RULE)
    assert (float(parts["positive"]), float(parts["box"])) == (0, 0)
    assert float(parts["negative"]) == pytest.approx(np.log(2))


class OneCrop(Dataset):
    """A bright ball of ten samples on dark ground, always at one place."""

    def __getitem__(self, number):
        away = np.linalg.norm(np.indices((32, 32, 32)) - 13.5, axis=0)
        made = assign(32, Anchors(), np.array([[13.5, 13.5, 13.5, 10.0]]), np.zeros((0, 4)), RpnRule())
        hu = np.where(away <= 5, 200.0, -900.0).astype(np.float32)
        return {
            "hu": torch.from_numpy(hu)[None],
            "location": torch.zeros(3, 8, 8, 8),
            "label": made.label,
            "box": made.box,
        }

    def __len__(self):
        return 1000


def test_it_learns_where_a_ball_is_and_twice_the_same(tmp_path):
    settings = RpnLearnSettings(
        steps=12, batch=1, rate=0.02, workers=0, validate_every=12, average=0.0, precision="32-true", device="cpu"
    )
    small = RpnNetSettings(channels=(4, 4, 8, 8), blocks=(1, 1, 1, 1), up_channels=(8, 8), hidden=8, dropout=0.0)
    states, losses = [], []
    for name in ("a", "b"):
        torch.manual_seed(0)
        learner = RpnLearner(RpnNet(small), settings)
        losses.append(fit(learner, OneCrop(), tmp_path / name)["loss"])
        states.append(learner.kept.state_dict())
    assert losses[0] < 0.5
    assert all(torch.equal(a, b) for a, b in zip(states[0].values(), states[1].values(), strict=True))
