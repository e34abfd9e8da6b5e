import lightning
import pytest
import torch
from torch import nn

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.average import (
    KeepSettings,
    MovingAverage,
    average_weights,
    best_first,
    estimate_statistics,
    keep_best,
    refresh_statistics,
)
from lesionkit.learn.average_settings import AVERAGES, AverageSettings


def constant(value: float) -> nn.Module:
    """One weight and one running mean, both of a value."""
    net = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.BatchNorm2d(1))
    nn.init.constant_(net[0].weight, value)
    nn.init.constant_(net[1].running_mean, value)
    return net


def weight(net: nn.Module) -> float:
    return net[0].weight.item()


def test_an_average_keeps_its_decay_and_takes_the_rest():
    average = MovingAverage(constant(0.0), AverageSettings(decays=((0, 0.9),)))
    average.update(constant(1.0), epoch=0)
    assert weight(average.net) == pytest.approx(0.1)
    average.update(constant(1.0), epoch=0)
    assert weight(average.net) == pytest.approx(0.19)
    assert average.net[1].running_mean.item() == pytest.approx(0.19)


def test_the_third_place_copies_the_weights_before_epoch_7():
    average = MovingAverage(constant(0.0), AVERAGES["3rd"])
    average.update(constant(5.0), epoch=6)
    assert weight(average.net) == 5.0
    average.update(constant(6.0), epoch=7)
    assert weight(average.net) == pytest.approx(5.01)


def test_the_fifth_place_forgets_slower_epoch_by_epoch():
    decay = AVERAGES["5th"].decay
    assert [decay(epoch, 10**6) for epoch in (0, 5, 6, 10, 11, 20, 21)] == [0.5, 0.5, 0.9, 0.9, 0.99, 0.99, 0.999]
    assert [decay(30, step) for step in (1, 2, 4, 10**6)] == [0, 0.5, 0.75, 0.999]


def test_own_statistics_move_with_what_the_average_sees_only():
    average = MovingAverage(constant(0.0), AVERAGES["5th"])
    average.update(constant(8.0), epoch=0)
    assert weight(average.net) == 8.0
    assert average.net[1].running_mean.item() == 0.0
    refresh_statistics(average.net.eval(), torch.ones(2, 1, 3, 3))
    assert average.net[1].running_mean.item() == pytest.approx(0.8)  # momentum 0.1 of a mean of 8
    assert not average.net.training


def test_counters_are_copied_and_the_network_that_learns_stays():
    net = constant(1.0)
    net[1].num_batches_tracked.fill_(7)
    average = MovingAverage(constant(0.0), AverageSettings(decays=((0, 0.9),)))
    average.update(net, epoch=0)
    assert average.net[1].num_batches_tracked.item() == 7
    assert weight(net) == 1.0
    assert not any(p.requires_grad for p in average.net.parameters())


def test_an_average_goes_on_where_its_state_ended():
    first = MovingAverage(constant(0.0), AVERAGES["5th"])
    first.update(constant(4.0), epoch=0)
    second = MovingAverage(constant(0.0), AVERAGES["5th"])
    second.load_state_dict(first.state_dict())
    for average in (first, second):
        average.update(constant(0.0), epoch=0)
    assert weight(first.net) == weight(second.net) == 2.0


def test_decays_ascend_from_epoch_0_and_lie_below_1():
    with pytest.raises(LesionkitError, match=r"start at epoch 0 and ascend, got epochs \[7\]"):
        AverageSettings(decays=((7, 0.99),))
    with pytest.raises(LesionkitError, match="at least 0 and below 1, got 1"):
        AverageSettings(decays=((0, 1.0),))


def test_checkpoints_are_averaged_evenly():
    net = constant(0.0)
    averaged = average_weights(net, [constant(value).state_dict() for value in (1.0, 2.0, 6.0)])
    assert weight(averaged) == pytest.approx(3.0)
    assert weight(net) == 0.0
    assert all(p.requires_grad for p in averaged.parameters())


def test_an_average_of_no_checkpoint_is_refused():
    with pytest.raises(LesionkitError, match="at least one checkpoint"):
        average_weights(constant(0.0), [])


def test_statistics_are_estimated_anew_from_the_batches_alone():
    net = constant(2.0)
    nn.init.constant_(net[1].running_mean, 99.0)
    estimate_statistics(net, [torch.full((2, 1, 2, 2), value) for value in (1.0, 2.0, 3.0)])
    assert net[1].running_mean.item() == pytest.approx(4.0)
    assert net[1].momentum == 0.1


class Rising(lightning.LightningModule):
    """Its figure goes up and down over five epochs."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def training_step(self, _batch, _number):
        return self.weight.sum()

    def on_train_epoch_end(self) -> None:
        self.log("validation/dice", [0.5, 0.9, 0.7, 0.8, 0.6][self.current_epoch])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


# Lightning would like more loader workers, and asks torch for a tree's leaf in a way that is going out.
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
def test_the_best_checkpoints_stay_and_are_listed_best_first(tmp_path):
    callback = keep_best(tmp_path, KeepSettings(count=3))
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=5,
        callbacks=[callback],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Rising(), torch.utils.data.DataLoader(torch.zeros(1, 1)))
    assert [path.name for path in best_first(callback)] == [
        "epoch-001-0.9000.ckpt",
        "epoch-003-0.8000.ckpt",
        "epoch-002-0.7000.ckpt",
    ]
    assert sorted(p.name for p in tmp_path.iterdir())[-1] == "last.ckpt"
    assert len(list(tmp_path.iterdir())) == 4
