"""A training that is counted in steps, not in epochs: its trainer and its progress bar."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import lightning
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, RichProgressBar

from lesionkit.learn.devices import one_machine
from lesionkit.learn.loop import loggers


class StepSettings(Protocol):
    """What such a training is told."""

    @property
    def steps(self) -> int: ...
    @property
    def validate_every(self) -> int: ...
    @property
    def clip_norm(self) -> float | None: ...
    @property
    def precision(self) -> Any: ...
    @property
    def device(self) -> str: ...
    @property
    def devices(self) -> int: ...


class _Bar(RichProgressBar):
    """Counts to the last step; the loader itself has no length."""

    @property
    def total_train_batches(self) -> int:
        return int(self.trainer.max_steps)


def step_trainer(settings: StepSettings, folder: Path, callbacks: Sequence[Callback]) -> lightning.Trainer:
    """Lightning's trainer: so many steps, a checkpoint at every validation, DDP on several devices.

    Args:
        folder: gets checkpoints/, tensorboard/ and metrics/metrics.csv.
        callbacks: beside the progress bar and the checkpoints, which come last.
    """
    every = settings.validate_every
    checkpoints = ModelCheckpoint(folder / "checkpoints", "step-{step}", save_last=True, every_n_train_steps=every)
    return lightning.Trainer(
        default_root_dir=folder,
        accelerator=settings.device,
        devices=settings.devices,
        strategy="ddp" if settings.devices > 1 else "auto",
        plugins=one_machine(settings.devices),
        precision=settings.precision,
        max_steps=settings.steps,
        max_epochs=-1,
        gradient_clip_val=settings.clip_norm,
        callbacks=[*callbacks, _Bar(leave=True), checkpoints],
        logger=loggers(folder),
        log_every_n_steps=10,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
