"""What every training with Lightning has around it: seeds, loggers, how long steps wait, advice that is not heard."""

import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger

_WARM_UP_STEPS = 3


class Waiting(Callback):
    """Measures the share of a step spent waiting for data, and steps of the optimiser per second.

    The first three batches of a session do not count.
    """

    def __init__(self) -> None:
        self.started = self.ended = time.perf_counter()
        self.waited = self.worked = 0.0
        self.batches = 0

    def on_train_batch_start(self, *_: Any) -> None:
        self.started = time.perf_counter()
        if self.batches >= _WARM_UP_STEPS:
            self.waited += self.started - self.ended

    def on_train_batch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule, *_: Any) -> None:
        now = time.perf_counter()
        self.batches += 1
        if self.batches > _WARM_UP_STEPS:
            self.worked += now - self.started
            total = max(self.waited + self.worked, 1e-9)
            steps = (self.batches - _WARM_UP_STEPS) / trainer.accumulate_grad_batches
            module.log("speed/waiting_share", self.waited / total)
            module.log("speed/steps_per_s", steps / total)
        self.ended = now

    def skip(self) -> None:
        """What happened since the last step, a validation for example, was no waiting for data."""
        self.ended = time.perf_counter()


def seed_everything(seed: int) -> None:
    """Seed Python, numpy and torch, so that a training is the same again on a CPU."""
    lightning.seed_everything(seed, workers=True, verbose=False)


def loggers(folder: Path) -> list[Logger]:
    """TensorBoard's files in folder/tensorboard and a table in folder/metrics/metrics.csv.

    What an earlier sitting of the training left is kept beside it, as metrics-1.csv and so on.
    """
    table = folder / "metrics" / "metrics.csv"
    if table.is_file():
        # Lightning would delete it.
        count = sum(1 for _ in table.parent.glob("metrics-*.csv"))
        with suppress(FileNotFoundError):  # the process of another device was first
            table.rename(table.with_name(f"metrics-{count + 1}.csv"))
    return [TensorBoardLogger(folder, "tensorboard", version=""), CSVLogger(folder, "metrics", version="")]


@contextmanager
def quiet() -> Iterator[None]:
    """Lightning without its advice."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        # Lightning advises more loader workers than a two-core machine has; the waiting share is measured instead.
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", category=UserWarning, module="lightning")
        warnings.filterwarnings("ignore", category=FutureWarning, module="lightning")
        yield


def one_thread(_worker: int) -> None:
    """A process that prepares pictures leaves the other cores to the network."""
    torch.set_num_threads(1)
