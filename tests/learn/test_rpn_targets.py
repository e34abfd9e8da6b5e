import numpy as np
import pytest
import torch

from lesionkit.learn.rpn_settings import RpnRule
from lesionkit.learn.rpn_targets import assign, chosen
from lesionkit.nets.rpn.anchors import Anchors

NONE = np.zeros((0, 4))


def target(*lesions, side=64, ignored=NONE, **rule):
    return assign(side, Anchors(), np.array(lesions, float).reshape(-1, 4), ignored, RpnRule(**rule))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_small_lesion_is_fit_by_the_anchor_of_the_nearest_size_in_the_nearest_cell():
    label = target([21.0, 29.5, 41.5, 5.0]).label
    assert torch.nonzero(label == 1).tolist() == [[0, 5, 7, 10]]


def test_anchors_that_overlap_by_half_fit_and_say_where_the_lesion_is():
    anchors, lesion = Anchors(), [32.0, 30.0, 28.0, 28.0]
    made = target(lesion)
    places = torch.nonzero(made.label == 1)
    assert len(places) > 1
    assert set(places[:, 0].tolist()) == {1}
    overlaps = anchors.overlaps((16, 16, 16), lesion)
    assert bool((overlaps[made.label == 1] >= 0.5).all())
    assert bool((overlaps[made.label != 1] < 0.5).all())
    said = made.box.movedim(1, -1)[tuple(places.T)]
    balls = anchors.decode(anchors.cubes(places[:, 0], places[:, 1:]), said)
    torch.testing.assert_close(balls, torch.tensor([lesion], dtype=torch.float64).expand_as(balls), atol=1e-5, rtol=0)


def test_what_overlaps_a_lesion_a_little_takes_no_part_and_the_rest_holds_nothing():
    lesion = [29.5, 29.5, 29.5, 10.0]
    made, overlaps = target(lesion), Anchors().overlaps((16, 16, 16), lesion)
    assert bool((made.label[overlaps < 0.02] == -1).all())
    assert bool((made.label[(overlaps >= 0.02) & (overlaps < 0.5)] == 0).all())


def test_with_a_threshold_of_one_the_nearest_cell_alone_fits():
    assert int((target([32, 30, 28, 28.0], positive_iou=1.0).label == 1).sum()) == 1


def test_two_lesions_each_have_anchors_of_their_own():
    label = target([14, 14, 14, 8], [50, 50, 50, 8]).label
    assert (int((label == 1).sum()), int((label == 2).sum())) == (1, 1)


def test_anchors_larger_than_the_crop_take_no_part():
    label = target([16, 16, 16, 9.0], side=32).label
    assert bool((label[2] == 0).all())
    assert bool((label[0] == 1).any())


def test_a_lesion_larger_than_the_crop_is_not_learned_and_no_background_either():
    label = target([16, 16, 16, 40.0], side=32).label
    assert int((label > 0).sum()) == 0
    assert bool((label == 0).all())


def test_findings_that_count_neither_way_are_not_learned():
    ignored = np.array([[29.5, 29.5, 29.5, 10.0]])
    label = target(ignored=ignored).label
    assert label[0, 7, 7, 7] == 0
    assert label[0, 0, 0, 0] == -1


def test_one_anchor_a_crop_is_learned_or_one_of_each_lesion_or_all():
    label = target([18, 18, 18, 28.0], [50, 50, 50, 8.0]).label[None]
    logit = torch.zeros(label.shape)
    counts = {}
    for positives in ("one", "each", "all"):
        positive, _ = chosen(label, logit, RpnRule(positives=positives), seeded(0))
        counts[positives] = int(positive.sum())
        assert bool((label[positive] > 0).all())
    assert (counts["one"], counts["each"], counts["all"]) == (1, 2, int((label > 0).sum()))


def test_of_two_lesions_each_is_drawn_as_often_however_many_anchors_fit():
    label = target([18, 18, 18, 28.0], [50, 50, 50, 8.0]).label[None].repeat(200, 1, 1, 1, 1)
    positive, _ = chosen(label, torch.zeros(label.shape), RpnRule(negatives=1), seeded(1))
    assert int((label[positive] == 2).sum()) / 200 == pytest.approx(0.5, abs=0.1)


def test_of_so_many_random_negatives_the_most_believed_in_are_learned():
    label = target([30, 30, 30, 8.0]).label[None].repeat(2, 1, 1, 1, 1)
    logit = torch.randn(label.shape, generator=seeded(0))
    _, every = chosen(label, logit, RpnRule(negatives=800, hard=0), seeded(2))
    _, hard = chosen(label, logit, RpnRule(negatives=800, hard=5), seeded(2))
    assert (int(every.sum()), int(hard.sum())) == (1600, 10)
    assert bool((label[every] == -1).all())
    assert bool(every[hard].all())
    assert logit[hard].min() >= logit[every & ~hard].max()


def test_the_same_seed_chooses_the_same():
    label = target([30, 30, 30, 28.0]).label[None]
    pairs = [chosen(label, torch.zeros(label.shape), RpnRule(), seeded(5)) for _ in range(2)]
    assert all(torch.equal(a, b) for a, b in zip(*pairs, strict=True))


def test_where_few_anchors_hold_nothing_no_other_is_taken():
    label = torch.zeros(1, 1, 4, 4, 4, dtype=torch.int8)
    label[0, 0, 0, 0, 0] = -1
    positive, negative = chosen(label, torch.zeros(label.shape), RpnRule(negatives=50), seeded(0))
    assert (int(positive.sum()), int(negative.sum())) == (0, 1)
