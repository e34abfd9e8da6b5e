"""One network of an ensemble: what it is shown epoch by epoch, how it is validated, and its training."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grey import to_grey
from lesionkit.evaluate.overlap import mask_dice
from lesionkit.evaluate.roc import auc
from lesionkit.infer.decide import ClassifyThenSegment, Plain, Rule, Triplet
from lesionkit.infer.predict import predict
from lesionkit.infer.segment import resized
from lesionkit.learn.loop import seed_everything
from lesionkit.learn.schedule_settings import TrainingPart
from lesionkit.learn.segmentation import Fitted, fit_segmenter
from lesionkit.nets.precision import pick_precision
from lesionkit.nets.segmenter import Segmenter
from lesionkit.nets.segmenter_settings import SegmenterSettings
from lesionkit.recipes.xray.members import Member
from lesionkit.recipes.xray.pictures import resized_mask
from lesionkit.recipes.xray.settings import shown_side
from lesionkit.sample.balance import draw_epoch
from lesionkit.sample.pictures import Entry, Pictures
from lesionkit.sample.radiographs import ShownPictures, TwoViews, mix_pseudo, scaled_augmentation

Held = tuple[Pictures, int]
"""A validation picture: where it lies and its number."""

VALIDATION_RULES: tuple[Rule, ...] = (
    Plain(),
    *(Triplet(top=top, min_pixels=pixels, bottom=0.4) for top in (0.6, 0.75) for pixels in (600, 2000)),
)
"""An epoch's figure is the best of these, as the first place took the best of its triplets (row 3.9). It only chooses
among epochs; what a model can do is measured afterwards."""


@dataclass(frozen=True, eq=False)
class PseudoEntries:
    """Pictures with the masks that networks drew, and which of them are positive."""

    entries: Sequence[Entry] = ()
    positive: Sequence[bool] = ()
    share: float = 0.5


@dataclass(frozen=True, eq=False)
class Shown:
    """What a network is shown; called by the training for each epoch."""

    member: Member
    entries: Sequence[Entry]
    positive: Sequence[bool]
    pseudo: PseudoEntries = field(default_factory=PseudoEntries)

    @classmethod
    def of(
        cls,
        member: Member,
        pictures: Pictures,
        numbers: Sequence[int],
        positive: Sequence[bool],
        pseudo: PseudoEntries | None = None,
    ) -> "Shown":
        """From numbers of pictures of one source."""
        return cls(member, [Entry(pictures, n) for n in numbers], positive, pseudo or PseudoEntries())

    def __call__(self, epoch: int, epoch_of_part: int, part: TrainingPart) -> ShownPictures:
        """The pictures of one epoch; they depend on the seed and the epoch alone."""
        seed = self.member.learn.seed
        rng = np.random.default_rng([seed, epoch])
        balance = self.member.balance[min(self._number(part), len(self.member.balance) - 1)]
        if self.pseudo.entries:
            entries = mix_pseudo(
                *(self.entries, self.pseudo.entries, self.pseudo.positive, self.pseudo.share),
                *(balance, epoch_of_part, rng, self.positive),
            )
        else:
            entries = [self.entries[int(n)] for n in draw_epoch(self.positive, epoch_of_part, balance, rng)]
        side = shown_side(part, self.member)
        return ShownPictures(entries, scaled_augmentation(self.member.augment, side), side, seed, epoch)

    def _number(self, part: TrainingPart) -> int:
        """Which part of the training it is; parts may be equal."""
        parts = self.member.learn.parts
        return next((number for number, one in enumerate(parts) if one is part), parts.index(part))


@dataclass(frozen=True, eq=False)
class Unlabelled:
    """Pictures without masks for a mean teacher; called by the training for each epoch."""

    member: Member
    pictures: Pictures
    count: int

    def __call__(self, epoch: int, part: TrainingPart) -> TwoViews:
        """The pictures of one epoch in two views."""
        side = shown_side(part, self.member)
        step = scaled_augmentation(self.member.augment, side)
        return TwoViews(self.pictures, self.count, step, side, self.member.learn.seed, epoch)


@dataclass(frozen=True, eq=False)
class Validate:
    """The figures of a network on pictures it has not learned from: Kaggle's Dice is what training follows.

    Networks that learn from positives alone are validated on them alone.
    """

    member: Member
    held: Sequence[Held]
    told: Callable[[Mapping[str, float]], None] | None = None

    def __call__(self, net: Segmenter) -> Mapping[str, float]:
        """ "dice", "dice on positives", and "auc" where images of both kinds are held."""
        table, heads, positive = [], [], []
        rules: list[Rule] = [*VALIDATION_RULES, *([ClassifyThenSegment(image=0.5)] if _has_head(net) else [])]
        for pictures, number in self.held:
            truth = resized_mask(pictures.mask(number), (self.member.side, self.member.side))
            found = search_picture(net, pictures.image(number), self.member.side, self.member.learn.precision)
            table.append([mask_dice(rule(*found), truth) for rule in rules])
            heads.append(found[1] if found[1] is not None else float(found[0].max()))
            positive.append(bool(truth.any()))
        dices, inside = np.array(table), np.array(positive, bool)
        best = int(dices.mean(axis=0).argmax())
        figures = {"dice": float(dices[:, best].mean())}
        if inside.any():
            figures["dice on positives"] = float(dices[inside, best].mean())
        if inside.any() and not inside.all():
            figures["auc"] = float(auc(inside, np.array(heads)))
        if self.told is not None:
            self.told(figures)
        return figures


def search_picture(
    net: Segmenter, image: NDArray[np.uint8], side: int, precision: str, flip: bool = False
) -> tuple[NDArray[np.float32], float | None]:
    """Probability (side, side) of a prepared picture and of any lesion at all."""
    device = next(net.parameters()).device
    kind = pick_precision("fp32" if precision in ("32", "32-true", "fp32") else "auto", device)
    found = predict(net, resized(to_grey(image), (side, side)), flip, kind)
    return found.probability, found.p_nonempty


def fit_member(
    folder: Path,
    member: Member,
    shown: Shown,
    held: Sequence[Held],
    unlabelled: Unlabelled | None = None,
    start: Mapping[str, Any] | None = None,
    told: Callable[[Mapping[str, float]], None] | None = None,
) -> Fitted:
    """Train one network in a folder of its own; an interrupted training goes on there.

    Args:
        held: validation pictures; without any the last epoch is kept.
        start: settings of a network and its weights ("net": Segmenter) to begin with, instead of fresh ones.

    Raises:
        LesionkitError: no picture to learn from, or a mean teacher without unlabelled pictures.
        KeyboardInterrupt: Ctrl-C; the same command goes on.
    """
    if not shown.entries:
        raise LesionkitError(f"network '{member.name}' has no image to learn from; check splits.json and the folds")
    if member.learn.teacher is not None and unlabelled is None:
        raise LesionkitError(
            f"network '{member.name}' learns by a mean teacher, which needs radiographs without masks; give --set "
            "unlabelled.images=FOLDER, or --set learn.teacher=false"
        )
    seed_everything(member.learn.seed)
    net = start["net"] if start is not None else Segmenter(member.net)
    validate = Validate(member, held, told) if held else None
    try:
        return fit_segmenter(net.train(), folder, member.learn, shown, validate, unlabelled)
    except SystemExit as ended:
        # What Lightning makes of Ctrl-C; to us it is an interruption that the same command resumes.
        raise KeyboardInterrupt from ended


def _has_head(net: Segmenter) -> bool:
    settings: SegmenterSettings = net.settings
    return settings.head != "none"
