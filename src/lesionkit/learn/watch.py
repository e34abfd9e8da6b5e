"""Look at a network at a set interval while it learns: figures and pictures, on the same few pieces each time.

What is seen goes to TensorBoard, to metrics.csv as `watched/…`, and as pictures into the folder of the training, from
where the page of the run takes them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from torch.nn import functional

from lesionkit.core.files import replacing
from lesionkit.learn.loop import Waiting
from lesionkit.learn.mask_figures import WatchedPatch, mask_figures
from lesionkit.learn.watch_settings import WatchSettings
from lesionkit.nets.intensity import scale_hu

FOLDER = "watched"
"""Of the pictures that were seen last, in the folder of a training."""

_CUBES_AT_ONCE = 8

Draw = Callable[[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]], Mapping[str, NDArray[np.uint8]]]
"""(hu, truth, probability), arrays (z, y, x) or (y, x) -> pictures (rows, columns, 3) by name."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What a look gives.

    Attributes:
        pictures: uint8 (rows, columns, 3) by name.
    """

    figures: Mapping[str, float]
    pictures: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)


class Watch(Protocol):
    """Called with the kept network in evaluation mode."""

    @property
    def every(self) -> int:
        """Steps between looks."""
        ...

    def __call__(self, net: Any) -> Seen: ...


@dataclass(frozen=True, eq=False)
class MaskWatch:
    """Looks at a network that draws, in three dimensions or two; see `mask_figures`.

    Args:
        draw: makes pictures; None for none.
    """

    patches: Sequence[WatchedPatch]
    settings: WatchSettings
    draw: Draw | None = None

    @property
    def every(self) -> int:
        return self.settings.every

    @torch.no_grad()
    def __call__(self, net: nn.Module) -> Seen:
        device = next(net.parameters()).device
        drawn = []
        for one in self.patches:
            hu = torch.from_numpy(np.ascontiguousarray(one.hu))[None, None].to(device)
            drawn.append(net(scale_hu(hu))[0, 0].float().sigmoid().cpu().numpy())
        pictures: dict[str, NDArray[np.uint8]] = {}
        for number, (one, found) in enumerate(zip(self.patches, drawn, strict=True), start=1):
            if self.draw is not None and number <= self.settings.pictures:
                made = self.draw(one.hu, one.drawn, found)
                pictures |= {f"patch {number} {name}": picture for name, picture in made.items()}
        return Seen(mask_figures(self.patches, drawn, self.settings.thresholds), pictures)


@dataclass(frozen=True, eq=False)
class CubeWatch:
    """Looks at a classifier: its mean cross-entropy, the share that it has right, and the area under its ROC curve.

    Args:
        cubes: float32 (n, z, y, x), Hounsfield units.
        positive: (n,) whether there is a lesion in the middle; both kinds are there.
    """

    cubes: NDArray[np.float32]
    positive: NDArray[np.bool_]
    settings: WatchSettings

    @property
    def every(self) -> int:
        return self.settings.every

    @torch.no_grad()
    def __call__(self, net: nn.Module) -> Seen:
        device = next(net.parameters()).device
        parts = torch.split(torch.from_numpy(self.cubes)[:, None], _CUBES_AT_ONCE)
        logit = torch.cat([net(scale_hu(part.to(device))).float().cpu() for part in parts])
        truth = torch.from_numpy(self.positive.astype(np.float32))
        right = ((logit > 0).numpy() == self.positive).mean()
        return Seen(
            {
                "loss": float(functional.binary_cross_entropy_with_logits(logit, truth)),
                "right": float(right),
                "auc": area_under_curve(logit.numpy(), self.positive),
            }
        )


def area_under_curve(scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> float:
    """How often a positive has a higher score than a negative; equal scores count half.

    >>> area_under_curve(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, False, True, True]))
    0.875
    """
    others = np.sort(scores[~positive])
    below = np.searchsorted(others, scores[positive], "left")
    not_above = np.searchsorted(others, scores[positive], "right")
    return float((below + not_above).mean() / 2 / len(others))


class Watcher(Callback):
    """Asks a `Watch` at its interval and after the last step, and passes on what it saw.

    Args:
        steps: of the whole training.
    """

    def __init__(self, watch: Watch, folder: Path, steps: int, waiting: Waiting) -> None:
        self.watch, self.folder, self.steps, self.waiting = watch, folder, steps, waiting

    def on_train_batch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule, *_: Any) -> None:
        step = trainer.global_step
        if step % self.watch.every and step < self.steps and not trainer.should_stop:
            return
        kept: nn.Module = cast(Any, module).kept
        training = kept.training
        seen = self.watch(kept.eval())
        kept.train(training)
        for logger in trainer.loggers:
            logger.log_metrics({f"watched/{name}": value for name, value in seen.figures.items()}, step)
            if isinstance(logger, TensorBoardLogger):
                for name, picture in seen.pictures.items():
                    logger.experiment.add_image(f"watched/{name}", picture, step, dataformats="HWC")
        for name, picture in seen.pictures.items():
            with replacing(self.folder / FOLDER / f"{name}.png") as temporary:
                Image.fromarray(picture).save(temporary, "PNG")
        self.waiting.skip()
