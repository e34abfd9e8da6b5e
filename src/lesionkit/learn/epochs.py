"""The pictures of each epoch, batch by batch, to each of several processes its share."""

from collections.abc import Callable
from typing import Any

import lightning
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.course import Course
from lesionkit.learn.loop import one_thread
from lesionkit.learn.schedule_settings import TrainingPart

DrawEpoch = Callable[[int, int, TrainingPart], Dataset[Any]]
"""Epoch of the training, epoch of the part (both from 0) and part -> the labelled pictures of that epoch in the order
they are shown: items {"image": (1, y, x) in 0..1, "mask": (1, y, x) of 0 and 1, "nonempty": 0 or 1}. The same numbers
must give the same pictures, so that a resumed training sees what an uninterrupted one would."""
DrawUnlabelled = Callable[[int, TrainingPart], Dataset[Any]]
"""Epoch of the training and part -> pictures without truth: items {"easy": (1, y, x), "hard": (1, y, x)}."""


class Deck(lightning.LightningDataModule):
    """Draws anew for every epoch.

    Args:
        course: tells which epoch comes next.
        batch: labelled pictures per step and device.
        most_batches: of an epoch; None shows all.
        unlabelled: how to draw pictures without truth, and how many go with each batch.
        workers: processes that prepare pictures.
    """

    def __init__(
        self,
        course: Course,
        draw: DrawEpoch,
        batch: int,
        most_batches: int | None = None,
        unlabelled: tuple[DrawUnlabelled, int] | None = None,
        workers: int = 0,
    ) -> None:
        super().__init__()
        self.course, self.draw, self.batch, self.most_batches = course, draw, batch, most_batches
        self.unlabelled, self.workers = unlabelled, workers

    def train_dataloader(self) -> dict[str, DataLoader[Any]]:
        """Loaders of the coming epoch; the pictures without truth are repeated as often as there is need."""
        labelled = self.labelled()
        if self.unlabelled is None:
            return {"labelled": labelled}
        draw, size = self.unlabelled
        pictures = draw(self.course.epoch, self.course.now)
        return {"labelled": labelled, "unlabelled": self._loader(pictures, size, len(labelled))}

    def labelled(self, back: int = 0) -> DataLoader[Any]:
        """A loader of the labelled pictures of the coming epoch, or of one so many epochs back."""
        course = self.course
        pictures = self.draw(max(course.epoch - back, 0), max(course.epoch_of_part - back, 0), course.now)
        return self._loader(pictures, self.batch, self.most_batches)

    def _loader(self, pictures: Dataset[Any], size: int, most: int | None) -> DataLoader[Any]:
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        # torch's Dataset declares no length; ours have one.
        count = len(pictures)  # type: ignore[arg-type]
        return DataLoader[dict[str, Tensor]](
            pictures,
            batch_sampler=deal(count, size, most, rank, world),
            num_workers=self.workers,
            prefetch_factor=4 if self.workers else None,
            worker_init_fn=one_thread,
            generator=torch.Generator().manual_seed(self.course.epoch),
            pin_memory=torch.cuda.is_available(),
        )


def deal(count: int, size: int, most: int | None = None, rank: int = 0, world: int = 1) -> list[list[int]]:
    """Numbers of the pictures in each batch of one of several processes; what fills no batch for all is left out.

    Where the pictures do not fill one batch, the batch is smaller.

    Raises:
        LesionkitError: there are fewer pictures than processes.

    >>> deal(7, 3), deal(9, 2, rank=1, world=2), deal(2, 3), deal(9, 2, most=1)
    ([[0, 1, 2], [3, 4, 5]], [[2, 3], [6, 7]], [[0, 1]], [[0, 1]])
    """
    if count < world:
        raise LesionkitError(f"an epoch needs at least {world} picture(s), one per device, got {count}; draw more")
    size = min(size, count // world)
    batches = count // (size * world)
    batches = batches if most is None else min(batches, most)
    starts = [(number * world + rank) * size for number in range(batches)]
    return [list(range(start, start + size)) for start in starts]
