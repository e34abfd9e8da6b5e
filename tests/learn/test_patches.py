import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import Dataset

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.patches import fit_patches
from lesionkit.learn.patches_settings import PatchLearnSettings
from lesionkit.nets.patch_net import PatchNet
from lesionkit.nets.patch_net_settings import PatchNetSettings

TINY = PatchNetSettings(channels=(8, 8), blocks=(1, 1), pretrained=False, dropout=0.2)


class Spots(Dataset):
    """Purple squares on pink; batch i is always the same."""

    def __init__(self, length=200, breaks_at=None):
        self.length, self.breaks_at, self.seen = length, breaks_at, []

    def __len__(self):
        return self.length

    def __getitem__(self, number):
        if number == self.breaks_at:
            raise RuntimeError("the power went off")
        self.seen.append(number)
        rng = np.random.default_rng(number)
        mask = np.zeros((8, 1, 32, 32), np.float32)
        for one in mask[::2, 0]:
            y, x = rng.integers(0, 3, 2) * 8
            one[y : y + 16, x : x + 16] = 1
        noise = rng.normal(0, 0.05, (8, 3, 32, 32))
        colours = np.where(mask > 0, np.array([0.4, 0.2, 0.6])[:, None, None], np.array([0.9, 0.6, 0.8])[:, None, None])
        image = np.clip(colours + noise, 0, 1).astype(np.float32)
        label = mask.max(axis=(1, 2, 3))
        return {name: torch.from_numpy(a) for name, a in {"image": image, "mask": mask, "label": label}.items()}


def settings(steps, **more):
    values = {"batch": 8, "workers": 0, "device": "cpu", "precision": "32-true", "validate_every": 4, "rate": 1e-2}
    return PatchLearnSettings(steps=steps, **{**values, **more})


def train(folder, steps, validate=None, batches=None, **more):
    torch.manual_seed(0)
    return fit_patches(PatchNet(TINY), folder, settings(steps, **more), batches or Spots(), validate)


def weights(fitted):
    return torch.cat([p.detach().flatten() for p in fitted.net.parameters()])


def test_training_finds_the_spots(tmp_path):
    fitted = train(tmp_path, 40)
    batch = Spots()[150]
    inside = torch.nn.functional.avg_pool2d(batch["mask"], 8) > 0.99
    with torch.inference_mode():
        found = fitted.net(batch["image"]).sigmoid()
    assert not fitted.net.training
    assert float(found[inside].mean()) > float(found[~inside].mean()) + 0.3
    assert fitted.figures["steps"] == 40


def test_labels_of_the_middle_alone_teach_too(tmp_path):
    class Labelled(Spots):
        def __getitem__(self, number):
            batch = super().__getitem__(number)
            return {**batch, "mask": torch.full_like(batch["mask"], -1)}

    fitted = train(tmp_path, 40, batches=Labelled(), middle_weight=1.0)
    batch = Spots()[150]
    with torch.inference_mode():
        logits = fitted.net.patch_logit(batch["image"])
    assert float(logits[batch["label"] > 0].min()) > float(logits[batch["label"] == 0].max())


@pytest.mark.parametrize("more", [{}, {"mixup": 0.3}, {"shape": "plateau", "epoch_steps": 2, "patience": 0}])
def test_a_broken_training_goes_on_as_if_nothing_had_happened(tmp_path, more):
    whole = train(tmp_path / "whole", 12, **more)
    with pytest.raises(RuntimeError, match="power"):
        train(tmp_path / "broken", 12, batches=Spots(breaks_at=10), **more)
    rest = Spots()
    resumed = train(tmp_path / "broken", 12, batches=rest, **more)
    assert rest.seen == [8, 9, 10, 11]
    torch.testing.assert_close(weights(resumed), weights(whole), rtol=0, atol=0)


def test_a_finished_training_is_not_trained_again(tmp_path):
    first, rest = train(tmp_path, 7), Spots()
    again = train(tmp_path, 7, batches=rest)
    assert rest.seen == []
    torch.testing.assert_close(weights(again), weights(first), rtol=0, atol=0)


def test_another_seed_gives_other_weights(tmp_path):
    # The seed draws what dropout drops; the order of patches is that of the batches.
    one, other = (weights(train(tmp_path / str(seed), 4, seed=seed)) for seed in (0, 1))
    assert not torch.equal(one, other)


def test_validation_is_asked_at_its_steps_and_its_figures_are_kept(tmp_path):
    asked = []

    def validate(net):
        asked.append(net.training)
        return {"auc": 0.9}

    fitted = train(tmp_path, 10, validate)
    assert asked == [False, False, False]
    assert fitted.figures["validation/auc"] == pytest.approx(0.9)
    table = pd.read_csv(tmp_path / "metrics" / "metrics.csv")
    assert {"loss", "loss/map", "rate", "speed/waiting_share"} <= set(table.columns)
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_the_average_lags_behind_the_last_weights(tmp_path):
    averaged, last = train(tmp_path / "a", 6), train(tmp_path / "b", 6, average=0)
    assert not torch.equal(weights(averaged), weights(last))


def test_a_training_ends_with_its_minutes_and_its_rate_is_down_by_then(tmp_path):
    fitted = train(tmp_path, 100_000, batches=Spots(100_000), minutes=0.02, validate_every=1000)
    assert 1 <= fitted.figures["steps"] < 100_000
    assert fitted.figures["rate"] < 0.002


def test_a_plateau_halves_the_rate_down_to_its_lowest(tmp_path):
    class Hopeless(Spots):
        def __getitem__(self, number):
            batch = super().__getitem__(0)
            return {**batch, "mask": torch.full_like(batch["mask"], -1)}

    plateau = {"shape": "plateau", "epoch_steps": 1, "patience": 1, "lowest": 3e-3}
    fitted = train(tmp_path, 10, batches=Hopeless(), validate_every=100, **plateau)
    assert fitted.figures["rate"] == pytest.approx(3e-3)


def test_too_few_batches_are_refused(tmp_path):
    with pytest.raises(LesionkitError, match="5 steps on 1 devices need as many batches each, got 4"):
        train(tmp_path, 5, batches=Spots(4))


def test_a_frozen_start_leaves_the_encoder_as_it_was_and_then_lets_it_learn(tmp_path):
    def trained(steps, folder):
        torch.manual_seed(0)
        net = PatchNet(PatchNetSettings(encoder="test_resnet", stride=8, pretrained=False))
        before = {name: value.clone() for name, value in net.encoder.state_dict().items()}
        finetune = {"frozen_steps": 2, "encoder_rate": 0.5}
        how = PatchLearnSettings.parse({**settings(steps, average=0).model_dump(), "finetune": finetune})
        after = fit_patches(net, folder, how, Spots()).net.encoder.state_dict()
        return {name for name, value in before.items() if not torch.equal(value, after[name])}

    assert trained(2, tmp_path / "two") == set()
    changed = trained(3, tmp_path / "three")
    assert {"conv1.0.weight", "bn1.running_mean"} <= changed
