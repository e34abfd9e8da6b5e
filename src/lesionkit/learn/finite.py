"""A training stops where its loss, a gradient or a weight is no longer a number."""

from collections.abc import Iterator
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.finite import first_not_finite


class Finite(Callback):
    """Looks at the loss and the gradients of every step, and at the weights before a checkpoint is written.

    Clipping gradients to a norm would spread one NaN to all weights within a step. With 16-mixed, infinite gradients
    are a part of the method: Lightning's scaler leaves such steps out.

    Raises:
        LesionkitError: something is not finite; says what, at which step, and which checkpoint is kept.
    """

    def __init__(self) -> None:
        self.kept: int | None = None

    def on_fit_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self.kept = trainer.global_step or None

    def on_before_backward(self, trainer: lightning.Trainer, module: lightning.LightningModule, loss: Tensor) -> None:
        if not bool(loss.detach().isfinite().all()):
            raise self._stop(trainer, f"the loss is {float(loss.detach()):g}")

    def on_before_optimizer_step(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, optimizer: Any
    ) -> None:
        if getattr(trainer.precision_plugin, "scaler", None) is not None:
            return
        norms = [norm for _, norm in _norms(module)]
        if norms and not bool(torch.stack(norms).sum().isfinite()):
            name = next((name for name, norm in _norms(module) if not bool(norm.isfinite())), "one of many")
            raise self._stop(trainer, f"the gradient of {name} is NaN or infinite")

    def on_save_checkpoint(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        name = first_not_finite(checkpoint["state_dict"])
        if name is not None:
            raise self._stop(trainer, f"the weight {name} is NaN or infinite")
        self.kept = trainer.global_step

    def _stop(self, trainer: lightning.Trainer, what: str) -> LesionkitError:
        kept = (
            "no checkpoint was written before" if self.kept is None else f"the checkpoint of step {self.kept} is kept"
        )
        return LesionkitError(
            f"training needs finite numbers, but in step {trainer.global_step + 1} {what}; {kept}; lower learn.rate, "
            "or compute with --set learn.precision=32-true"
        )


def _norms(module: lightning.LightningModule) -> Iterator[tuple[str, Tensor]]:
    for name, parameter in module.named_parameters():
        if parameter.grad is not None:
            yield name, torch.linalg.vector_norm(parameter.grad.detach().float())
