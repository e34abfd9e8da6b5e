"""The augmentations of the five best of SIIM-ACR, with their published numbers, as values made of steps, and ours.

A step takes a picture and a generator and gives a changed picture; image and mask move together. `AUGMENTATIONS` names
the winners' and "rooms", ours for pictures of other rooms than one learns from. Numbers in pixels hold at the size the
pictures have when they come.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from numpy.random import Generator

from lesionkit.sample.film_2d import GridLines, Inverted, Letters, Noise, Sharpness, Shutters, Slope, Window
from lesionkit.sample.tone_2d import BoxBlur, Brightness, Clahe, Contrast, Gamma, GaussianBlur, MedianBlur, MotionBlur
from lesionkit.sample.warp_2d import (
    Crop,
    CropSides,
    Elastic,
    Erase,
    Flip,
    GridDistortion,
    OpticalDistortion,
    Picture,
    Rescale,
    ShiftScaleRotate,
)


class Step(Protocol):
    """What every augmentation is."""

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        """A changed picture; the given one stays as it is."""
        ...


@dataclass(frozen=True)
class Sometimes:
    """A step with the given chance."""

    chance: float
    step: Step

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        return self.step(picture, rng) if rng.random() < self.chance else picture


@dataclass(frozen=True)
class OneOf:
    """With the given chance exactly one of the steps, each as likely as the others."""

    chance: float
    steps: tuple[Step, ...]

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        if rng.random() >= self.chance:
            return picture
        return self.steps[int(rng.integers(len(self.steps)))](picture, rng)


@dataclass(frozen=True)
class All:
    """One step after the other."""

    steps: tuple[Step, ...]

    def __call__(self, picture: Picture, rng: Generator) -> Picture:
        for step in self.steps:
            picture = step(picture, rng)
        return picture


_distortions = OneOf(0.3, (Elastic(120, 6, 3.6), GridDistortion(5, 0.3), OpticalDistortion(2, 0.5)))

AUGMENTATIONS: Mapping[str, Step] = MappingProxyType(
    {
        "none": All(()),
        # Row 3.22.
        "1st": All(
            (
                Sometimes(0.5, Flip()),
                OneOf(0.3, (Contrast(0.2), Gamma(0.8, 1.2), Brightness(0.2))),
                _distortions,
                Sometimes(0.5, ShiftScaleRotate(0.0625, 0.1, 45, "reflect")),
            )
        ),
        # Row 3.34; a limit of 4 draws from the odd kernels up to it, which is 3.
        "2nd": All(
            (
                OneOf(0.9, (Gamma(0.6, 1.2), All((Contrast(0.2), Brightness(0.2))), Clahe(4, 4))),
                OneOf(0.5, (BoxBlur(3), MotionBlur(3), MedianBlur(3))),
                Sometimes(0.5, Flip()),
                ShiftScaleRotate(0.2, 0.2, 20, "zero"),
            )
        ),
        # Row 3.63, "aug9": exactly one of eight.
        "3rd": OneOf(
            1.0,
            (
                All(()),
                Flip(),
                ShiftScaleRotate(0, 0, 30, "zero"),
                CropSides(0.1),
                Erase((0.2, 0.2), square=True),
                Contrast(0.2),
                Brightness(0.2),
                GaussianBlur(0.3),
            ),
        ),
        # Row 3.83, and the crop of 512 from 768 of row 3.82.
        "4th": All(
            (
                Crop(512),
                Sometimes(0.5, Flip()),
                Sometimes(0.3, All((Contrast(0.2), Brightness(0.2)))),
                _distortions,
                Sometimes(0.5, ShiftScaleRotate(0.2, 0.2, 20, "zero")),
            )
        ),
        # Row 3.108.
        "5th": All(
            (
                Rescale((0.85, 1.0, 1.15), centred=0.5),
                Sometimes(0.5, Flip()),
                Sometimes(0.5, Erase((5, 15))),
                ShiftScaleRotate(0, 0, 25, "zero"),
                Sometimes(0.5, Contrast(0.05)),
            )
        ),
        # Ours: what differs between hospitals, for a model that learns from few of them; numbers for 256 pixels.
        "rooms": All(
            (
                Sometimes(0.5, Flip()),
                Sometimes(0.4, CropSides(0.12)),
                Sometimes(0.6, ShiftScaleRotate(0.05, 0.12, 12, "zero")),
                Sometimes(0.7, Gamma(0.55, 1.7)),
                Sometimes(0.6, Window(0.12, 0.25)),
                Sometimes(0.3, Slope(0.2)),
                Sometimes(0.15, Clahe(4, 4)),
                Sometimes(0.5, Sharpness(0.9, 1.5)),
                Sometimes(0.5, Noise(0.03)),
                Sometimes(0.08, GridLines(0.03)),
                Sometimes(0.3, Letters()),
                Sometimes(0.2, Shutters(0.06)),
                Sometimes(0.04, Inverted()),
            )
        ),
    }
)
"""By name; "none" is for validation."""
