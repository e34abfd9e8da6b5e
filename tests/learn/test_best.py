import torch

from lesionkit.learn.best import Best


def net(value):
    one = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(one.weight, value)
    return one


def test_the_highest_figure_wins_and_of_equal_ones_the_first(tmp_path):
    best = Best(tmp_path)
    for step, (value, figure) in enumerate([(1.0, 0.5), (2.0, 0.7), (3.0, 0.7), (4.0, 0.6)], 1):
        best.offer(net(value), figure, step)
    found = net(0.0)
    Best(tmp_path).restore(found)
    assert (found.weight.item(), best.step) == (2.0, 2)


def test_a_figure_that_is_none_is_never_the_best(tmp_path):
    best = Best(tmp_path)
    best.offer(net(1.0), float("nan"), 1)
    assert best.step is None
    untouched = net(5.0)
    best.restore(untouched)
    assert untouched.weight.item() == 5.0


def test_a_training_that_begins_anew_forgets_the_best(tmp_path):
    best = Best(tmp_path)
    best.offer(net(1.0), 0.5, 1)
    best.forget()
    assert best.step is None
