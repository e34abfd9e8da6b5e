import csv
import pickle
from itertools import cycle
from pathlib import Path

import pytest
import torch
from lightning.pytorch.strategies import DDPStrategy
from torch.utils.data import Dataset

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.average_settings import AverageSettings
from lesionkit.learn.keep import read_weights
from lesionkit.learn.schedule_settings import TrainingPart
from lesionkit.learn.segmentation import fit_segmenter, load_best, make_trainer
from lesionkit.learn.segmentation_loss_settings import LOSSES
from lesionkit.learn.segmentation_module import SegmentationModule
from lesionkit.learn.segmentation_settings import SegmentationLearnSettings
from lesionkit.learn.teacher_settings import TeacherSettings
from lesionkit.nets.segmenter import Segmenter
from lesionkit.nets.segmenter_settings import SegmenterSettings

TINY = SegmenterSettings(architecture="unet", encoder="tu-test_resnet", pretrained=False, head="linear")
ALMOST_STILL = AverageSettings(decays=((0, 1 - 1e-9),))


class Squares(Dataset):
    """Noise with a bright square in every other picture; the number of the epoch decides where."""

    def __init__(self, count, epoch, side):
        self.count, self.epoch, self.side = count, epoch, side

    def __len__(self):
        return self.count

    def __getitem__(self, number):
        random = torch.Generator().manual_seed(1000 * self.epoch + number)
        mask = torch.zeros(1, self.side, self.side)
        if number % 2:
            y, x = torch.randint(0, self.side // 2, (2,), generator=random).tolist()
            mask[:, y : y + self.side // 2, x : x + self.side // 2] = 1
        image = 0.2 * torch.rand(mask.shape, generator=random) + 0.6 * mask
        return {"image": image, "mask": mask, "nonempty": mask.amax()}


class Views(Squares):
    def __getitem__(self, number):
        image = super().__getitem__(number)["image"]
        return {"easy": image, "hard": 1.1 * image}


def draw(epoch, _epoch_of_part, part):
    return Squares(8, epoch, part.side)


def unlabelled(epoch, part):
    return Views(5, 500 + epoch, part.side)


def dice(net):
    items = [Squares(8, 999, 32)[number] for number in range(8)]
    mask = torch.stack([item["mask"] for item in items])
    found = net(torch.stack([item["image"] for item in items])).mask > 0
    return {"dice": float(2 * (found * mask).sum() / (found.sum() + mask.sum()))}


class Says:
    """A validation that gives figures set beforehand, and remembers the weights it was asked about."""

    def __init__(self, *figures):
        self.figures, self.asked, self.training = cycle(figures), [], []

    def __call__(self, net):
        self.asked.append(weights(net).clone())
        self.training.append(net.training)
        return {"dice": next(self.figures)}


def weights(net):
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def settings(*parts, **more):
    plain = {
        "loss": LOSSES["bce"],
        "batch": 4,
        "clip_norm": None,
        "precision": "32-true",
        "device": "cpu",
        "workers": 0,
    }
    return SegmentationLearnSettings(parts=parts, **{**plain, **more})


def part(epochs, **more):
    return TrainingPart(**{"epochs": epochs, "rate": 2e-3, "side": 32, **more})


def tiny():
    torch.manual_seed(0)
    return Segmenter(TINY)


def table(folder, column):
    with (folder / "metrics" / "metrics.csv").open() as file:
        return [float(row[column]) for row in csv.DictReader(file) if row[column]]


def test_it_learns_a_bright_square(tmp_path):
    fitted = fit_segmenter(tiny(), tmp_path, settings(part(20)), draw, dice)
    assert fitted.figures["validation/dice"] > 0.8
    assert dice(fitted.net)["dice"] == pytest.approx(fitted.figures["validation/dice"])
    assert not fitted.net.training
    assert dice(load_best(fitted)) == dice(load_best(fitted.best[0])) == dice(fitted.net)
    assert (fitted.figures["epochs"], fitted.figures["steps"]) == (20, 40)
    assert fitted.figures["speed/steps_per_s"] > 0
    assert 0 <= fitted.figures["speed/waiting_share"] <= 1
    assert list((tmp_path / "tensorboard").glob("events*"))


TRAININGS = {
    "parts, frozen encoder, moving average": settings(
        part(2, shape="plateau", patience=0),
        part(2, shape="cosine", period=3, frozen_epochs=1, start="best"),
        average=AverageSettings(decays=((0, 0.5),)),
        accumulate=2,
        clip_norm=0.5,
    ),
    "warm restarts, averaged ends": settings(
        part(3, shape="warm restarts", period=2), part(1, start="last"), swa_epochs=(1, 3)
    ),
    "teacher": settings(
        part(3),
        teacher=TeacherSettings(batch=2, first_epoch=1, ramp_epochs=3),
        loss=LOSSES["2nd with head"],
    ),
}


@pytest.mark.parametrize("name", TRAININGS)
def test_an_interrupted_training_ends_like_an_uninterrupted_one(tmp_path, name):
    def broken(epoch, epoch_of_part, part):
        if epoch == 2:
            raise RuntimeError("the power went off")
        return draw(epoch, epoch_of_part, part)

    views = unlabelled if TRAININGS[name].teacher else None
    whole = fit_segmenter(tiny(), tmp_path / "whole", TRAININGS[name], draw, dice, views)
    with pytest.raises(RuntimeError, match="power"):
        fit_segmenter(tiny(), tmp_path / "parts", TRAININGS[name], broken, dice, views)
    resumed = fit_segmenter(tiny(), tmp_path / "parts", TRAININGS[name], draw, dice, views)
    for key, tensor in whole.net.state_dict().items():
        torch.testing.assert_close(resumed.net.state_dict()[key], tensor, rtol=0, atol=0)
    assert [path.name for path in resumed.best] == [path.name for path in whole.best]
    assert resumed.figures["steps"] == whole.figures["steps"]


def test_a_finished_training_is_only_read_again(tmp_path):
    first = fit_segmenter(tiny(), tmp_path, settings(part(2)), draw, dice)

    def never(*_):
        raise AssertionError("drew once more")

    again = fit_segmenter(tiny(), tmp_path, settings(part(2)), never, never)
    assert torch.equal(weights(again.net), weights(first.net))
    assert again.best == first.best
    assert again.figures == first.figures


def test_a_folder_of_another_training_is_refused(tmp_path):
    fit_segmenter(tiny(), tmp_path, settings(part(1)), draw)
    with pytest.raises(LesionkitError, match="'batch' differs; choose another folder"):
        fit_segmenter(tiny(), tmp_path, settings(part(1), batch=2), draw)


def test_a_frozen_encoder_keeps_its_weights_and_statistics_until_it_thaws(tmp_path):
    seen = []

    def validate(net):
        seen.append({name: tensor.clone() for name, tensor in net.state_dict().items()})
        return {"dice": 0.5}

    before = tiny().state_dict()
    fit_segmenter(tiny(), tmp_path, settings(part(2, frozen_epochs=1)), draw, validate)
    encoder = [name for name in before if name.startswith("encoder.")]
    assert all(torch.equal(seen[0][name], before[name]) for name in encoder)
    moving = [name for name in encoder if before[name].is_floating_point()]
    assert not any(torch.equal(seen[1][name], before[name]) for name in moving)
    assert any(not torch.equal(seen[0][name], before[name]) for name in before if name.startswith("decoder."))


def test_a_plateau_lowers_the_rate(tmp_path):
    plateau = part(5, rate=1e-3, shape="plateau", factor=0.1, patience=1)
    fit_segmenter(tiny(), tmp_path, settings(plateau), draw, Says(0.5))
    assert table(tmp_path, "rate") == pytest.approx([1e-3, 1e-3, 1e-3, 1e-4, 1e-4])


def test_a_part_that_stops_early_makes_way_for_the_next(tmp_path):
    says = Says(0.5)
    fitted = fit_segmenter(tiny(), tmp_path, settings(part(9, stop_after=1), part(1, rate=1e-4)), draw, says)
    assert table(tmp_path, "part") == [0, 0, 1]
    assert table(tmp_path, "rate") == pytest.approx([2e-3, 2e-3, 1e-4])
    assert fitted.figures["epochs"] == 3
    assert says.training == [False] * 3


@pytest.mark.parametrize(("start", "like"), [("best", 0), ("last", 2)])
def test_a_part_starts_where_it_is_told_to(tmp_path, start, like):
    says = Says(0.9, 0.1, 0.2, 0.3)
    still = part(1, rate=1e-12, start=start)
    fit_segmenter(tiny(), tmp_path, settings(part(3), still), draw, says)
    torch.testing.assert_close(says.asked[3], says.asked[like], rtol=0, atol=1e-6)
    assert not torch.allclose(says.asked[0], says.asked[2], rtol=0, atol=1e-4)


def test_the_best_weights_of_the_last_part_stay(tmp_path):
    says = Says(0.99, 0.3, 0.8, 0.1, 0.9)
    fitted = fit_segmenter(tiny(), tmp_path, settings(part(1), part(4, keep=2)), draw, says)
    assert [path.name for path in fitted.best] == ["epoch-004-0.9000.pt", "epoch-002-0.8000.pt"]
    assert sorted(path.name for path in fitted.best[0].parent.iterdir()) == sorted(path.name for path in fitted.best)
    assert torch.equal(weights(fitted.net), says.asked[4])
    assert torch.equal(weights(load_best(fitted.best[1])), says.asked[2])
    assert fitted.figures["validation/dice"] == 0.9


def test_without_validation_the_last_weights_are_kept(tmp_path):
    fitted = fit_segmenter(tiny(), tmp_path, settings(part(3, keep=2)), draw)
    assert [path.name for path in fitted.best] == ["epoch-002-0.0000.pt", "epoch-001-0.0000.pt"]
    assert "validation/dice" not in fitted.figures


def test_the_moving_average_is_validated_and_kept(tmp_path):
    says = Says(0.5)
    fitted = fit_segmenter(tiny(), tmp_path, settings(part(1), average=ALMOST_STILL), draw, says)
    torch.testing.assert_close(weights(fitted.net), weights(tiny()), rtol=0, atol=1e-6)
    torch.testing.assert_close(says.asked[0], weights(fitted.net), rtol=0, atol=0)


def test_the_teacher_is_kept_and_its_statistics_are_its_own(tmp_path):
    teacher = TeacherSettings(average=AverageSettings(decays=((0, 1 - 1e-9),), buffers="own"))
    fitted = fit_segmenter(tiny(), tmp_path, settings(part(1), teacher=teacher), draw, dice, unlabelled)
    torch.testing.assert_close(weights(fitted.net), weights(tiny()), rtol=0, atol=1e-6)
    norm = "encoder.model.bn1.running_mean"
    expected = tiny().train()
    for first in (0, 4):
        expected(torch.stack([Squares(8, 0, 32)[number]["image"] for number in range(first, first + 4)]))
    torch.testing.assert_close(fitted.net.state_dict()[norm], expected.state_dict()[norm], rtol=1e-4, atol=1e-6)


def test_the_student_heeds_the_teacher(tmp_path):
    alone, taught = (TeacherSettings(early=weight) for weight in (0.0, 10.0))
    first = fit_segmenter(tiny(), tmp_path / "alone", settings(part(1), teacher=alone), draw, dice, unlabelled)
    second = fit_segmenter(tiny(), tmp_path / "taught", settings(part(1), teacher=taught), draw, dice, unlabelled)
    assert not torch.equal(weights(first.net), weights(second.net))
    assert first.figures["loss/agreement"] > 0


def test_averaged_ends_are_kept_with_statistics_of_training_pictures(tmp_path):
    drawn = []

    def watched(epoch, epoch_of_part, part):
        drawn.append(epoch)
        return draw(epoch, epoch_of_part, part)

    says = Says(0.5)
    fitted = fit_segmenter(tiny(), tmp_path, settings(part(3), swa_epochs=(0, 2)), watched, says)
    torch.testing.assert_close(weights(fitted.net), (says.asked[0] + says.asked[2]) / 2, rtol=0, atol=1e-6)
    assert drawn == [0, 1, 2, 2]
    assert len(says.asked) == 4
    norm = "encoder.model.bn1.running_mean"
    ends = [read_weights(tmp_path / "checkpoints" / f"swa-00{epoch}.pt")[norm] for epoch in (0, 2)]
    assert not torch.allclose(fitted.net.state_dict()[norm], sum(ends) / 2, rtol=0, atol=1e-5)


def test_where_no_end_to_average_was_reached_the_last_weights_are(tmp_path):
    says = Says(0.9, 0.1)
    short = settings(part(1, stop_after=1), part(9, stop_after=1), swa_epochs=(8,))
    fitted = fit_segmenter(tiny(), tmp_path, short, draw, says)
    torch.testing.assert_close(weights(fitted.net), says.asked[-2], rtol=0, atol=1e-6)


def test_the_budget_ends_the_training_and_a_larger_one_goes_on(tmp_path):
    says = Says(0.5)
    fitted = fit_segmenter(tiny(), tmp_path, settings(part(3), minutes=1e-6), draw, says)
    assert (fitted.figures["epochs"], fitted.figures["steps"]) == (1, 1)
    assert len(says.asked) == 1
    fit_segmenter(tiny(), tmp_path, settings(part(3), minutes=1e-6), draw, says)
    assert len(says.asked) == 1
    more = fit_segmenter(tiny(), tmp_path, settings(part(3), minutes=10), draw, says)
    assert (more.figures["epochs"], more.figures["steps"]) == (3, 5)


def test_a_budget_spent_before_the_next_part_leaves_the_weights_of_this_one(tmp_path):
    fitted = fit_segmenter(tiny(), tmp_path, settings(part(1), part(1), minutes=1e-6), draw, Says(0.5))
    assert [path.parent.name for path in fitted.best] == ["part-0"]


def test_steps_of_an_epoch_are_capped_and_accumulated_batches_make_one(tmp_path):
    fitted = fit_segmenter(tiny(), tmp_path / "a", settings(part(2), batch=2, validate_every=1), draw)
    assert fitted.figures["steps"] == 2
    fitted = fit_segmenter(tiny(), tmp_path / "b", settings(part(2), batch=2, accumulate=2), draw)
    assert fitted.figures["steps"] == 4


def test_several_devices_train_with_ddp(tmp_path):
    trainer = make_trainer(settings(part(1), devices=2, clip_norm=0.5, accumulate=3), tmp_path)
    assert isinstance(trainer.strategy, DDPStrategy)
    assert trainer.num_devices == 2
    assert (trainer.gradient_clip_val, trainer.accumulate_grad_batches) == (0.5, 3)


def test_ddp_looks_for_what_gets_no_gradient_only_where_there_is_any(tmp_path):
    headed, headless = LOSSES["4th"], LOSSES["3rd"]

    def looks(*parts, **more):
        trainer = make_trainer(settings(*parts, devices=2, **more), tmp_path)
        return trainer.strategy._ddp_kwargs.get("find_unused_parameters", False)

    assert not looks(part(1), loss=headed)
    assert looks(part(1), loss=headless), "the image head learns nothing"
    assert looks(part(2, frozen_epochs=1), loss=headed)


def test_what_followers_on_other_devices_are_handed_leaves_the_validation_behind():
    learner = SegmentationModule(tiny(), settings(part(1)), Path(), lambda _: {"dice": 0.5})
    handed = pickle.loads(pickle.dumps(learner))
    assert torch.equal(weights(handed.net), weights(learner.net))
    with pytest.raises(AssertionError, match="the first process validates"):
        handed.validate(handed.net)
    assert learner.validated(learner.net) == {"dice": 0.5}


def test_bf16_trains_and_leaves_32_bit_weights(tmp_path):
    fitted = fit_segmenter(tiny(), tmp_path, settings(part(1), precision="auto"), draw, dice)
    assert torch.isfinite(weights(fitted.net)).all()
    assert weights(fitted.net).dtype == torch.float32


def test_what_looks_at_a_figure_needs_a_validation(tmp_path):
    for needy in (part(1, shape="plateau"), part(1, stop_after=1)):
        with pytest.raises(LesionkitError, match="look at a validation figure"):
            fit_segmenter(tiny(), tmp_path, settings(needy), draw)


def test_a_validation_without_dice_is_refused(tmp_path):
    with pytest.raises(LesionkitError, match="must give 'dice', got auc"):
        fit_segmenter(tiny(), tmp_path, settings(part(1)), draw, lambda _: {"auc": 0.5})


def test_a_teacher_without_pictures_is_refused(tmp_path):
    with pytest.raises(LesionkitError, match="a teacher needs pictures without truth"):
        fit_segmenter(tiny(), tmp_path, settings(part(1), teacher=TeacherSettings()), draw, dice)
