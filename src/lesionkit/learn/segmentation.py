"""Train a network that draws masks with Lightning, in parts, with validation, and say what is kept."""

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, RichProgressBar, Timer
from torch import Tensor

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.average import average_weights, estimate_statistics
from lesionkit.learn.devices import fit_on_devices, placed
from lesionkit.learn.epochs import Deck, DrawEpoch, DrawUnlabelled
from lesionkit.learn.finite import Finite
from lesionkit.learn.keep import Kept, read_net, read_weights, write_weights
from lesionkit.learn.loop import Waiting, loggers, seed_everything
from lesionkit.learn.precision import arithmetic, training_device
from lesionkit.learn.segmentation_module import SegmentationModule, Validate
from lesionkit.learn.segmentation_settings import SegmentationLearnSettings
from lesionkit.nets.segmenter import Segmenter

_FREE_TO_CHANGE = {"minutes", "device", "devices", "workers"}


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a training leaves.

    Attributes:
        net: what is kept, in evaluation mode: the averaged weights (`swa_epochs`), else the best validated ones of the
            last part (of the moving average or the teacher, if there is one), without validation the last ones.
        best: files of the best weights of the last part, best first.
        figures: "validation/…" of `net`, "epochs", "steps", "speed/steps_per_s", "speed/waiting_share", "loss".
    """

    net: Segmenter
    best: tuple[Path, ...]
    figures: Mapping[str, float]


def fit_segmenter(
    net: Segmenter,
    folder: Path,
    settings: SegmentationLearnSettings,
    draw: DrawEpoch,
    validate: Validate | None = None,
    unlabelled: DrawUnlabelled | None = None,
) -> Fitted:
    """Train in `folder`; goes on after the last whole epoch if a training with these settings stopped there.

    On a CPU an interrupted training ends with the weights of an uninterrupted one.

    Args:
        net: is changed.
        folder: gets checkpoints/, tensorboard/ and metrics/metrics.csv.
        draw: labelled pictures of an epoch.
        validate: asked at the end of every epoch, about what would be kept; it drives plateaus, early ends and which
            weights stay.
        unlabelled: pictures without truth for the teacher.

    Raises:
        LesionkitError: the settings need validation or unlabelled pictures and there are none, or the folder holds a
            training with other settings.
    """
    _check(settings, validate, unlabelled)
    folder = Path(folder)
    learner = SegmentationModule(net, settings, folder / "checkpoints", validate)
    teaching = None if unlabelled is None or settings.teacher is None else (unlabelled, settings.teacher.batch)
    most = None if settings.validate_every is None else settings.validate_every * settings.accumulate
    deck = Deck(learner.course, draw, settings.batch, most, teaching, settings.workers)
    last = folder / "checkpoints" / "last.ckpt"
    state = _state_of(last, settings)
    if state is not None and _is_over(state, settings):
        learner.on_load_checkpoint(state)
        learner.load_state_dict(state["state_dict"])
    else:
        seed_everything(settings.seed)
        make = partial(make_trainer, settings, folder)
        fit_on_devices(make, learner, deck, last if state else None, settings.devices, seed=settings.seed)
    return _finished(learner, deck)


def load_best(fitted: Fitted | Path) -> Segmenter:
    """The network of the best weights that were kept, or of one of the files, in evaluation mode.

    Raises:
        LesionkitError: there is no such file.
    """
    return read_net(fitted.best[0] if isinstance(fitted, Fitted) else fitted)


def make_trainer(settings: SegmentationLearnSettings, folder: Path) -> lightning.Trainer:
    """Lightning's trainer for these settings; the weights of each device are averaged at every step (DDP)."""
    waiting = Waiting()
    callbacks: list[Callback] = [waiting, Finite(), _AfterEpoch(waiting), RichProgressBar()]
    if settings.minutes is not None:
        callbacks.append(Timer(datetime.timedelta(minutes=settings.minutes), verbose=False))
    callbacks.append(
        ModelCheckpoint(folder / "checkpoints", "last", save_on_train_epoch_end=True, enable_version_counter=False)
    )
    return lightning.Trainer(
        default_root_dir=folder,
        accelerator=settings.device,
        **placed(settings.devices, idle=_idle(settings)),
        precision=arithmetic(settings.precision, training_device(settings.device)),
        max_epochs=sum(part.epochs for part in settings.parts),
        max_steps=settings.steps or -1,
        gradient_clip_val=settings.clip_norm,
        accumulate_grad_batches=settings.accumulate,
        reload_dataloaders_every_n_epochs=1,
        callbacks=callbacks,
        logger=loggers(folder),
        log_every_n_steps=10,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )


def _idle(settings: SegmentationLearnSettings) -> bool:
    """A frozen encoder and an image head without a loss get no gradient, which DDP must look for."""
    return any(part.frozen_epochs for part in settings.parts) or not (
        settings.loss.image_bce + settings.loss.image_focal
    )


class _AfterEpoch(Callback):
    """The time of a validation is no waiting for data."""

    def __init__(self, waiting: Waiting) -> None:
        self.waiting = waiting

    def on_train_epoch_start(self, *_: Any) -> None:
        self.waiting.skip()


def _check(settings: SegmentationLearnSettings, validate: Validate | None, unlabelled: DrawUnlabelled | None) -> None:
    needy = [part for part in settings.parts if part.shape == "plateau" or part.stop_after is not None]
    if needy and validate is None:
        raise LesionkitError("a plateau and stop_after look at a validation figure, got no validation; give validate")
    if settings.teacher is not None and unlabelled is None:
        raise LesionkitError("a teacher needs pictures without truth, got none; give unlabelled or set teacher to None")


def _state_of(last: Path, settings: SegmentationLearnSettings) -> dict[str, Any] | None:
    """The checkpoint of an interrupted or finished training in this folder."""
    if not last.is_file():
        return None
    state: dict[str, Any] = torch.load(last, map_location="cpu", weights_only=True)
    before = SegmentationLearnSettings.model_validate_json(state["segmentation"]["settings"])
    old, new = (one.model_dump(exclude=_FREE_TO_CHANGE) for one in (before, settings))
    other = [name for name in new if old[name] != new[name]]
    if other:
        raise LesionkitError(
            f"{last.parent.parent} must hold a training with the same settings, but '{other[0]}' differs; "
            "choose another folder, or remove this one"
        )
    return state


def _is_over(state: Mapping[str, Any], settings: SegmentationLearnSettings) -> bool:
    timers = [value for name, value in state["callbacks"].items() if name.startswith("Timer")]
    seconds = timers[0]["time_elapsed"]["train"] if timers else 0.0
    late = settings.minutes is not None and seconds >= 60 * settings.minutes
    return bool(state["segmentation"]["course"]["finished"]) or late or state["global_step"] == settings.steps


def _finished(learner: SegmentationModule, deck: Deck) -> Fitted:
    """Read what is kept from the files, so that a training that was over before gives the same."""
    kept = _last_used(learner.kept)
    kept.prune()
    net, figures = learner.net, dict(learner.figures)
    if learner.settings.swa_epochs:
        net = _averaged(learner, deck)
        figures.update({f"validation/{name}": value for name, value in learner.validated(net).items()})
    else:
        net.load_state_dict(read_weights(kept.best[0]))
        if learner.validate is not None:
            figures["validation/dice"] = kept.ranked[0][0]
    return Fitted(net.requires_grad_(True).eval(), kept.best, figures)


def _last_used(kept: list[Kept]) -> Kept:
    """A part that the time did not suffice for has kept nothing."""
    return kept[-1] if kept[-1].ranked else kept[-2]


def _averaged(learner: SegmentationModule, deck: Deck) -> Segmenter:
    device = training_device(learner.settings.device)
    states = [read_weights(path) for path in learner.swa_files] or [learner.keeper.state_dict()]
    net = average_weights(learner.net, states).to(device)
    assert isinstance(net, Segmenter)
    estimate_statistics(net, _images(deck, device))
    net = net.cpu()
    write_weights(learner.folder / "averaged.pt", net)
    return net


def _images(deck: Deck, device: torch.device) -> Iterator[Tensor]:
    for batch in deck.labelled(back=1):
        yield batch["image"].to(device)
