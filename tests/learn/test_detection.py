import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from lesionkit.learn.batch import choose_batch
from lesionkit.learn.detection import NoduleLearner, fit
from lesionkit.learn.detection_settings import LearnSettings, RoundsLearnSettings
from lesionkit.nets.nodule_head import NoduleHead
from lesionkit.nets.nodule_net import NoduleNet
from lesionkit.nets.nodule_net_settings import NoduleNetSettings

SMALL = NoduleNetSettings(channels=(8, 8, 8, 8), blocks=(1, 1, 1, 1))


class Balls(Dataset):
    """Bright balls in the dark; number i is always the same patch."""

    def __len__(self):
        return 400

    def __getitem__(self, number):
        rng = np.random.default_rng(number)
        centre = rng.uniform(8, 24, 3)
        squared = sum((axis - c) ** 2 for axis, c in zip(np.indices((32, 32, 32)), centre, strict=True))
        hu = np.where(squared < 16, 0.0, -900.0).astype(np.float32)
        target = NoduleHead().encode((32, 32, 32), np.array([[*centre, 8.0]]), np.zeros((0, 4)))
        arrays = {
            "hu": hu[None],
            "heat": target.heat,
            "regression": target.regression,
            "inside": target.inside,
            "ignored": target.ignored,
        }
        return {name: torch.from_numpy(array) for name, array in arrays.items()}


def settings(steps, **more):
    return LearnSettings(steps=steps, batch=2, workers=0, device="cpu", precision="32-true", validate_every=4, **more)


def train(folder, steps, resume=True, validate=None, **more):
    torch.manual_seed(0)
    learner = NoduleLearner(NoduleNet(SMALL), settings(steps, **more))
    figures = fit(learner, Balls(), folder, validate, resume=resume)
    return learner, figures


def weights(learner):
    return torch.cat([p.flatten() for p in learner.kept.parameters()])


def test_training_lowers_the_loss(tmp_path):
    _, early = train(tmp_path / "a", 3)
    _, late = train(tmp_path / "b", 40)
    assert late["loss"] < 0.7 * early["loss"]


def test_the_same_seed_gives_the_same_weights(tmp_path):
    torch.testing.assert_close(
        weights(train(tmp_path / "a", 4)[0]), weights(train(tmp_path / "b", 4)[0]), rtol=0, atol=0
    )


def test_a_resumed_training_draws_the_patches_that_are_left(tmp_path):
    class Watched(Balls):
        def __init__(self, breaks_at=None):
            self.breaks_at, self.seen = breaks_at, []

        def __getitem__(self, number):
            if number == self.breaks_at:
                raise RuntimeError("the power went off")
            self.seen.append(number)
            return super().__getitem__(number)

    with pytest.raises(RuntimeError, match="power"):
        fit(NoduleLearner(NoduleNet(SMALL), settings(12)), Watched(breaks_at=14), tmp_path)
    rest = Watched()
    learner = NoduleLearner(NoduleNet(SMALL), settings(12))
    fit(learner, rest, tmp_path)
    assert rest.seen[:16] == list(range(8, 24))
    assert learner.trainer.global_step == 12


def test_validation_is_asked_at_its_steps_and_its_figures_are_kept(tmp_path):
    asked = []

    def validate(net):
        asked.append(net.training)
        return {"cpm": 0.5}

    _, figures = train(tmp_path, 10, validate=validate)
    assert asked == [False, False, False]
    assert figures["validation/cpm"] == 0.5
    assert (tmp_path / "metrics" / "metrics.csv").is_file()
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_the_average_lags_behind_the_last_weights(tmp_path):
    learner, _ = train(tmp_path, 6)
    last = torch.cat([p.flatten() for p in learner.net.parameters()])
    assert not torch.equal(last, weights(learner))
    alone, _ = train(tmp_path / "alone", 6, average=0)
    assert alone.kept is alone.net


def test_the_average_has_taken_in_the_last_step(tmp_path):
    torch.manual_seed(0)
    start = torch.cat([p.detach().flatten() for p in NoduleNet(SMALL).parameters()])
    learner, _ = train(tmp_path, 1)
    last = torch.cat([p.detach().flatten() for p in learner.net.parameters()])
    assert not torch.equal(last, start)
    # After one step the average is what it has learned, not the random start.
    torch.testing.assert_close(weights(learner), last, rtol=0, atol=0)
    assert learner.moving.steps == 1


def test_a_training_killed_after_a_checkpoint_ends_with_the_weights_of_an_undisturbed_one_also_with_dropout(tmp_path):
    class Breaks(Balls):
        def __getitem__(self, number):
            if number == 13:
                raise RuntimeError("the power went off")
            return super().__getitem__(number)

    def learner():
        torch.manual_seed(0)
        return NoduleLearner(NoduleNet(SMALL.model_copy(update={"dropout": 0.3})), settings(8))

    whole, broken, resumed = learner(), learner(), learner()
    fit(whole, Balls(), tmp_path / "whole")
    with pytest.raises(RuntimeError, match="power"):
        fit(broken, Breaks(), tmp_path / "broken")
    # Whatever was drawn since.
    torch.manual_seed(99)
    fit(resumed, Balls(), tmp_path / "broken")
    torch.testing.assert_close(weights(resumed), weights(whole), rtol=0, atol=0)
    torch.testing.assert_close(resumed.net.state_dict(), whole.net.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize("steps", [8, 300])
def test_the_rate_is_that_of_torch_s_one_cycle(steps):
    how = LearnSettings(steps=steps, rate=0.5)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.5, total_steps=steps + 1, pct_start=0.05, div_factor=20, final_div_factor=5
    )
    for step in range(steps):
        assert how.rate_at(step / steps) == pytest.approx(cycle.get_last_lr()[0], rel=1e-9)
        optimizer.step()
        cycle.step()


def test_followers_on_other_devices_can_be_handed_it_with_its_average():
    learner = NoduleLearner(NoduleNet(SMALL), settings(4))
    handed = pickle.loads(pickle.dumps(learner))
    handed.moving.update(handed.net, 0)
    assert all(torch.equal(a, b) for a, b in zip(handed.kept.parameters(), learner.net.parameters(), strict=True))
    assert not any(p.requires_grad for p in learner.kept.parameters()), "DDP waits for the gradient of all that has one"


def test_an_unresolved_automatic_batch_is_a_bug(tmp_path):
    learner = NoduleLearner(NoduleNet(SMALL), LearnSettings(batch="auto"))
    with pytest.raises(TypeError, match="resolved"):
        fit(learner, Balls(), tmp_path)


def test_the_measured_batch_is_one_of_those_tried_and_leaves_the_weights_alone():
    net = NoduleNet(SMALL)
    before = [p.clone() for p in net.parameters()]
    assert choose_batch(net, 32, "32-true", torch.device("cpu")) in (2, 4, 8, 16, 32)
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))


def test_the_best_of_all_validated_weights_are_kept_if_asked_for(tmp_path):
    seen = []

    def validate(net):
        seen.append(torch.cat([p.flatten().clone() for p in net.parameters()]))
        return {"cpm": [0.2, 0.9, 0.5][len(seen) - 1]}

    def kept(folder, **more):
        seen.clear()
        torch.manual_seed(0)
        how = RoundsLearnSettings(
            steps=12, batch=2, workers=0, device="cpu", precision="32-true", validate_every=4, **more
        )
        learner = NoduleLearner(NoduleNet(SMALL), how)
        return fit(learner, Balls(), folder, validate), weights(learner)

    figures, best = kept(tmp_path / "best", keep="best")
    assert torch.equal(best, seen[1])
    assert figures["kept/step"] == 8
    figures, last = kept(tmp_path / "last")
    assert torch.equal(last, seen[2])
    assert "kept/step" not in figures
