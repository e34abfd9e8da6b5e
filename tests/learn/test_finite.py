import math

import pytest
import torch
from torch import nn
from torch.utils.data import Dataset

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.patches_settings import PatchLearnSettings
from lesionkit.learn.steps import StepLearner, fit_steps


class Numbers(Dataset):
    """Item i is a vector of ones."""

    def __len__(self):
        return 100

    def __getitem__(self, number):
        return torch.ones(2)


class Breaks(StepLearner):
    """A linear net whose loss, gradient or weight is spoilt in step 6, counted from 1."""

    def __init__(self, where=None):
        torch.manual_seed(0)
        how = PatchLearnSettings(
            steps=8,
            batch=2,
            workers=0,
            device="cpu",
            precision="32-true",
            validate_every=4,
            shape="constant",
            rate=1e-3,
        )
        super().__init__(nn.Linear(2, 1), how, None)
        self.where = where

    def training_step(self, batch, _number):
        loss = self.net(batch).square().mean()
        late = self.global_step == 5
        if late and self.where == "loss":
            return loss * float("nan")
        if late and self.where == "gradient":
            # The loss is 0, its derivative is infinite.
            return loss * 0 + (self.net.weight - self.net.weight.detach()).abs().sum().sqrt()
        return loss

    def optimizer_step(self, *arguments, **named):
        super().optimizer_step(*arguments, **named)
        if self.where == "weight" and self.global_step == 5:
            with torch.no_grad():
                self.net.bias.fill_(math.inf)

    def configure_optimizers(self):
        return torch.optim.SGD(self.net.parameters(), lr=1e-3)


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("loss", "in step 6 the loss is nan; the checkpoint of step 4 is kept; lower learn.rate"),
        ("gradient", "in step 6 the gradient of net.weight is NaN or infinite; the checkpoint of step 4 is kept"),
        ("weight", "in step 7 the loss is inf; the checkpoint of step 4 is kept"),
    ],
)
def test_what_is_not_finite_stops_the_training_and_leaves_the_last_good_checkpoint(tmp_path, where, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        fit_steps(Breaks(where), Numbers(), tmp_path, batch=2)
    kept = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
    assert kept["global_step"] == 4
    assert all(value.isfinite().all() for value in kept["state_dict"].values())
    # Without what spoilt it the same training goes on from there.
    whole, rest = Breaks(), Breaks()
    fit_steps(whole, Numbers(), tmp_path / "whole", batch=2)
    fit_steps(rest, Numbers(), tmp_path, batch=2)
    torch.testing.assert_close(rest.net.state_dict(), whole.net.state_dict(), rtol=0, atol=0)


def test_weights_that_are_not_finite_are_not_written_as_a_checkpoint(tmp_path):
    class Last(Breaks):
        def optimizer_step(self, *arguments, **named):
            super().optimizer_step(*arguments, **named)
            if self.global_step == 3:
                with torch.no_grad():
                    self.net.bias.fill_(math.nan)

    with pytest.raises(LesionkitError, match=r"the weight net\.bias is NaN or infinite; no checkpoint was written"):
        fit_steps(Last(), Numbers(), tmp_path, batch=2)
    assert not (tmp_path / "checkpoints" / "last.ckpt").exists()
