"""A line to fit, for trainings whose processes must be able to import what they train."""

from functools import partial
from pathlib import Path

import lightning
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from lesionkit.learn.devices import one_machine


class Line(lightning.LightningModule):
    """y = weight · x from 0 by plain gradient descent; `break_at` makes one process fail."""

    def __init__(self, break_at: int | None = None) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.break_at = break_at

    def training_step(self, batch: Tensor, _number: int) -> Tensor:
        if self.global_rank == self.break_at:
            raise ValueError("device on fire")
        x, y = batch.T
        return ((self.weight * x - y) ** 2).mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Points(lightning.LightningDataModule):
    """Points (x, y), one to each process per step."""

    points = ((1.0, 2.0), (2.0, 1.0), (3.0, 3.0), (1.0, -1.0))

    def train_dataloader(self) -> DataLoader[Tensor]:
        rank, world = self.trainer.global_rank, self.trainer.world_size
        size = 2 // world
        rows = [row for step in range(2) for row in self.points[2 * step + rank * size :][:size]]
        return DataLoader(torch.tensor(rows), batch_size=size)


def make_trainer(folder: Path, devices: int) -> lightning.Trainer:
    """One pass over the points."""
    return lightning.Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        devices=devices,
        strategy="ddp" if devices > 1 else "auto",
        plugins=one_machine(devices),
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )


def trainer_of(folder: Path, devices: int) -> partial[lightning.Trainer]:
    """What makes it, as a follower can unpack it."""
    return partial(make_trainer, folder, devices)
