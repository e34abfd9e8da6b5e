import csv

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.data import Dataset

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.detection import fit
from lesionkit.learn.mask_figures import WatchedPatch
from lesionkit.learn.mask_settings import MaskLearnSettings
from lesionkit.learn.masks import MaskLearner
from lesionkit.learn.watch import CubeWatch, MaskWatch, area_under_curve
from lesionkit.learn.watch_settings import WatchSettings
from lesionkit.nets.cube.cube_net import CubeNet
from lesionkit.nets.cube.cube_net_settings import CubeNetSettings
from lesionkit.nets.cube.mask_net import MaskNet
from lesionkit.nets.cube.mask_net_settings import MaskNetSettings

EVERY_TWO = WatchSettings(every=2, pictures=1, thresholds=(0.5,))
QUICK = {"workers": 0, "device": "cpu", "precision": "32-true", "validate_every": 100}


class Squares(Dataset):
    """Bright squares in the dark; number i is always the same slice."""

    def __len__(self):
        return 100

    def __getitem__(self, number):
        rng = np.random.default_rng(number)
        y, x = rng.integers(0, 12, 2)
        drawn = np.zeros((1, 16, 16), np.float32)
        drawn[0, y : y + 4, x : x + 4] = 1
        arrays = {"hu": drawn * 900 - 900, "drawn": drawn, "ignored": np.zeros(drawn.shape, bool)}
        return {name: torch.from_numpy(array) for name, array in arrays.items()}


def looked_at(count=2):
    found = []
    for number in range(count):
        item = {name: tensor.numpy()[0] for name, tensor in Squares()[number].items()}
        centre = np.argwhere(item["drawn"]).mean(axis=0)
        found.append(WatchedPatch(item["hu"], item["drawn"], item["ignored"], np.array([[*centre, 4.0]])))
    return found


def draw(hu, truth, drawn):
    return {"as it is": np.zeros((*hu.shape, 3), np.uint8)}


def train(folder, steps, watch, **more):
    torch.manual_seed(0)
    net = MaskNet(MaskNetSettings(dimensions=2, channels=(4, 8)))
    learner = MaskLearner(net, MaskLearnSettings(steps=steps, batch=2, rate=1e-2, **QUICK, **more))
    fit(learner, Squares(), folder, watch=watch)
    return torch.cat([p.detach().flatten() for p in learner.kept.parameters()])


def rows(folder):
    with (folder / "metrics/metrics.csv").open() as table:
        return list(csv.DictReader(table))


@pytest.fixture(scope="module")
def slices(tmp_path_factory):
    """A training of five steps on slices, looked at every second."""
    folder = tmp_path_factory.mktemp("watched")
    return folder, train(folder, 5, MaskWatch(looked_at(), EVERY_TWO, draw))


def test_figures_go_to_the_table_at_the_interval_and_at_the_end(slices):
    seen = {int(row["step"]): float(row["watched/dice"]) for row in rows(slices[0]) if row["watched/dice"]}
    assert list(seen) == [2, 4, 5]
    assert all(0 < value < 1 for value in seen.values())


def test_figures_and_pictures_go_to_tensorboard(slices):
    told = EventAccumulator(str(slices[0] / "tensorboard"), {"images": 0, "scalars": 0}).Reload()
    assert told.Tags()["images"] == ["watched/patch 1 as it is"]
    pictures = told.Images("watched/patch 1 as it is")
    assert [(one.step, one.width, one.height) for one in pictures] == [(2, 16, 16), (4, 16, 16), (5, 16, 16)]
    assert [event.step for event in told.Scalars("watched/recall 0.5")] == [2, 4, 5]


def test_the_last_pictures_lie_beside_the_training(slices):
    files = list((slices[0] / "watched").iterdir())
    assert [file.name for file in files] == ["patch 1 as it is.png"]
    with Image.open(files[0]) as picture:
        assert picture.size == (16, 16)


def test_a_training_that_is_looked_at_ends_with_the_same_weights(slices, tmp_path):
    assert torch.equal(train(tmp_path, 5, None), slices[1])
    assert not (tmp_path / "watched").exists()


def test_what_an_earlier_sitting_told_is_kept(tmp_path):
    watch = MaskWatch(looked_at(), EVERY_TWO)
    train(tmp_path, 2, watch)
    train(tmp_path, 4, watch)
    assert sorted(file.name for file in (tmp_path / "metrics").iterdir()) == ["metrics-1.csv", "metrics.csv"]
    assert [row["step"] for row in rows(tmp_path) if row["watched/dice"]] == ["4"]


def test_an_interval_of_0_looks_never(tmp_path):
    train(tmp_path, 1, MaskWatch(looked_at(), WatchSettings(every=0)))
    assert "watched/dice" not in (rows(tmp_path)[0] if (tmp_path / "metrics/metrics.csv").exists() else {})


def test_a_classifier_is_looked_at_on_cubes():
    torch.manual_seed(0)
    net = CubeNet(CubeNetSettings(width=0.25)).eval()
    cubes = np.zeros((3, 16, 16, 16), np.float32)
    cubes[1] = -900
    positive = np.array([True, False, True])
    seen = CubeWatch(cubes, positive, WatchSettings())(net)
    assert set(seen.figures) == {"loss", "right", "auc"}
    assert seen.figures["loss"] == pytest.approx(0.69, abs=0.1)
    assert seen.figures["auc"] in (0.0, 1.0)


@pytest.mark.parametrize(("scores", "area"), [([1, 2, 3, 4], 1.0), ([4, 3, 2, 1], 0.0), ([1, 1, 1, 1], 0.5)])
def test_the_area_is_how_often_a_positive_lies_above_a_negative(scores, area):
    assert area_under_curve(np.array(scores), np.array([False, False, True, True])) == area


def test_thresholds_are_probabilities():
    with pytest.raises(LesionkitError, match=r"thresholds must lie between 0 and 1, got 0\.5, 1\.0"):
        WatchSettings.parse({"thresholds": (0.5, 1.0)})
