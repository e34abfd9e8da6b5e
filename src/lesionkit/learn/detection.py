"""Train the nodule detector with Lightning."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import lightning
import torch
from lightning.pytorch.callbacks import Callback, LearningRateMonitor
from torch import Tensor
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Dataset

from lesionkit.learn.detection_settings import LearnSettings
from lesionkit.learn.devices import fit_on_devices
from lesionkit.learn.loop import Waiting, one_thread
from lesionkit.learn.losses import detection_loss
from lesionkit.learn.steps import step_trainer
from lesionkit.nets.intensity import scale_hu
from lesionkit.nets.nodule_net import NoduleNet

Validate = Callable[[NoduleNet], Mapping[str, float]]
Encode = Callable[[Any], Mapping[str, Any]]


class NoduleLearner(lightning.LightningModule):
    """The net, its loss, its schedule and the moving average of its weights."""

    def __init__(self, net: NoduleNet, settings: LearnSettings) -> None:
        super().__init__()
        self.net, self.settings = net, settings
        self.averaged = _averaging(net, settings.average) if settings.average else None

    @property
    def kept(self) -> NoduleNet:
        """The weights worth keeping: the average, if there is one."""
        return self.net if self.averaged is None else cast(NoduleNet, self.averaged.module)

    def training_step(self, batch: dict[str, Tensor], _number: int) -> Tensor:
        output = self.net(scale_hu(batch["hu"]))
        loss = detection_loss(output, batch["heat"], batch["regression"], batch["inside"], batch["ignored"])
        parts = {"heat": loss.heat, "offset": loss.offset, "diameter": loss.diameter}
        self.log_dict({f"loss/{name}": value.detach() for name, value in parts.items()})
        self.log("loss", loss.total.detach(), prog_bar=True)
        return loss.total

    def on_before_zero_grad(self, _optimizer: Any) -> None:
        if self.averaged is not None:
            self.averaged.update_parameters(self.net)

    def configure_optimizers(self) -> Any:
        plain = [p for p in self.net.parameters() if p.ndim == 1]
        decayed = [p for p in self.net.parameters() if p.ndim > 1]
        groups: list[dict[str, Any]] = [{"params": decayed}, {"params": plain, "weight_decay": 0.0}]
        optimizer = torch.optim.AdamW(groups, lr=self.settings.rate, weight_decay=self.settings.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=self.settings.rate,
            total_steps=self.settings.steps + 1,
            pct_start=0.05,
            div_factor=20,
            final_div_factor=5,
        )
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]


def _averaging(net: NoduleNet, decay: float) -> AveragedModel:
    """A moving average that forgets its random start: the decay grows with the number of steps."""
    averaged = AveragedModel(net, multi_avg_fn=partial(_average, decay), use_buffers=True)
    # It learns nothing itself, which DDP must know.
    return averaged.requires_grad_(False)


def _average(decay: float, kept: Sequence[Tensor], new: Sequence[Tensor], count: Tensor | int) -> None:
    steps = float(count)
    share = 1 - min(decay, (1 + steps) / (10 + steps))
    for old, value in zip(kept, new, strict=True):
        if old.is_floating_point():
            old.lerp_(value.to(old.dtype), share)
        else:
            old.copy_(value)


class _Validator(Callback):
    """Every so many steps: ask the recipe how good the kept weights are; remember the numbers."""

    def __init__(self, validate: Validate, every: int, waiting: Waiting) -> None:
        self.validate, self.every, self.waiting = validate, every, waiting

    def on_train_batch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule, *_: Any) -> None:
        assert isinstance(module, NoduleLearner)
        step = trainer.global_step
        if step and (step % self.every == 0 or step == module.settings.steps):
            was_training = module.kept.training
            figures = self.validate(module.kept.eval())
            module.kept.train(was_training)
            for name, value in figures.items():
                module.log(f"validation/{name}", value)
            self.waiting.skip()


class _Deck(lightning.LightningDataModule):
    """Hands out patch numbers: batch by batch, to each process its share, going on where a checkpoint ended."""

    def __init__(self, patches: Dataset[dict[str, Tensor]], settings: LearnSettings, done: int) -> None:
        super().__init__()
        self.patches, self.settings, self.done = patches, settings, done

    def train_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        """A loader without a length, so that Lightning never thinks it finished after a resume."""
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        return DataLoader(
            self.patches,
            batch_sampler=_Batches(int(self.settings.batch), range(self.done, self.settings.steps), rank, world),
            num_workers=self.settings.workers,
            prefetch_factor=6 if self.settings.workers else None,
            worker_init_fn=one_thread,
        )


class _Batches:
    """Numbers of the patches of each step, for one of several processes."""

    def __init__(self, size: int, steps: range, rank: int, world: int) -> None:
        self.size, self.steps, self.rank, self.world = size, steps, rank, world

    def __iter__(self) -> Iterator[list[int]]:
        for step in self.steps:
            first = (step * self.world + self.rank) * self.size
            yield list(range(first, first + self.size))


def fit(
    learner: NoduleLearner,
    patches: Dataset[dict[str, Tensor]],
    folder: Path,
    validate: Validate | None = None,
    resume: bool = True,
) -> dict[str, float]:
    """Train in `folder`; continues from its last checkpoint if there is one and `resume` is set.

    Args:
        patches: number i is the i-th patch ever drawn; holds at least steps × batch.
        folder: gets checkpoints/, tensorboard/ and metrics/metrics.csv.
        validate: the kept net -> figures, called every `validate_every` steps and at the end.

    Returns:
        The last value of every logged figure.
    """
    settings = learner.settings
    if not isinstance(settings.batch, int):
        raise TypeError("batch 'auto' must have been resolved by lesionkit.learn.batch before fit")
    checkpoint = _last_checkpoint(folder) if resume else None
    deck = _Deck(patches, settings, done=_steps_of(checkpoint))
    trainer = fit_on_devices(
        *(partial(_trainer, settings, folder, validate), learner, deck, checkpoint, settings.devices),
        *(partial(_trainer, settings, folder, None), settings.seed),
    )
    return {name: float(value) for name, value in trainer.logged_metrics.items()}


def _trainer(settings: LearnSettings, folder: Path, validate: Validate | None) -> lightning.Trainer:
    waiting = Waiting()
    callbacks: list[Callback] = [waiting, LearningRateMonitor("step")]
    if validate is not None:
        callbacks.append(_Validator(validate, settings.validate_every, waiting))
    return step_trainer(settings, folder, callbacks)


def _last_checkpoint(folder: Path) -> Path | None:
    path = folder / "checkpoints" / "last.ckpt"
    return path if path.is_file() else None


def _steps_of(checkpoint: Path | None) -> int:
    return int(torch.load(checkpoint, weights_only=False)["global_step"]) if checkpoint else 0
