"""The step and the epoch of a training of a mask-drawing network, as Lightning calls them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lightning
import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.average import MovingAverage, refresh_statistics
from lesionkit.learn.course import Course
from lesionkit.learn.finetune import let_rest, parameter_groups
from lesionkit.learn.keep import Kept, read_weights, write_weights
from lesionkit.learn.loop import seed_everything
from lesionkit.learn.ranks import images_alone, images_of_all
from lesionkit.learn.schedule import make_scheduler, rates, step
from lesionkit.learn.segmentation_losses import segmentation_loss
from lesionkit.learn.segmentation_settings import SegmentationLearnSettings
from lesionkit.learn.teacher import agreement
from lesionkit.nets.segmenter import Segmenter

Validate = Callable[[Segmenter], Mapping[str, float]]
"""A network in evaluation mode -> figures; must hold "dice", higher is better."""
Figures = dict[str, float]


def _elsewhere(_net: Segmenter) -> Figures:
    raise AssertionError("the first process validates")


class SegmentationModule(lightning.LightningModule):
    """The net, what trails it, where the training stands, and what is kept.

    Args:
        folder: gets the weights that are kept, part by part.
        validate: asked at the end of every epoch.
    """

    def __init__(
        self, net: Segmenter, settings: SegmentationLearnSettings, folder: Path, validate: Validate | None
    ) -> None:
        super().__init__()
        self.settings, self.folder, self.validate = settings, folder, validate
        self.net = net.to(memory_format=torch.channels_last)
        averaged = settings.teacher.average if settings.teacher else settings.average
        self.average = MovingAverage(net, averaged) if averaged else None
        # Lightning moves and saves what it finds here; the average itself is no module.
        self.trailing = self.average.net if self.average else None
        self.course = Course(settings.parts)
        self.kept = [Kept(folder / "part-0", settings.parts[0].keep)]
        self.figures: Figures = {}
        self.scheduler: LRScheduler | None = None
        self._resumed: Mapping[str, Any] | None = None
        self._seen: Tensor | None = None

    def __getstate__(self) -> dict[str, Any]:
        # The followers of a training on several devices get it by pickle; only the first process validates.
        return {**self.__dict__, "validate": None if self.validate is None else _elsewhere}

    @property
    def keeper(self) -> Segmenter:
        """The network worth keeping: what trails the one that learns, if anything does."""
        trailing = self.net if self.average is None else self.average.net
        assert isinstance(trailing, Segmenter)
        return trailing

    @property
    def swa_files(self) -> list[Path]:
        """Weights at the ends of the epochs that are to be averaged, as far as the training came."""
        return [self.folder / f"swa-{epoch:03d}.pt" for epoch in self.settings.swa_epochs if epoch < self.course.epoch]

    def configure_optimizers(self) -> Optimizer:
        kind = torch.optim.Adam if self.settings.optimizer == "adam" else torch.optim.AdamW
        groups = parameter_groups(self.net, self.net.encoder, self.settings.finetune, norms_decay=True)
        return kind(groups, lr=self.course.now.rate, weight_decay=self.settings.weight_decay)

    def training_step(self, batch: dict[str, dict[str, Tensor]], _number: int) -> Tensor:
        labelled = batch["labelled"]
        image, mask = (labelled[name].to(memory_format=torch.channels_last) for name in ("image", "mask"))
        self._seen = image
        gathered = images_of_all if self.trainer.world_size > 1 else images_alone
        parts = segmentation_loss(self.net(image), mask, self.settings.loss, labelled["nonempty"], gathered)
        total = parts.pop("total")
        if self.settings.teacher is not None:
            parts["agreement"] = agreement(self.net, self.keeper, batch["unlabelled"], self.settings.teacher)
            total = total + self.settings.teacher.weight(self.course.epoch) * parts["agreement"]
        self.log_dict({f"loss/{name}": value.detach() for name, value in parts.items()})
        self.log("loss", total.detach(), prog_bar=True)
        return total

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        super().optimizer_step(*args, **kwargs)
        if self.average is None:
            return
        self.average.update(self.net, self.course.epoch)
        if self.average.settings.buffers == "own" and self._seen is not None:
            with self.trainer.precision_plugin.train_step_context():
                refresh_statistics(self.average.net, self._seen)

    def on_train_start(self) -> None:
        optimizer = self._optimizer()
        now = rates(optimizer)
        self.scheduler = make_scheduler(optimizer, self.course.now)
        if self._resumed is not None:
            self.scheduler.load_state_dict(dict(self._resumed["scheduler"]))
            for group, rate in zip(optimizer.param_groups, now, strict=True):
                group["lr"] = rate

    def on_train_epoch_start(self) -> None:
        if self.trainer.is_global_zero:
            self.kept[-1].prune()
        # Of each epoch, so that a resumed one is the same again.
        seed_everything(self.settings.seed + 1000 * self.course.epoch + self.global_rank)
        self.net.train()
        if self.trailing is not None:
            self.trailing.eval()
        self._let_rest()

    def on_train_batch_start(self, _batch: Any, _number: int) -> None:
        if self.settings.finetune.changes_something:
            self._let_rest()

    def _let_rest(self) -> None:
        how = self.settings.finetune
        every = self.course.frozen or self.global_step < how.frozen_steps
        let_rest(self.net.encoder, None if every else how.frozen_stages)

    def on_train_epoch_end(self) -> None:
        assert self.scheduler is not None
        figures = self.validated(self.keeper)
        self.log_dict({"rate": rates(self._optimizer())[0], "part": float(self.course.part)})
        self.log_dict({f"validation/{name}": value for name, value in figures.items()})
        dice = figures.get("dice")
        step(self.scheduler, 0.0 if dice is None else dice)
        first = self.trainer.is_global_zero
        self.kept[-1].offer(self.keeper, 0.0 if dice is None else dice, self.course.epoch, write=first)
        if self.course.epoch in self.settings.swa_epochs and first:
            write_weights(self.folder / f"swa-{self.course.epoch:03d}.pt", self.keeper)
        if self.course.end_epoch(dice) and not self.course.finished:
            self._enter_next_part()
        logged = {name: float(value) for name, value in self.trainer.callback_metrics.items()}
        self.figures = {**logged, "epochs": float(self.course.epoch), "steps": float(self.trainer.global_step)}
        self.trainer.should_stop = self.trainer.should_stop or self.course.finished

    def validated(self, net: Segmenter) -> Figures:
        """What the recipe says of a network, asked in one process and told to all.

        Raises:
            LesionkitError: the answer has no "dice".
        """
        if self.validate is None:
            return {}
        figures: Figures = {}
        if self.global_rank == 0:
            with torch.no_grad():
                figures = {name: float(value) for name, value in self.validate(net.eval()).items()}
        if self._trainer is not None:
            figures = self._trainer.strategy.broadcast(figures)
        if "dice" not in figures:
            raise LesionkitError(f"validation must give 'dice', got {', '.join(figures) or 'nothing'}; add it")
        return figures

    def _enter_next_part(self) -> None:
        self.course.enter_next_part()
        part = self.course.now
        optimizer = self._optimizer()
        if part.start == "best":
            self.trainer.strategy.barrier()
            state = read_weights(self.kept[-1].best[0])
            self.net.load_state_dict(state)
            self.keeper.load_state_dict(state)
            # The moments belong to other weights.
            optimizer.state.clear()
        self.scheduler = make_scheduler(optimizer, part)
        self.kept.append(Kept(self.folder / f"part-{self.course.part}", part.keep))

    def _optimizer(self) -> Optimizer:
        optimizer = self.optimizers(use_pl_optimizer=False)
        assert isinstance(optimizer, Optimizer)
        return optimizer

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        assert self.scheduler is not None
        checkpoint["segmentation"] = {
            "settings": self.settings.model_dump_json(),
            "course": self.course.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "average_steps": self.average.steps if self.average else 0,
            "kept": [kept.ranked for kept in self.kept],
            "figures": self.figures,
        }

    def on_load_checkpoint(self, checkpoint: Mapping[str, Any]) -> None:
        self._resumed = state = checkpoint["segmentation"]
        self.course.load_state_dict(state["course"])
        if self.average is not None:
            self.average.steps = state["average_steps"]
        self.figures = dict(state["figures"])
        self.kept = []
        for number, ranked in enumerate(state["kept"]):
            self.kept.append(Kept(self.folder / f"part-{number}", self.settings.parts[number].keep))
            self.kept[-1].ranked = list(ranked)
