"""Cubes of CT, and whether there is a lesion in their middle: what a classifier learns from."""

from dataclasses import replace

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from lesionkit.core.errors import LesionkitError
from lesionkit.sample.augment import augment
from lesionkit.sample.cube_settings import CubeSettings
from lesionkit.sample.draw import PatchDraws, augment_zoom
from lesionkit.sample.draw_settings import SampleSettings
from lesionkit.sample.patch import Patch

_TRIES = 50
_AROUND = 2.5
"""Nodules are inserted into patches so many times as wide as a cube; most then lie far enough from the faces."""


def around_middle(settings: SampleSettings, cubes: CubeSettings) -> SampleSettings:
    """Settings of the `PatchDraws` that cubes are cut by: lesions and false positives within `shift` of the middle."""
    return settings.model_copy(
        update={"patch": cubes.side, "edge_samples": max(round(cubes.side / 2 - cubes.shift), 0)}
    )


class CubeDraws(Dataset[dict[str, Tensor]]):
    """An endless deck of cubes: number `i` is the same cube whenever and wherever it is drawn.

    Args:
        patches: cases, what inserts nodules, false positives and augmentation, with settings of `around_middle`.
        length: how many cubes there are.
    """

    def __init__(self, patches: PatchDraws, settings: CubeSettings, *, seed: int, length: int) -> None:
        self.patches, self.settings, self.seed, self.length = patches, settings, seed, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        patch, positive = self.draw(number)
        return {"hu": torch.from_numpy(np.ascontiguousarray(patch.hu[None])), "positive": torch.tensor(float(positive))}

    def draw(self, number: int) -> tuple[Patch, bool]:
        """Cube `number`, augmented, and whether it is of a lesion.

        Raises:
            LesionkitError: lesions are everywhere, so that no place is without; or nodules find no room.
        """
        rng = np.random.default_rng([self.seed, number, 32])
        positive = bool(rng.random() < self.settings.positive_share)
        for _ in range(_TRIES):
            side = round(self.settings.side / augment_zoom(rng, self.patches.settings.augment))
            patch = self._positive(rng, side) if positive else self._negative(rng, side)
            if patch is not None:
                return augment(patch, self.settings.side, self.patches.settings.augment, rng), positive
        wanted = "a lesion" if positive else "a place without a lesion"
        raise LesionkitError(
            f"a classifier learns from places with and without lesions, but {wanted} was not found in {_TRIES} tries; "
            "give scans with more of both"
        )

    def _positive(self, rng: Generator, side: int) -> Patch | None:
        shares = self.patches.settings
        both = shares.lesion_share + shares.insert_share
        true = self.patches.has_lesions and (self.patches.insert is None or rng.random() * both < shares.lesion_share)
        if true:
            return self.patches.of_kind("lesion", rng, side)
        wide = self.patches.of_kind("inserted", rng, round(_AROUND * side))
        shift = rng.uniform(-self.settings.shift, self.settings.shift, 3)
        for ball in wide.balls[::-1]:  # What was inserted comes last.
            start = np.rint(ball[:3] + shift - side / 2).astype(int)
            if (start >= 0).all() and (start + side <= wide.hu.shape[0]).all():
                return _cut(wide, start, side)
        return None

    def _negative(self, rng: Generator, side: int) -> Patch | None:
        patch = self.patches.of_kind("hard" if rng.random() < self.settings.hard_share else "lung", rng, side)
        return None if _has_lesion(patch, self.settings.shift) else patch


def _cut(patch: Patch, start: NDArray[np.int_], side: int) -> Patch:
    """The cube of `side` samples at `start` of a patch."""
    box = tuple(slice(int(a), int(a) + side) for a in start)
    moved = np.array([*start, 0.0])
    return replace(
        patch,
        hu=patch.hu[box],
        balls=patch.balls - moved,
        ignored=patch.ignored - moved,
        drawn=None if patch.drawn is None else patch.drawn[box],
    )


def _has_lesion(patch: Patch, shift: float) -> bool:
    """Whether the middle lies in a lesion, or in a finding that counts neither way, or nearly so."""
    balls = np.concatenate([patch.balls, patch.ignored])
    away = np.linalg.norm(balls[:, :3] - (np.array(patch.hu.shape) - 1) / 2, axis=1)
    return bool((away <= balls[:, 3] / 2 + shift).any())
