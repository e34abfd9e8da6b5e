"""Train a network that says where on a slide there is tumour, on batches of patches with masks or labels, or both."""

from collections.abc import Mapping, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import Dataset

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.average_settings import AverageSettings
from lesionkit.learn.finetune import let_rest, parameter_groups
from lesionkit.learn.loop import seed_everything
from lesionkit.learn.patch_loss import mixed, patch_loss
from lesionkit.learn.patches_settings import PatchLearnSettings
from lesionkit.learn.steps import StepLearner, Validate, fit_steps
from lesionkit.nets.patch_net import PatchNet

Batches = Dataset[dict[str, Tensor]]
"""Item i is the i-th batch: image (b, 3, y, x) 0..1, mask (b, 1, y, x) 0, 1 or -1 where unknown, label (b,)."""


@dataclass(frozen=True, eq=False)
class FittedPatches:
    """A finished training.

    Attributes:
        net: what is kept, in evaluation mode.
        figures: last value of each: "loss", "steps", "speed/…", "validation/…".
    """

    net: PatchNet
    figures: Mapping[str, float]


class PatchLearner(StepLearner[PatchNet]):
    """The net, its loss, its rate and the moving average of its weights."""

    def __init__(self, net: PatchNet, settings: PatchLearnSettings) -> None:
        average = AverageSettings(decays=((0, settings.average),), warm=True)
        super().__init__(net.to(memory_format=torch.channels_last), settings, average if settings.average else None)
        self.how = settings
        self.plateau: ReduceLROnPlateau | None = None
        self._losses: list[Tensor] = []
        self._plateau_state: dict[str, Any] | None = None

    def set_rate(self) -> None:
        """By progress, but on a plateau, where the loss says when."""
        if self.plateau is None:
            super().set_rate()

    def on_train_batch_start(self, batch: Any, number: int) -> None:
        super().on_train_batch_start(batch, number)
        how, encoder = self.how.finetune, self.net.encoder
        if encoder is not None and how.changes_something:
            let_rest(encoder, None if self.global_step < how.frozen_steps else how.frozen_stages)

    def training_step(self, batch: dict[str, Tensor], _number: int) -> Tensor:
        """The loss of a batch, see `patch_loss`."""
        if self.how.mixup:
            step = self.global_step * self.trainer.world_size + self.global_rank
            batch = mixed(batch, self.how.mixup, np.random.default_rng([self.how.seed, step]))
        image = batch["image"].contiguous(memory_format=torch.channels_last)
        parts = patch_loss(self.net, {**batch, "image": image}, self.how, self.counted)
        self.log_dict({f"loss/{name}": value.detach() for name, value in parts.items() if name != "total"})
        self.log("loss", parts["total"].detach(), prog_bar=True)
        self._losses.append(parts["total"].detach())
        return parts["total"]

    def optimizer_step(self, *arguments: Any, **named: Any) -> None:
        """The step, and a look at the mean loss after so many."""
        super().optimizer_step(*arguments, **named)
        if len(self._losses) == self.how.epoch_steps:
            if self.plateau is not None:
                self.plateau.step(float(torch.stack(self._losses).mean()))
            self._losses = []

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW or Adam; norms and biases do not decay, and an encoder's stages may have rates of their own."""
        how = self.how
        kind = torch.optim.AdamW if how.optimizer == "adamw" else torch.optim.Adam
        groups = parameter_groups(self.net, self.net.encoder, how.finetune, norms_decay=False)
        optimizer = kind(groups, lr=how.rate, weight_decay=how.weight_decay)
        if how.shape == "plateau":
            self.plateau = ReduceLROnPlateau(optimizer, "min", how.factor, how.patience, min_lr=how.lowest)
            if self._plateau_state is not None:
                self.plateau.load_state_dict(self._plateau_state)
        return optimizer

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        plateau = None if self.plateau is None else self.plateau.state_dict()
        checkpoint["patches"] = {"plateau": plateau, "losses": self._losses}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        state = checkpoint["patches"]
        self._losses, self._plateau_state = state["losses"], state["plateau"]
        if self.plateau is not None and state["plateau"] is not None:
            self.plateau.load_state_dict(state["plateau"])


def fit_patches(
    net: PatchNet, folder: Path, settings: PatchLearnSettings, batches: Batches, validate: Validate | None = None
) -> FittedPatches:
    """Train in `folder`; see `fit_steps`.

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
    learner = PatchLearner(net.train(), settings)
    trainer = fit_steps(learner, batches, folder, validate=validate)
    figures = {name: float(value) for name, value in trainer.logged_metrics.items()}
    return FittedPatches(learner.kept.cpu().eval(), {**figures, "steps": float(trainer.global_step)})
