"""A training that is counted in steps, not in epochs: what the detector and the nets of slides have in common."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, cast

import lightning
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, RichProgressBar
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler

from lesionkit.learn.average import MovingAverage
from lesionkit.learn.average_settings import AverageSettings
from lesionkit.learn.best import Best
from lesionkit.learn.devices import fit_on_devices, placed
from lesionkit.learn.finetune import set_rates
from lesionkit.learn.finite import Finite
from lesionkit.learn.loop import Waiting, loggers, one_thread
from lesionkit.learn.precision import arithmetic, training_device
from lesionkit.learn.ranks import Count, count_alone, count_of_all
from lesionkit.learn.watch import Watch, Watcher

N = TypeVar("N", bound=nn.Module)

Validate = Callable[[Any], Mapping[str, float]]
"""The kept net in evaluation mode -> figures."""


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
    @property
    def workers(self) -> int: ...
    @property
    def minutes(self) -> float | None: ...
    @property
    def seed(self) -> int: ...

    def rate_at(self, progress: float) -> float:
        """The learning rate after a share of the training, 0..1."""
        ...


class StepLearner(lightning.LightningModule, Generic[N]):
    """A net, the moving average of its weights, its rate, and where its training stands; a subclass says the loss.

    Args:
        average: how the average forgets; None keeps the weights themselves.
    """

    def __init__(self, net: N, settings: StepSettings, average: AverageSettings | None) -> None:
        super().__init__()
        self.net, self.settings = net, settings
        self.moving = None if average is None else MovingAverage(net, average)
        self.spent_s, self._started = 0.0, time.perf_counter()

    @property
    def kept(self) -> N:
        """The net worth keeping: the average, if there is one."""
        return self.net if self.moving is None else cast(N, self.moving.net)

    @property
    def counted(self) -> Count:
        """What a sum of the loss is divided by: one count for all devices."""
        return count_of_all if self.trainer.world_size > 1 else count_alone

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
        # Dropout of a step is the same after a break, and another on each device.
        torch.manual_seed(self.settings.seed * 1_000_003 + self.global_step + 7_368_787 * self.global_rank)
        self.set_rate()

    def set_rate(self) -> None:
        """The rate of the coming step, by progress."""
        set_rates(self._optimizer(), self.settings.rate_at(self.progress))

    def optimizer_step(self, *arguments: Any, **named: Any) -> None:
        """The step, and what follows from it before a checkpoint is written."""
        super().optimizer_step(*arguments, **named)
        if self.moving is not None:
            self.moving.update(self.net, epoch=0)
        self.log("rate", self._optimizer().param_groups[0]["lr"])
        if self.settings.minutes is not None and self.progress >= 1:
            self.trainer.should_stop = True

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["steps"] = {
            "spent_s": self.spent_s + time.perf_counter() - self._started,
            "moving": None if self.moving is None else self.moving.state_dict(),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.spent_s = checkpoint["steps"]["spent_s"]
        if self.moving is not None:
            self.moving.load_state_dict(checkpoint["steps"]["moving"])

    def _optimizer(self) -> torch.optim.Optimizer:
        return self.trainer.optimizers[0]


def fit_steps(
    learner: StepLearner[Any],
    items: Dataset[Any],
    folder: Path,
    batch: int | None = None,
    validate: Validate | None = None,
    resume: bool = True,
    watch: Watch | None = None,
) -> lightning.Trainer:
    """Train in `folder`; an interrupted training goes on from its last checkpoint there.

    The same settings, items and seed give the same weights on a CPU, with or without a break, unless minutes end it.

    Args:
        items: number i is the i-th that is ever shown: a batch, or where `batch` is given one of so many in a batch.
        folder: gets checkpoints/, tensorboard/ and metrics/metrics.csv.
        validate: the kept net -> figures, asked every `validate_every` steps and at the end. Where `keep` of the
            settings is "best", the kept net has at the end the weights whose first figure was highest.
        watch: the kept net -> figures and pictures, asked at an interval of its own; the training is the same without.

    Raises:
        LesionkitError: a number is no longer finite.
    """
    settings: StepSettings = learner.settings
    best = Best(folder / "checkpoints") if getattr(settings, "keep", "last") == "best" and validate else None
    if best is not None and not resume:
        best.forget()
    last = folder / "checkpoints" / "last.ckpt"
    found = last if resume and last.is_file() else None
    done = int(torch.load(found, weights_only=True, map_location="cpu")["global_step"]) if found else 0
    trainer = fit_on_devices(
        partial(_trainer, settings, folder, validate, best, watch),
        learner,
        _Deck(items, settings, batch, done),
        found,
        settings.devices,
        partial(_trainer, settings, folder, None),
        settings.seed,
        partial(_save_last, last, done),
    )
    if best is not None:
        best.restore(learner.kept)
    return trainer


def _save_last(last: Path, done: int, trainer: lightning.Trainer) -> None:
    if trainer.global_step > done:
        trainer.save_checkpoint(last)


class _Validator(Callback):
    """Every so many steps: ask how good the kept weights are; remember the numbers."""

    def __init__(self, validate: Validate, settings: StepSettings, waiting: Waiting, best: Best | None) -> None:
        self.validate, self.settings, self.waiting, self.best = validate, settings, waiting, best

    def on_train_batch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule, *_: Any) -> None:
        assert isinstance(module, StepLearner)
        step = trainer.global_step
        if step % self.settings.validate_every and step < self.settings.steps and not trainer.should_stop:
            return
        kept = module.kept
        training = kept.training
        figures = self.validate(kept.eval())
        kept.train(training)
        if self.best is not None and figures:
            self.best.offer(kept, next(iter(figures.values())), step)
        for name, value in figures.items():
            module.log(f"validation/{name}", value)
        self.waiting.skip()


class _Numbers(Sampler[Any]):
    """Numbers of items, or lists of them, without a length: so Lightning never thinks a resumed training finished."""

    def __init__(self, steps: range, batch: int | None, rank: int, world: int) -> None:
        self.steps, self.batch, self.rank, self.world = steps, batch, rank, world

    def __iter__(self) -> Iterator[int | list[int]]:
        for step in self.steps:
            place = step * self.world + self.rank
            yield place if self.batch is None else list(range(place * self.batch, (place + 1) * self.batch))


class _Deck(lightning.LightningDataModule):
    """Hands out items: to each process its own, going on where a checkpoint ended."""

    def __init__(self, items: Dataset[Any], settings: StepSettings, batch: int | None, done: int) -> None:
        super().__init__()
        self.items, self.settings, self.batch, self.done = items, settings, batch, done

    def train_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        numbers = _Numbers(range(self.done, self.settings.steps), self.batch, rank, world)
        shown: dict[str, Any] = (
            {"batch_size": None, "sampler": numbers} if self.batch is None else {"batch_sampler": numbers}
        )
        workers = self.settings.workers
        return DataLoader(
            self.items,
            **shown,
            num_workers=workers,
            prefetch_factor=4 if workers else None,
            worker_init_fn=one_thread,
        )


class _Bar(RichProgressBar):
    """Counts to the last step; the loader itself has no length."""

    @property
    def total_train_batches(self) -> int:
        return int(self.trainer.max_steps)


def _trainer(
    settings: StepSettings,
    folder: Path,
    validate: Validate | None,
    best: Best | None = None,
    watch: Watch | None = None,
) -> lightning.Trainer:
    """Lightning's trainer: so many steps, a checkpoint at every validation, DDP on several devices."""
    waiting = Waiting()
    callbacks: Sequence[Callback] = [waiting, Finite()]
    if validate is not None:
        callbacks = [*callbacks, _Validator(validate, settings, waiting, best)]
    if watch is not None and watch.every:
        callbacks = [*callbacks, Watcher(watch, folder, settings.steps, waiting)]
    every = settings.validate_every
    checkpoints = ModelCheckpoint(folder / "checkpoints", "step-{step}", save_last=True, every_n_train_steps=every)
    return lightning.Trainer(
        default_root_dir=folder,
        accelerator=settings.device,
        **placed(settings.devices),
        precision=arithmetic(settings.precision, training_device(settings.device)),
        max_steps=settings.steps,
        max_epochs=-1,
        gradient_clip_val=settings.clip_norm,
        callbacks=[*callbacks, _Bar(leave=True), checkpoints],
        logger=loggers(folder),
        log_every_n_steps=10,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
