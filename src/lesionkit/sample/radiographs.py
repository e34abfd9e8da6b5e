"""Radiographs as a network sees them in one epoch: resized, augmented with their masks, drawn by number from a seed."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset

from lesionkit.core.errors import LesionkitError
from lesionkit.sample.augment_2d import AUGMENTATIONS, All, OneOf, Sometimes, Step
from lesionkit.sample.augment_2d_settings import PUBLISHED_SIDES
from lesionkit.sample.balance import BalanceSettings, draw_epoch
from lesionkit.sample.film_2d import Sharpness
from lesionkit.sample.pictures import Entry, Pictures
from lesionkit.sample.tone_2d import BoxBlur, GaussianBlur, MedianBlur, MotionBlur
from lesionkit.sample.warp_2d import Crop, Elastic, Erase, OpticalDistortion, Picture

MULTIPLE = 32
"""Sides of what a segmenter takes are multiples of this."""


class ShownPictures(Dataset[dict[str, Tensor]]):
    """The radiographs of one epoch: resized to `side`, then augmented.

    Item i depends on (`seed`, `epoch`, i) and on its entry only: {"image": float32 (1, y, x) 0..1, "mask": float32
    (1, y, x) of 0 and 1, "nonempty": float32, 1 if any of the lesion is on what is shown}. Sides are `side`, or
    smaller after a `Crop` (training on crops, inference on the whole).

    Args:
        augment: all pictures of an epoch must come out alike in size; `scaled_augmentation` makes the winners'.
        strict_side: refuse sides that are no multiple of 32, as networks would.

    Raises:
        LesionkitError: there is no entry, or a side that no network takes.
    """

    def __init__(
        self, entries: Sequence[Entry], augment: Step, side: int, seed: int, epoch: int, strict_side: bool = True
    ) -> None:
        if not entries:
            raise LesionkitError("an epoch must show at least one picture, got none; check the split and the truth")
        self.entries, self.augment, self.side = entries, augment, _checked_side(side, strict_side)
        self.seed, self.epoch, self.strict_side = seed, epoch, strict_side

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        entry = self.entries[number]
        picture = at_side(entry.pictures.image(entry.number), entry.pictures.mask(entry.number), self.side)
        shown = self.augment(picture, np.random.default_rng([self.seed, self.epoch, number]))
        for side in shown.sides:
            _checked_side(side, self.strict_side)
        nonempty = shown.mask.any().float()
        return {"image": shown.image.contiguous(), "mask": shown.mask.contiguous(), "nonempty": nonempty}


class TwoViews(Dataset[dict[str, Tensor]]):
    """Unlabelled radiographs, drawn at random with replacement, each in two views for a student and its teacher.

    Item i depends on (`seed`, `epoch`, i) only: {"easy", "hard"}: float32 (1, y, x) 0..1, the same picture after the
    same augmentation; the hard one is brighter or darker by a factor of 0.9 to 1.1 (row 3.105). Masks are never read.

    Args:
        count: pictures of the epoch.

    Raises:
        LesionkitError: there is no picture, or a side that no network takes.
    """

    brightness = 0.1

    def __init__(self, pictures: Pictures, count: int, augment: Step, side: int, seed: int, epoch: int) -> None:
        if not len(pictures) or count < 1:
            raise LesionkitError(
                f"an unlabelled epoch needs pictures, got {count} draws from {len(pictures)}; give unlabelled "
                "radiographs or train without a teacher"
            )
        self.pictures, self.count, self.augment, self.side = pictures, count, augment, _checked_side(side, True)
        self.seed, self.epoch = seed, epoch

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        if not 0 <= number < self.count:
            raise IndexError(number)
        # The last number keeps these draws apart from those of labelled pictures of the same number.
        rng = np.random.default_rng([self.seed, self.epoch, number, 1])
        image = self.pictures.image(int(rng.integers(len(self.pictures))))
        easy = self.augment(at_side(image, None, self.side), rng).image.contiguous()
        factor = rng.uniform(1 - self.brightness, 1 + self.brightness)
        return {"easy": easy, "hard": (easy * factor).clamp(0, 1)}


def at_side(image: NDArray[np.uint8], mask: NDArray[np.bool_] | None, side: int) -> Picture:
    """A stored radiograph stretched to `side` × `side` pixels, bilinear with antialiasing, as inference does it.

    Each new pixel is lesion where at least half of it was; where none reaches that, those that come closest are, so
    that no lesion is lost.

    Args:
        image: (y, x). mask: (y, x), or None where nobody looked.

    Raises:
        LesionkitError: not uint8 (y, x), or a mask of another shape.
    """
    if image.dtype != np.uint8 or image.ndim != 2 or (mask is not None and mask.shape != image.shape):
        raise LesionkitError(
            f"a prepared picture must be uint8 (y, x) with a mask alike, got {image.dtype} {image.shape} and "
            f"{None if mask is None else mask.shape}"
        )
    grey = _stretched(torch.from_numpy(np.divide(image, 255, dtype=np.float32))[None], side).clamp(0, 1)
    if mask is None or not mask.any():
        return Picture(grey, torch.zeros_like(grey))
    share = _stretched(torch.from_numpy(mask.astype(np.float32))[None], side)
    return Picture(grey, (share >= torch.clamp(share.max(), max=0.5)).float())


def _stretched(values: Tensor, side: int) -> Tensor:
    if values.shape[1:] == (side, side):
        return values
    return functional.interpolate(values[None], (side, side), mode="bilinear", antialias=True)[0]


def _checked_side(side: int, strict: bool) -> int:
    if side < 1 or (strict and side % MULTIPLE):
        raise LesionkitError(f"sides of pictures must be multiples of {MULTIPLE}, got {side}; change side or the crop")
    return side


def scaled_augmentation(name: str, side: int) -> Step:
    """A winner's augmentation for pictures of `side` pixels.

    Lengths in pixels are scaled from the size the winner used (`PUBLISHED_SIDES`), so that what happens to the anatomy
    stays the same; shares and angles stay. An elastic field's `alpha` goes with the square, because its deviation is
    alpha over sigma. A crop becomes the nearest multiple of 32, a blur's kernel the nearest odd number but at least 3,
    below which there is none, and an erased rectangle at least one pixel.

    Args:
        name: one of `AUGMENTATIONS`.

    Raises:
        LesionkitError: no augmentation of that name.

    >>> scaled_augmentation("4th", 256).steps[0]
    Crop(side=160)
    """
    if name not in AUGMENTATIONS:
        raise LesionkitError(f"augmentation must be one of {', '.join(AUGMENTATIONS)}, got '{name}'")
    return _scaled(AUGMENTATIONS[name], side / PUBLISHED_SIDES.get(name, side))


def _scaled(step: Step, by: float) -> Step:
    match step:
        case All() | OneOf():
            return replace(step, steps=tuple(_scaled(inner, by) for inner in step.steps))
        case Sometimes():
            return replace(step, step=_scaled(step.step, by))
        case Elastic():
            return Elastic(step.alpha * by**2, step.sigma * by, step.affine * by)
        case OpticalDistortion():
            return replace(step, shift=step.shift * by)
        case Crop():
            return Crop(max(round(step.side * by / MULTIPLE), 1) * MULTIPLE)
        case Erase() if step.sides[1] >= 1:
            return replace(step, sides=(max(step.sides[0] * by, 1.0), max(step.sides[1] * by, 1.0)))
        case BoxBlur() | MedianBlur() | MotionBlur():
            return replace(step, side=2 * max(round((step.side * by - 1) / 2), 1) + 1)
        case GaussianBlur():
            return GaussianBlur(step.sigma * by)
        case Sharpness():
            return replace(step, sigma=max(step.sigma * by, 0.3))
    return step


def mix_pseudo(
    labelled: Sequence[Entry],
    pseudo: Sequence[Entry],
    pseudo_positive: ArrayLike,
    share: float,
    balance: BalanceSettings,
    epoch: int,
    rng: Generator,
    labelled_positive: ArrayLike | None = None,
) -> list[Entry]:
    """The entries of one epoch: labelled ones drawn as `balance` says, and pseudo-labelled ones (row 3.54).

    `share` times as many pseudo-labelled positives and negatives are drawn as the epoch has labelled ones, so that the
    share of positives stays. None comes twice before all of its kind came once. Pass the same generator on and the
    next epoch draws others.

    Args:
        pseudo: may be empty: then the epoch is of labelled ones only.
        pseudo_positive: (n,) which of `pseudo` hold a lesion.
        share: 0.5 for one pseudo-labelled to two labelled ones.
        labelled_positive: (m,) which of `labelled` hold a lesion; masks are read for it otherwise.

    Raises:
        LesionkitError: flags do not match entries, share below 0, or a kind of pseudo label is needed but missing.
    """
    flags = [entry.positive for entry in labelled] if labelled_positive is None else labelled_positive
    positive, pseudo_flags = _flags(flags, labelled, "labelled"), _flags(pseudo_positive, pseudo, "pseudo")
    if share < 0:
        raise LesionkitError(f"share of pseudo labels must be at least 0, got {share}")
    drawn = draw_epoch(positive, epoch, balance, rng)
    entries = [labelled[int(number)] for number in drawn]
    if not len(pseudo) or not share:
        return entries
    n_positive = int(positive[drawn].sum())
    for flag, count in ((True, n_positive), (False, len(drawn) - n_positive)):
        numbers = _drawn(np.flatnonzero(pseudo_flags == flag), round(share * count), flag, rng)
        entries += [pseudo[int(number)] for number in numbers]
    return [entries[int(place)] for place in rng.permutation(len(entries))]


def _flags(values: ArrayLike, entries: Sequence[Entry], name: str) -> NDArray[np.bool_]:
    flags = np.asarray(values, bool)
    if flags.shape != (len(entries),):
        raise LesionkitError(f"each of {len(entries)} {name} entries needs one flag, got an array {flags.shape}")
    return flags


def _drawn(numbers: NDArray[np.int64], count: int, positive: bool, rng: Generator) -> NDArray[np.int64]:
    if not count:
        return numbers[:0]
    if not len(numbers):
        raise LesionkitError(
            f"{count} pseudo labels that are {'positive' if positive else 'negative'} are needed, but the filter kept "
            "none; loosen it or set the share of pseudo labels to 0"
        )
    whole, rest = divmod(count, len(numbers))
    return np.concatenate([np.tile(numbers, whole), rng.choice(numbers, rest, replace=False)])
