"""How a network that draws masks is trained: the settings, and those of the five best of SIIM-ACR."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from pydantic import Field, model_validator

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.learn.average_settings import AVERAGES, AverageSettings
from lesionkit.learn.finetune_settings import FinetuneSettings
from lesionkit.learn.schedule_settings import SCHEDULES, TrainingPart
from lesionkit.learn.segmentation_loss_settings import LOSSES, SegmentationLossSettings
from lesionkit.learn.teacher_settings import TeacherSettings


class SegmentationLearnSettings(Settings):
    """How the weights are found; the defaults are the first place's (rows 3.13, 3.16–3.19, 3.21)."""

    parts: tuple[TrainingPart, ...] = Field(SCHEDULES["1st"], min_length=1)
    """Parts of the training, one after the other."""
    loss: SegmentationLossSettings = LOSSES["1st 3:1:4"]
    optimizer: Literal["adam", "adamw"] = "adam"
    """adam adds the weight decay to the gradient, as all five did; adamw takes it off the weights."""
    finetune: FinetuneSettings = FinetuneSettings()
    """Rates of the encoder's stages beside those of the parts, and its rest at the start, before the parts'."""
    weight_decay: float = Field(5e-6, ge=0)
    batch: int = Field(2, ge=1)
    """Labelled pictures per batch and device."""
    accumulate: int = Field(1, ge=1)
    """Batches per step of the optimiser."""
    clip_norm: float | None = Field(0.1, gt=0)
    """Gradients are scaled down to this norm; None leaves them."""
    average: AverageSettings | None = None
    """Keep a moving average of the weights instead of the weights."""
    swa_epochs: tuple[int, ...] = ()
    """Epochs of the training, from 0, at whose ends the weights are taken; in the end their even mean is kept, with
    batch statistics estimated on training pictures. Where the training ends before the first, its last weights are."""
    teacher: TeacherSettings | None = None
    """Learn from pictures without truth too, and keep the teacher."""
    minutes: float | None = Field(None, gt=0)
    """The training, validation included, ends after this time wherever it stands, and is validated once more."""
    validate_every: int | None = Field(None, ge=1)
    """Optimiser steps between validations: an epoch ends after so many; None shows every picture drawn."""
    steps: int | None = Field(None, ge=1)
    """Optimiser steps after which the training ends wherever it stands; None for all epochs of its parts."""
    precision: Literal["auto", "bf16-mixed", "32-true", "16-mixed"] = "auto"
    """Arithmetic; auto is bf16 where this machine computes faster in it, measured once, and 32 bits elsewhere."""
    device: str = "auto"
    """auto, cpu, cuda, mps or what Lightning calls an accelerator."""
    devices: int = Field(1, ge=1)
    """How many of them; more than one trains with DDP, each on its own batches."""
    workers: int = Field(1, ge=0)
    """Processes that prepare pictures."""
    seed: int = 0

    @model_validator(mode="after")
    def _keeps_one_thing(self) -> "SegmentationLearnSettings":
        if self.average is not None and self.teacher is not None:
            raise LesionkitError("a teacher is a moving average already; set average to None or teacher to None")
        epochs = sum(part.epochs for part in self.parts)
        wrong = [epoch for epoch in self.swa_epochs if not 0 <= epoch < epochs]
        if wrong:
            raise LesionkitError(f"swa_epochs must lie in 0..{epochs - 1}, the epochs of all parts, got {wrong[0]}")
        return self


LEARNERS: Mapping[str, SegmentationLearnSettings] = MappingProxyType(
    {
        "1st": SegmentationLearnSettings(seed=42),
        "2nd classifier": SegmentationLearnSettings(
            parts=SCHEDULES["2nd classifier"],
            loss=LOSSES["2nd classifier"],
            batch=8,
            weight_decay=0,
            clip_norm=None,
            swa_epochs=(24, 29, 30, 31, 32, 33),
        ),
        "2nd": SegmentationLearnSettings(
            parts=SCHEDULES["2nd"],
            loss=LOSSES["2nd"],
            batch=4,
            weight_decay=0,
            clip_norm=None,
            swa_epochs=(34, 39, 43),
        ),
        "3rd": SegmentationLearnSettings(
            parts=SCHEDULES["3rd"],
            loss=LOSSES["3rd"],
            batch=3,
            accumulate=3,
            weight_decay=0,
            clip_norm=1,
            average=AVERAGES["3rd"],
            seed=15,
        ),
        "4th": SegmentationLearnSettings(
            parts=SCHEDULES["4th"], loss=LOSSES["4th"], batch=8, weight_decay=1e-5, clip_norm=0.5, seed=666
        ),
        "5th": SegmentationLearnSettings(
            parts=SCHEDULES["5th"],
            loss=LOSSES["5th"],
            batch=16,
            weight_decay=1e-4,
            clip_norm=10,
            validate_every=500,
            teacher=TeacherSettings(),
        ),
    }
)
"""The trainings of the five best of SIIM-ACR (rows 3.16–3.21, 3.33–3.37, 3.58–3.62, 3.69, 3.87, 3.104–3.107). Weight
decay and clipping that a winner does not mention are off. The third's nine pictures were three on each of three
devices, each with its own batch statistics: here three batches of three make a step."""
