"""Train a network that says where on a slide there is tumour, on batches of patches with masks or labels, or both."""

import time
from collections.abc import Callable, Iterator, Mapping, Sized
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import DataLoader, Dataset, Sampler

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.average import MovingAverage
from lesionkit.learn.average_settings import AverageSettings
from lesionkit.learn.devices import fit_on_devices
from lesionkit.learn.loop import Waiting, one_thread, seed_everything
from lesionkit.learn.patch_loss import mixed, patch_loss
from lesionkit.learn.patches_settings import PatchLearnSettings
from lesionkit.learn.steps import step_trainer
from lesionkit.nets.patch_net import PatchNet

Batches = Dataset[dict[str, Tensor]]
"""Item i is the i-th batch: image (b, 3, y, x) 0..1, mask (b, 1, y, x) 0, 1 or -1 where unknown, label (b,)."""

Validate = Callable[[PatchNet], Mapping[str, float]]
"""The kept net in evaluation mode -> figures."""


@dataclass(frozen=True, eq=False)
class FittedPatches:
    """A finished training.

    Attributes:
        net: what is kept, in evaluation mode.
        figures: last value of each: "loss", "steps", "speed/…", "validation/…".
    """

    net: PatchNet
    figures: Mapping[str, float]


class PatchLearner(lightning.LightningModule):
    """The net, its loss, its rate and the moving average of its weights."""

    def __init__(self, net: PatchNet, settings: PatchLearnSettings) -> None:
        super().__init__()
        self.net, self.settings = net.to(memory_format=torch.channels_last), settings
        moving = AverageSettings(decays=((0, settings.average),), warm=True)
        self.moving = MovingAverage(net, moving) if settings.average else None
        self.plateau: ReduceLROnPlateau | None = None
        self.spent_s, self._started = 0.0, time.perf_counter()
        self._losses: list[Tensor] = []
        self._plateau_state: dict[str, Any] | None = None

    @property
    def kept(self) -> PatchNet:
        """The net worth keeping: the average, if there is one."""
        if self.moving is None:
            return self.net
        assert isinstance(self.moving.net, PatchNet)
        return self.moving.net

    @property
    def progress(self) -> float:
        """Share of the training that is over, by steps or by minutes, whichever is further."""
        share = self.global_step / self.settings.steps
        if self.settings.minutes is not None:
            share = max(share, (self.spent_s + time.perf_counter() - self._started) / 60 / self.settings.minutes)
            if self.trainer.world_size > 1:
                share = self.trainer.strategy.broadcast(share)
        return min(share, 1.0)

    def on_fit_start(self) -> None:
        self._started = time.perf_counter()
        if self.moving is not None:
            self.moving.net.to(self.device)

    def on_train_batch_start(self, _batch: Any, _number: int) -> None:
        # Dropout of a step is the same after a break.
        torch.manual_seed(self.settings.seed * 1_000_003 + self.global_step)
        if self.plateau is None:
            rate = self.settings.rate_at(self.progress)
            for group in self.trainer.optimizers[0].param_groups:
                group["lr"] = rate

    def training_step(self, batch: dict[str, Tensor], _number: int) -> Tensor:
        if self.settings.mixup:
            step = self.global_step * self.trainer.world_size + self.global_rank
            batch = mixed(batch, self.settings.mixup, np.random.default_rng([self.settings.seed, step]))
        image = batch["image"].contiguous(memory_format=torch.channels_last)
        parts = patch_loss(self.net, {**batch, "image": image}, self.settings)
        self.log_dict({f"loss/{name}": value.detach() for name, value in parts.items() if name != "total"})
        self.log("loss", parts["total"].detach(), prog_bar=True)
        self._losses.append(parts["total"].detach())
        return parts["total"]

    def optimizer_step(self, *arguments: Any, **named: Any) -> None:
        """The step, and what follows from it before a checkpoint is written."""
        super().optimizer_step(*arguments, **named)
        if self.moving is not None:
            self.moving.update(self.net, epoch=0)
        self.log("rate", self.trainer.optimizers[0].param_groups[0]["lr"])
        if len(self._losses) == self.settings.epoch_steps:
            if self.plateau is not None:
                self.plateau.step(float(torch.stack(self._losses).mean()))
            self._losses = []
        if self.settings.minutes is not None and self.progress >= 1:
            self.trainer.should_stop = True

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW or Adam; norms and biases do not decay."""
        settings, parameters = self.settings, list(self.net.parameters())
        groups: list[dict[str, Any]] = [
            {"params": [p for p in parameters if p.ndim > 1]},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        kind = torch.optim.AdamW if settings.optimizer == "adamw" else torch.optim.Adam
        optimizer = kind(groups, lr=settings.rate, weight_decay=settings.weight_decay)
        if settings.shape == "plateau":
            self.plateau = ReduceLROnPlateau(
                optimizer, "min", settings.factor, settings.patience, min_lr=settings.lowest
            )
            if self._plateau_state is not None:
                self.plateau.load_state_dict(self._plateau_state)
        return optimizer

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["patches"] = {
            "spent_s": self.spent_s + time.perf_counter() - self._started,
            "moving": None if self.moving is None else self.moving.state_dict(),
            "plateau": None if self.plateau is None else self.plateau.state_dict(),
            "losses": self._losses,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        state = checkpoint["patches"]
        self.spent_s, self._losses, self._plateau_state = state["spent_s"], state["losses"], state["plateau"]
        if self.moving is not None:
            self.moving.load_state_dict(state["moving"])
        if self.plateau is not None and state["plateau"] is not None:
            self.plateau.load_state_dict(state["plateau"])


def fit_patches(
    net: PatchNet, folder: Path, settings: PatchLearnSettings, batches: Batches, validate: Validate | None = None
) -> FittedPatches:
    """Train in `folder`; an interrupted training goes on from its last checkpoint there.

    The same settings, batches and seed give the same weights on a CPU, with or without a break, unless minutes end it.

    Args:
        net: where to start from; it is changed.
        folder: gets checkpoints/, tensorboard/ and metrics/metrics.csv.
        batches: see `Batches`, for example `sample.slide_batches.PatchBatches`; at least steps × devices of them.
        validate: called every `validate_every` steps and at the end.

    Raises:
        LesionkitError: there are too few batches.
    """
    count = len(batches) if isinstance(batches, Sized) else 0
    if count < settings.steps * settings.devices:
        raise LesionkitError(
            f"{settings.steps} steps on {settings.devices} devices need as many batches each, got {count}; give the "
            "batches that length"
        )
    seed_everything(settings.seed)
    checkpoint = folder / "checkpoints" / "last.ckpt"
    found = checkpoint if checkpoint.is_file() else None
    done = int(torch.load(found, weights_only=False, map_location="cpu")["global_step"]) if found else 0
    learner = PatchLearner(net.train(), settings)
    trainer = fit_on_devices(
        *(partial(_trainer, settings, folder, validate), learner, _Deck(batches, settings, done), found),
        *(settings.devices, partial(_trainer, settings, folder, None), settings.seed),
    )
    if trainer.global_step > done:
        trainer.save_checkpoint(checkpoint)
    figures = {name: float(value) for name, value in trainer.logged_metrics.items()}
    return FittedPatches(learner.kept.cpu().eval(), {**figures, "steps": float(learner.trainer.global_step)})


class _Validator(Callback):
    """Every so many steps: ask how good the kept weights are; remember the numbers."""

    def __init__(self, validate: Validate, every: int, waiting: Waiting) -> None:
        self.validate, self.every, self.waiting = validate, every, waiting

    def on_train_batch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule, *_: Any) -> None:
        assert isinstance(module, PatchLearner)
        step = trainer.global_step
        if step % self.every and step < module.settings.steps and not trainer.should_stop:
            return
        training = module.kept.training
        figures = self.validate(module.kept.eval())
        module.kept.train(training)
        for name, value in figures.items():
            module.log(f"validation/{name}", value)
        self.waiting.skip()


class _Numbers(Sampler[int]):
    """Numbers of batches, without a length, so that Lightning never thinks a resumed training finished."""

    def __init__(self, numbers: range) -> None:
        self.numbers = numbers

    def __iter__(self) -> Iterator[int]:
        return iter(self.numbers)


class _Deck(lightning.LightningDataModule):
    """Hands out batches: to each process its own, going on where a checkpoint ended."""

    def __init__(self, batches: Batches, settings: PatchLearnSettings, done: int) -> None:
        super().__init__()
        self.batches, self.settings, self.done = batches, settings, done

    def train_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        """One batch per item of the data set."""
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        return DataLoader(
            self.batches,
            batch_size=None,
            sampler=_Numbers(range(self.done * world + rank, self.settings.steps * world, world)),
            num_workers=self.settings.workers,
            prefetch_factor=4 if self.settings.workers else None,
            worker_init_fn=one_thread,
        )


def _trainer(settings: PatchLearnSettings, folder: Path, validate: Validate | None) -> lightning.Trainer:
    waiting = Waiting()
    callbacks: list[Callback] = [waiting]
    if validate is not None:
        callbacks.append(_Validator(validate, settings.validate_every, waiting))
    return step_trainer(settings, folder, callbacks)
