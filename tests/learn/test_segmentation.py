import pytest
import torch
from torch.utils.data import Dataset

from lesionkit.learn.schedule import TrainingPart
from lesionkit.learn.segmentation import SegmentationLearnSettings, fit_segmenter, load_best
from lesionkit.learn.segmentation_losses import LOSSES
from lesionkit.nets.segmenter import Segmenter, SegmenterSettings

TINY = SegmenterSettings(architecture="unet", encoder="tu-test_resnet", pretrained=False, head="linear")


class Squares(Dataset):
    """Noise with a bright square in every other picture; the numbers of the epoch decide where."""

    def __init__(self, count: int, epoch: int, side: int) -> None:
        self.count, self.epoch, self.side = count, epoch, side

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        random = torch.Generator().manual_seed(1000 * self.epoch + number)
        mask = torch.zeros(1, self.side, self.side)
        if number % 2:
            y, x = torch.randint(0, self.side // 2, (2,), generator=random).tolist()
            mask[:, y : y + self.side // 2, x : x + self.side // 2] = 1
        image = 0.2 * torch.rand(mask.shape, generator=random) + 0.6 * mask
        return {"image": image, "mask": mask, "nonempty": mask.amax()}


def draw(epoch, _epoch_of_part, part):
    return Squares(8, epoch, part.side)


def dice(net):
    items = [Squares(8, 999, 32)[number] for number in range(8)]
    mask = torch.stack([item["mask"] for item in items])
    found = net(torch.stack([item["image"] for item in items])).mask > 0
    return {"dice": float(2 * (found * mask).sum() / (found.sum() + mask.sum()))}


def settings(*parts, **more):
    plain = {
        "loss": LOSSES["bce"],
        "batch": 4,
        "clip_norm": None,
        "precision": "32-true",
        "device": "cpu",
        "loader_workers": 0,
    }
    return SegmentationLearnSettings(parts=parts, **{**plain, **more})


def part(epochs, **more):
    return TrainingPart(**{"epochs": epochs, "rate": 2e-3, "side": 32, **more})


def tiny():
    torch.manual_seed(0)
    return Segmenter(TINY)


def test_it_learns_a_bright_square(tmp_path):
    fitted = fit_segmenter(tiny(), tmp_path, settings(part(20)), draw, dice)
    assert fitted.figures["validation/dice"] > 0.8
    assert dice(fitted.net)["dice"] == pytest.approx(fitted.figures["validation/dice"])
    assert not fitted.net.training
    assert dice(load_best(fitted)) == dice(fitted.net)
    assert (tmp_path / "metrics" / "metrics.csv").is_file()
