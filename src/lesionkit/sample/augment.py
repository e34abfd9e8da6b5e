"""Patches as other scanners, doses and patients would have given them; places move along with the samples."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage
from torch.nn import functional

from lesionkit.sample.augment_settings import AugmentSettings
from lesionkit.sample.patch import Patch


def augment(patch: Patch, side: int, settings: AugmentSettings, rng: Generator) -> Patch:
    """A changed patch of `side` samples per axis; truth and ignored places move with the samples."""
    if settings.offset and rng.random() < settings.offset:
        patch = offset(patch, rng.random(3))
    hu, (shortest, longest) = patch.hu, settings.thick_samples
    if rng.random() < settings.thick:
        hu = thicker_slices(hu, int(rng.integers(shortest, longest + 1)), int(rng.integers(0, longest)))
    if rng.random() < settings.kernel:
        hu = another_kernel(hu, rng)
    patch = resized(replace(patch, hu=hu), side)
    if rng.random() < settings.turn:
        axes, flips = rng.permutation(3), rng.random(3) < 0.5
        patch = turned(patch, tuple(int(a) for a in axes), tuple(bool(f) for f in flips))
    if any(settings.flip):
        patch = turned(patch, (0, 1, 2), tuple(bool(f) for f in rng.random(3) < np.array(settings.flip)))
    hu = other_values(patch.hu, settings, rng)
    if rng.random() < settings.noise:
        hu = hu + noise_like(hu.shape, rng.uniform(0, settings.noise_hu), rng)
    return replace(patch, hu=np.ascontiguousarray(hu, np.float32))


def thicker_slices(hu: NDArray[np.float32], slices: int, first: int = 0) -> NDArray[np.float32]:
    """What a scan with slices of `slices` samples along z would show after linear interpolation back.

    Args:
        hu: (z, y, x).
        first: sample at which the first thick slice starts, modulo `slices`.
    """
    depth = hu.shape[0]
    starts = np.arange(first % slices - slices, depth, slices)
    means = np.stack([hu[max(a, 0) : max(a + slices, 1)].mean(axis=0) for a in starts])
    place = np.clip((np.arange(depth) - (starts[0] + (slices - 1) / 2)) / slices, 0, len(starts) - 1)
    below = np.minimum(place.astype(int), len(starts) - 2) if len(starts) > 1 else np.zeros(depth, int)
    above = np.minimum(below + 1, len(starts) - 1)
    share = (place - below).astype(np.float32)[:, None, None]
    result: NDArray[np.float32] = means[below] * (1 - share) + means[above] * share
    return result


def offset(patch: Patch, shares: NDArray[np.float64]) -> Patch:
    """The patch as a lattice `shares` (3,) of a sample further along each axis sees it, linear; the last face stays."""

    def seen(volume: NDArray[np.float32]) -> NDArray[np.float32]:
        for axis, share in enumerate(shares):
            last = np.take(volume, [-1], axis)
            beyond = np.concatenate([np.take(volume, range(1, volume.shape[axis]), axis), last], axis)
            volume = volume + np.float32(share) * (beyond - volume)
        return volume

    moved = np.array([*shares, 0.0])
    frame = _framed(patch, np.eye(3), shares)
    return replace(_with_volumes(patch, seen), balls=patch.balls - moved, ignored=patch.ignored - moved, frame=frame)


def resized(patch: Patch, side: int) -> Patch:
    """The patch at `side` samples per axis, trilinear; a cell's edge, not its centre, stays at the patch's edge."""
    old = patch.hu.shape[0]
    if old == side:
        return patch
    zoom = side / old

    def seen(volume: NDArray[np.float32]) -> NDArray[np.float32]:
        given = torch.from_numpy(np.ascontiguousarray(volume))[None, None]
        new = functional.interpolate(given, size=(side, side, side), mode="trilinear", align_corners=False)
        return np.asarray(new[0, 0].numpy())

    def moved(balls: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack([(balls[:, :3] + 0.5) * zoom - 0.5, balls[:, 3] * zoom])

    frame = _framed(patch, np.eye(3) / zoom, np.full(3, 0.5 / zoom - 0.5))
    return replace(_with_volumes(patch, seen), balls=moved(patch.balls), ignored=moved(patch.ignored), frame=frame)


def turned(patch: Patch, axes: tuple[int, ...], flips: tuple[bool, ...]) -> Patch:
    """The patch transposed so that new axis n is old axis `axes[n]`, then flipped where `flips` says."""
    sides = np.array(patch.hu.shape)[list(axes)]

    def seen(volume: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.flip(volume.transpose(axes), tuple(a for a, f in enumerate(flips) if f))

    def moved(balls: NDArray[np.float64]) -> NDArray[np.float64]:
        places = balls[:, list(axes)]
        return np.column_stack([np.where(flips, sides - 1 - places, places), balls[:, 3]])

    # Sample i of new axis n was sample i, or the one as far from the other end, of old axis axes[n].
    matrix, shift = np.zeros((3, 3)), np.zeros(3)
    for new, (old, flipped) in enumerate(zip(axes, flips, strict=True)):
        matrix[old, new] = -1 if flipped else 1
        shift[old] = sides[new] - 1 if flipped else 0
    frame = _framed(patch, matrix, shift)
    return replace(_with_volumes(patch, seen), balls=moved(patch.balls), ignored=moved(patch.ignored), frame=frame)


def _framed(patch: Patch, matrix: NDArray[np.float64], shift: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """The frame of a patch whose new sample s was its sample matrix @ s + shift."""
    if patch.frame is None:
        return None
    linear = patch.frame[:, :3]
    return np.column_stack([linear @ matrix, linear @ shift + patch.frame[:, 3]])


def _with_volumes(patch: Patch, seen: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> Patch:
    """The patch with its samples, and what is drawn on them, changed alike."""
    return replace(patch, hu=seen(patch.hu), drawn=None if patch.drawn is None else seen(patch.drawn))


def other_values(hu: NDArray[np.float32], settings: AugmentSettings, rng: Generator) -> NDArray[np.float32]:
    """All values shifted, and their contrast around -850 HU changed."""
    if not (settings.scale or settings.shift_hu):
        return hu
    contrast = 1 + rng.uniform(-settings.scale, settings.scale)
    shift = np.float32(rng.uniform(-settings.shift_hu, settings.shift_hu))
    return np.asarray((hu + 850) * np.float32(contrast) - 850 + shift, np.float32)


def another_kernel(hu: NDArray[np.float32], rng: Generator) -> NDArray[np.float32]:
    """The volume (z, y, x) as a smoother or a sharper reconstruction in the plane would show it."""
    smooth: NDArray[np.float32] = ndimage.gaussian_filter(hu, (0, *[rng.uniform(0.4, 1.0)] * 2), truncate=2.0)
    return smooth if rng.random() < 0.5 else hu + np.float32(rng.uniform(0.3, 1.0)) * (hu - smooth)


def noise_like(shape: tuple[int, ...], sigma_hu: float, rng: Generator) -> NDArray[np.float32]:
    """Noise of a standard deviation, most of it with the texture of a reconstruction."""
    noise = rng.standard_normal(shape, dtype=np.float32)
    if rng.random() < 0.7:
        noise = ndimage.gaussian_filter(noise, rng.uniform(0.4, 1.0), truncate=2.0)
        noise /= max(float(noise.std()), 1e-6)
    return noise * np.float32(sigma_hu)
