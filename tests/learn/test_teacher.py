import pytest
import torch
from torch import nn

from lesionkit.learn.teacher import agreement, resting_statistics
from lesionkit.learn.teacher_settings import TeacherSettings
from lesionkit.nets.segmenter import Segmentation


class Says(nn.Module):
    """Answers with the picture as logits, and with one logit for the whole."""

    def __init__(self, nonempty=None):
        super().__init__()
        self.norm = nn.BatchNorm2d(1, affine=False, eps=0.0)
        self.nonempty = nonempty

    def forward(self, image):
        return Segmentation(
            self.norm(image), None if self.nonempty is None else torch.full((len(image),), self.nonempty)
        )


def views(easy, hard):
    return {"easy": torch.full((2, 1, 4, 4), easy), "hard": torch.full((2, 1, 4, 4), hard)}


def logit(probability):
    return float(torch.logit(torch.tensor(probability)))


def test_the_weight_rises_along_half_a_bell():
    weight = TeacherSettings().weight
    assert [weight(epoch) for epoch in (0, 4)] == [0.001, 0.001]
    assert weight(5) == pytest.approx(2 * 2.718281828 ** (-5 * (25 / 30) ** 2))
    assert weight(30) == weight(100) == 2.0


def test_the_distance_is_between_probabilities():
    student, teacher = Says().train(), Says().eval()
    found = agreement(student, teacher, views(logit(0.5), logit(0.9)), TeacherSettings())
    assert found.item() == pytest.approx(0.16)


def test_the_image_head_counts_for_a_thousandth():
    student, teacher = Says(logit(0.9)).train(), Says(logit(0.5)).eval()
    found = agreement(student, teacher, views(0.0, 0.0), TeacherSettings())
    assert found.item() == pytest.approx(0.001 * 0.16)


def test_nobodys_batch_statistics_move_while_they_compare():
    student, teacher = Says().train(), Says().eval()
    agreement(student, teacher, views(5.0, 7.0), TeacherSettings())
    assert student.norm.running_mean.item() == teacher.norm.running_mean.item() == 0.0
    assert student.norm.training


def test_resting_norms_wake_up_again_and_those_asleep_stay_so():
    net = nn.Sequential(nn.BatchNorm2d(1), nn.BatchNorm2d(1), nn.Dropout())
    net[1].eval()
    with resting_statistics(net):
        assert [module.training for module in net] == [False, False, True]
    assert [module.training for module in net] == [True, False, True]
