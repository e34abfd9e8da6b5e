import pytest
import torch

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.schedule import make_scheduler, rates, step
from lesionkit.learn.schedule_settings import SCHEDULES, TrainingPart


def course(part: TrainingPart, figures: list[float]) -> list[float]:
    """Learning rate in each epoch, where validation gives the figures."""
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=123.0)
    scheduler = make_scheduler(optimizer, part)
    seen = []
    for figure in figures:
        seen.append(rates(optimizer)[0])
        optimizer.step()
        step(scheduler, figure)
    return seen


def test_a_constant_rate_stays():
    assert course(TrainingPart(epochs=9, rate=3e-4), [0.1] * 4) == [3e-4] * 4


def test_on_a_plateau_the_rate_falls_after_more_epochs_than_its_patience():
    part = TrainingPart(epochs=9, rate=1e-4, shape="plateau", patience=2, factor=0.1, lowest=1e-7)
    assert course(part, [0.5, 0.6, 0.6, 0.6, 0.6, 0.7]) == pytest.approx([1e-4] * 5 + [1e-5])


def test_a_plateau_does_not_fall_below_the_lowest_rate():
    part = TrainingPart(epochs=9, rate=1e-4, shape="plateau", patience=0, lowest=5e-5)
    assert course(part, [0.5] * 5)[-1] == pytest.approx(5e-5)


def test_a_cosine_swings_from_the_rate_to_the_lowest_and_back():
    part = TrainingPart(epochs=60, rate=1e-5, shape="cosine", period=8, lowest=1e-7)
    seen = course(part, [0.5] * 17)
    assert [seen[0], seen[4], seen[8], seen[16]] == pytest.approx([1e-5, 5.05e-6, 1e-7, 1e-5])


def test_warm_restarts_jump_back_every_five_epochs_as_the_second_place_s_did():
    seen = course(SCHEDULES["2nd classifier"][0], [0.5] * 11)
    assert [seen[0], seen[5], seen[10]] == pytest.approx([5e-4] * 3)
    assert seen[4] < seen[3] < seen[2] < seen[1] < seen[0]


def test_periods_may_grow():
    part = TrainingPart(epochs=9, rate=1.0, shape="warm restarts", period=1, growth=2)
    seen = course(part, [0.5] * 8)
    assert [n for n, rate in enumerate(seen) if rate == 1.0] == [0, 1, 3, 7]


def test_a_new_part_starts_at_its_own_rate_with_an_optimiser_that_has_learned():
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    make_scheduler(optimizer, TrainingPart(epochs=1, rate=1e-3))
    make_scheduler(optimizer, TrainingPart(epochs=8, rate=1e-5, shape="cosine"))
    assert rates(optimizer) == pytest.approx((1e-5,))


@pytest.mark.parametrize(
    ("name", "epochs"), [("2nd classifier", 34), ("2nd", 44), ("3rd", 40), ("4th", 60), ("1st", 190)]
)
def test_the_winners_train_as_long_as_they_said(name, epochs):
    assert sum(part.epochs for part in SCHEDULES[name]) == epochs


@pytest.mark.parametrize("name", SCHEDULES)
def test_each_winner_s_parts_run(name):
    for part in SCHEDULES[name]:
        assert course(part, [0.5, 0.6]) == [part.rate, pytest.approx(part.rate, rel=0.4)]


def test_the_lowest_rate_is_below_the_rate():
    with pytest.raises(LesionkitError, match=r"lowest must be below rate, got 0.1 and 0.01"):
        TrainingPart(epochs=1, rate=0.01, lowest=0.1)


def test_a_size_is_a_multiple_of_32():
    with pytest.raises(LesionkitError, match="setting 'side'"):
        TrainingPart.parse({"epochs": 1, "rate": 0.1, "side": 500})


@pytest.mark.parametrize("shape", ["constant", "plateau", "cosine", "warm restarts"])
def test_a_group_with_a_scale_of_its_own_keeps_to_it(shape):
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "scale": scale} for scale in (1.0, 0.1)]
    optimizer = torch.optim.Adam(groups, lr=1.0)
    scheduler = make_scheduler(optimizer, TrainingPart(epochs=9, rate=1e-2, shape=shape, period=4))
    for _ in range(3):
        optimizer.step()
        step(scheduler, 0.5)
        fast, slow = rates(optimizer)
        assert slow == pytest.approx(fast / 10)
