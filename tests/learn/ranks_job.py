"""Trainings of two processes, or of one with twice the batch: `python ranks_job.py OUT DEVICES`."""

import copy
import sys
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from lesionkit.learn.detection import NoduleLearner, fit
from lesionkit.learn.detection_settings import LearnSettings
from lesionkit.learn.devices import release, serve
from lesionkit.learn.launch import launched
from lesionkit.learn.ranks import images_alone, images_of_all
from lesionkit.learn.segmentation_loss_settings import DiceSettings
from lesionkit.learn.segmentation_losses import dice_loss
from lesionkit.learn.steps import StepLearner, fit_steps
from lesionkit.nets.nodule_net import NoduleNet
from lesionkit.nets.nodule_net_settings import NoduleNetSettings

STEPS = 3


class Few(Dataset[dict[str, Tensor]]):
    """Patches of which the first and every third after it hold a lesion, so that ranks count unlike each other."""

    def __len__(self) -> int:
        return 64

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(number)
        heat = torch.zeros(4, 4, 4)
        if number % 3 == 0:
            heat[2, 2, 2] = 1.0
        return {
            "hu": torch.randn(1, 16, 16, 16, generator=generator) * 300 - 500,
            "heat": heat,
            "regression": torch.full((4, 4, 4, 4), 0.3),
            "inside": heat > 0,
            "ignored": torch.zeros(4, 4, 4, dtype=torch.bool),
        }


class Drawer(StepLearner[nn.Conv2d]):
    """A mask drawn by one convolution, its loss one fraction for all pictures of a step."""

    def training_step(self, batch: dict[str, Tensor], _number: int) -> Tensor:
        gathered = images_of_all if self.trainer.world_size > 1 else images_alone
        return dice_loss(self.net(batch["image"]), batch["mask"], DiceSettings(per_image=False), gathered)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=1.0)


class Pictures(Dataset[dict[str, Tensor]]):
    """Pictures with ever larger masks."""

    def __len__(self) -> int:
        return 64

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        image = torch.randn(1, 8, 8, generator=torch.Generator().manual_seed(number))
        mask = torch.zeros(1, 8, 8)
        mask[:, : 1 + number % 7] = 1.0
        return {"image": image, "mask": mask}


class Finder(NoduleLearner):
    """The detector by plain descent: Adam makes whole steps of gradients that are nothing but rounding."""

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=1e-3)


def grouped(net: nn.Module) -> nn.Module:
    """Group norms for batch norms, which each process would take over its own patches."""
    for name, child in net.named_children():
        if isinstance(child, nn.BatchNorm3d):
            setattr(net, name, nn.GroupNorm(2, child.num_features))
        grouped(child)
    return net


def trained(out: Path, devices: int) -> None:
    """A detector and a drawer, one after the other, with 4 / devices items a step each; keeps their weights."""
    settings = LearnSettings(
        steps=STEPS,
        batch=4 // devices,
        devices=devices,
        workers=0,
        precision="32-true",
        device="cpu",
        validate_every=STEPS,
        rate=0.1,
    )
    torch.manual_seed(0)
    net = NoduleNet(NoduleNetSettings(channels=(4, 4, 4, 4), blocks=(1, 1, 1, 1)))
    finder = Finder(cast(NoduleNet, grouped(net)), settings)
    start = copy.deepcopy(finder.net.state_dict())
    fit(finder, Few(), out / "finder")
    torch.manual_seed(0)
    drawer = Drawer(nn.Conv2d(1, 1, 3, padding=1), settings, None)
    start = {"finder": start, "drawer": copy.deepcopy(drawer.net.state_dict())}
    fit_steps(drawer, Pictures(), out / "drawer", settings.batch)
    ends = {"finder": finder.net.state_dict(), "drawer": drawer.net.state_dict()}
    torch.save({"start": start, "end": ends}, out / "weights.pt")


if __name__ == "__main__":
    launch = launched()
    if launch is not None and launch.rank:
        serve()
    else:
        trained(Path(sys.argv[1]), int(sys.argv[2]))
        release()
