"""The networks of an ensemble as settings, and how the same training is asked for at another size, length or budget."""

from collections.abc import Collection, Sequence
from typing import Any, Literal, TypeVar

import numpy as np
from pydantic import Field, field_validator

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.learn.average_settings import AverageSettings
from lesionkit.learn.schedule_settings import TrainingPart
from lesionkit.learn.segmentation_loss_settings import LOSSES
from lesionkit.learn.segmentation_settings import SegmentationLearnSettings
from lesionkit.learn.teacher_settings import TeacherSettings
from lesionkit.nets.segmenter_settings import Architecture, Head, Norm, SegmenterSettings
from lesionkit.recipes.ensemble import MemberSettings
from lesionkit.sample.augment_2d_settings import AUGMENTATION_NAMES
from lesionkit.sample.balance import BALANCES, BalanceSettings

S = TypeVar("S", bound=Settings)

_MULTIPLE = 32
_PLAIN = (
    *("steps", "validate_every", "batch", "optimizer", "weight_decay", "clip_norm"),
    *("precision", "device", "devices", "workers", "seed"),
)


class Member(MemberSettings):
    """One network of an ensemble: how it is built, what it is shown, how it learns, how much it counts."""

    role: Literal["segmenter", "classifier"] = "segmenter"
    """A classifier's mask takes no part in the ensemble's, only its image head does."""
    net: SegmenterSettings
    learn: SegmentationLearnSettings
    balance: tuple[BalanceSettings, ...] = Field(min_length=1)
    """Which images an epoch shows: one per part of the training; the last one stays."""
    augment: str = "none"
    """none, 1st, 2nd, 3rd, 4th or 5th: a winner's; rooms: ours, as if taken elsewhere; see `sample.augment_2d`."""
    crop: float = Field(1.0, gt=0, le=1)
    """Side of the trained crop as a share of the picture that it is cut from; the fourth place took 512 of 768."""
    side: int = Field(256, ge=32, multiple_of=32)
    """Pixels per side at which it searches."""
    checkpoints: int = Field(1, ge=1)
    """So many of the best epochs predict (their predictions are averaged, not their weights); 1 takes what training
    kept: the moving average, the teacher, the average of epochs, or the best epoch."""

    pseudo: Literal["none", "unlabelled", "all"] = "all"
    """Whose pseudo-labels it learns from: nobody's, those of `unlabelled`, or those of `further` too."""
    best_folds: int | None = Field(None, ge=1)
    """Of the folds it is trained on, so many with the best validation search; null: all."""

    @property
    def positives_only(self) -> bool:
        """Whether the network never sees an empty image."""
        return all(share == 1 for balance in self.balance for _, share in balance.knots)

    @field_validator("augment")
    @classmethod
    def _known(cls, name: str) -> str:
        return _named("augment", name, AUGMENTATION_NAMES)


class NetChange(Settings):
    """Changes of every network at once; null leaves each as it is."""

    architecture: Architecture | None = None
    encoder: str | None = None
    """Such as tu-test_resnet, to try a recipe on a small machine."""
    norm: Norm | None = None
    pretrained: bool | None = None
    scaling: Literal["none", "imagenet"] | None = None
    head: Head | None = None


class SampleChange(Settings):
    """Changes of what every network is shown; null leaves each as it is."""

    augment: str | None = None
    """none, rooms, or a winner's: 1st, 2nd, 3rd, 4th, 5th."""
    balance: str | None = None
    """Name of a winner's: 1st part 0, 1st part 1, 1st part 2, 1st 2nd stage, 2nd, 3rd, 4th, 5th."""
    positives: float | None = Field(None, gt=0, le=1)
    """Share of positive images in every epoch, instead of `balance`."""
    labelled: float = Field(1.0, gt=0, le=1)
    """Share of the training patients whose masks may be looked at; the images of the others count as unlabelled."""

    @field_validator("augment")
    @classmethod
    def _known_augment(cls, name: str | None) -> str | None:
        return name if name is None else _named("augment", name, AUGMENTATION_NAMES)

    @field_validator("balance")
    @classmethod
    def _known_balance(cls, name: str | None) -> str | None:
        return name if name is None else _named("balance", name, BALANCES)


class LearnChange(Settings):
    """Changes of every training; null leaves each as it is."""

    side: int | None = Field(None, ge=32, multiple_of=32)
    """Largest side in pixels; smaller ones of the same training and those it searches at shrink alike."""
    epochs: int | None = Field(None, ge=1)
    """Of each training; its parts, restarts and ramps are shortened alike, its falling shares of positives too."""
    minutes: float | None = Field(None, gt=0)
    """Wall time of all trainings of the run together, shared evenly; each stops when its share is spent."""
    steps: int | None = Field(None, ge=1)
    """Each training ends after so many steps of the optimiser, wherever it stands."""
    validate_every: int | None = Field(None, ge=1)
    """Steps between validations: an epoch ends after so many."""
    batch: int | None = Field(None, ge=1)
    rate: float | None = Field(None, gt=0)
    """Highest learning rate; those of later parts change alike."""
    optimizer: Literal["adam", "adamw"] | None = None
    weight_decay: float | None = Field(None, ge=0)
    clip_norm: float | None = Field(None, gt=0)
    """Gradients are scaled down to this norm."""
    loss: str | None = None
    """Name of a winner's: bce, 1st 3:1:4, 1st 1:1:1, 1st 2:1:2, 2nd classifier, 2nd, 2nd with head, 3rd, 4th, 5th."""
    average: float | None = Field(None, ge=0, lt=1)
    """Decay per step of the moving average of the weights, which is what is kept; 0 keeps the weights themselves."""
    teacher: bool | None = None
    """Learn from unlabelled images by a mean teacher (fifth place)."""
    checkpoints: int | None = Field(None, ge=1)
    """See `Member.checkpoints`."""
    precision: Literal["auto", "bf16-mixed", "32-true", "16-mixed"] | None = None
    device: str | None = None
    devices: int | None = Field(None, ge=1)
    """How many of them; more than one trains with DDP."""
    workers: int | None = Field(None, ge=0)
    seed: int | None = None

    @field_validator("loss")
    @classmethod
    def _known_loss(cls, name: str | None) -> str | None:
        return name if name is None else _named("loss", name, LOSSES)

    @field_validator("average", mode="before")
    @classmethod
    def _decay(cls, value: object) -> object:
        if isinstance(value, str):
            raise LesionkitError(
                f"learn.average is a decay per step now, such as 0.99, or 0 for none, got '{value}'; the averages of "
                "winners come with their recipes"
            )
        return value


def changed_members(
    members: Sequence[Member], net: NetChange, sample: SampleChange, learn: LearnChange
) -> tuple[Member, ...]:
    """The members as they are trained: with the changes, at the size, length and budget asked for."""
    largest = max(_largest_side(member) for member in members)
    return tuple(_changed(member, net, sample, learn, largest) for member in members)


def _changed(member: Member, net: NetChange, sample: SampleChange, learn: LearnChange, largest: int) -> Member:
    given = {name: value for name, value in net.model_dump().items() if value is not None}
    result = with_values(member, net=with_values(member.net, **given))
    if sample.augment is not None:
        # A crop belongs to the augmentation that cuts it.
        result = with_values(result, augment=sample.augment, crop=2 / 3 if sample.augment == "4th" else 1.0)
    if sample.balance is not None:
        result = with_values(result, balance=(BALANCES[sample.balance],))
    if sample.positives is not None:
        result = with_values(result, balance=(BalanceSettings(knots=((0, sample.positives),)),))
    if learn.side is not None:
        result = with_side(result, learn.side / largest)
    if learn.epochs is not None:
        result = shortened(result, learn.epochs)
    if learn.checkpoints is not None:
        result = with_values(result, checkpoints=learn.checkpoints)
    seed = learn.seed if member.seed is None else member.seed
    return with_values(result, learn=_changed_learner(result.learn, with_values(learn, seed=seed)))


def _changed_learner(before: SegmentationLearnSettings, change: LearnChange) -> SegmentationLearnSettings:
    values: dict[str, Any] = {name: getattr(change, name) for name in _PLAIN if getattr(change, name) is not None}
    if change.rate is not None:
        ratio = change.rate / before.parts[0].rate
        values["parts"] = tuple(
            with_values(part, rate=part.rate * ratio, lowest=part.lowest * ratio) for part in before.parts
        )
    if change.loss is not None:
        values["loss"] = LOSSES[change.loss]
    if change.average is not None:
        moving = AverageSettings(decays=((0, change.average),), warm=True)
        values["average"] = moving if change.average else None
    if change.teacher is not None:
        values["teacher"] = (before.teacher or TeacherSettings()) if change.teacher else None
        # A teacher is a moving average already.
        values |= {"average": None} if change.teacher else {}
    return with_values(before, **values)


def with_side(member: Member, ratio: float) -> Member:
    """The member with every side multiplied, rounded to what a network takes."""
    parts = tuple(with_values(part, side=_rounded(part.side * ratio)) for part in member.learn.parts)
    return with_values(member, side=_rounded(member.side * ratio), learn=with_values(member.learn, parts=parts))


def shortened(member: Member, epochs: int) -> Member:
    """The member trained for `epochs` in all: parts, periods, ramps and schedules keep their proportions.

    Parts that would have less than half an epoch are left out.
    """
    parts = member.learn.parts
    ratio = epochs / sum(part.epochs for part in parts)
    ends = [int(np.floor(end * ratio + 0.5)) for end in np.cumsum([part.epochs for part in parts])]
    lengths = np.diff([0, *ends]).tolist()
    balances = [member.balance[min(number, len(member.balance) - 1)] for number in range(len(parts))]
    kept = [number for number, length in enumerate(lengths) if length]
    learn = with_values(
        member.learn,
        parts=tuple(_shorter_part(parts[number], lengths[number], ratio) for number in kept),
        swa_epochs=tuple(sorted({max(round((epoch + 1) * ratio) - 1, 0) for epoch in member.learn.swa_epochs})),
        average=None if member.learn.average is None else _shorter_average(member.learn.average, ratio),
        teacher=None if member.learn.teacher is None else _shorter_teacher(member.learn.teacher, ratio),
    )
    return with_values(member, learn=learn, balance=tuple(_shorter_balance(balances[n], ratio) for n in kept))


def with_values(settings: S, **values: Any) -> S:
    """The settings with some fields changed, and checked again."""
    return type(settings).model_validate({**dict(settings), **values})


def _shorter_part(part: TrainingPart, epochs: int, ratio: float) -> TrainingPart:
    def scaled(count: int) -> int:
        return max(round(count * ratio), 1)

    return with_values(
        part,
        epochs=epochs,
        period=scaled(part.period),
        patience=scaled(part.patience) if part.patience else 0,
        stop_after=None if part.stop_after is None else scaled(part.stop_after),
        frozen_epochs=min(round(part.frozen_epochs * ratio), epochs - 1),
    )


def _shorter_balance(balance: BalanceSettings, ratio: float) -> BalanceSettings:
    return with_values(balance, knots=_shorter_knots(balance.knots, ratio))


def _shorter_average(average: AverageSettings, ratio: float) -> AverageSettings:
    return with_values(average, decays=_shorter_knots(average.decays, ratio))


def _shorter_teacher(teacher: TeacherSettings, ratio: float) -> TeacherSettings:
    return with_values(
        teacher,
        average=_shorter_average(teacher.average, ratio),
        first_epoch=round(teacher.first_epoch * ratio),
        ramp_epochs=max(round(teacher.ramp_epochs * ratio), 1),
    )


def _shorter_knots(knots: Sequence[tuple[int, float]], ratio: float) -> tuple[tuple[int, float], ...]:
    """Knots at earlier epochs; of those that fall together the last stays."""
    return tuple(sorted({round(epoch * ratio): value for epoch, value in knots}.items()))


def _largest_side(member: Member) -> int:
    return max(member.side, *(round(part.side / member.crop) for part in member.learn.parts))


def _rounded(side: float) -> int:
    return max(round(side / _MULTIPLE), 1) * _MULTIPLE


def _named(field: str, name: str, known: Collection[str]) -> str:
    if name not in known:
        raise LesionkitError(f"{field} must be one of {', '.join(known)}, got '{name}'")
    return name
