"""What the networks of CT are looked at on while they learn, and what can be shown and left out to try a training."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing
from lesionkit.learn.mask_figures import WatchedPatch
from lesionkit.learn.watch import CubeWatch, MaskWatch
from lesionkit.learn.watch_settings import WatchSettings
from lesionkit.report.watched import batch_picture, watched_pictures
from lesionkit.sample.augment_settings import NO_AUGMENTATION
from lesionkit.sample.cube_settings import CubeSettings
from lesionkit.sample.cubes import CubeDraws, around_middle
from lesionkit.sample.draw import Drawn, PatchDraws, PatchKind
from lesionkit.sample.draw_settings import SampleSettings
from lesionkit.sample.patch import Patch
from lesionkit.sample.slices import SliceDraws

FIRST_BATCHES = "first batches"
LEAST_COVER, LEAST_MM = 0.1, 12.0
"""Of `debug.fine_and_large` (row 0.3)."""
_WITHOUT_EVERY = 4


def mask_watch(held: Sequence[Case], sample: SampleSettings, settings: WatchSettings, drawn: Drawn) -> MaskWatch | None:
    """Patches of validation cases, three in four around a lesion; None where there is none, or nobody looks.

    Args:
        drawn: see `PatchDraws`.
    """
    if not settings.every or not any(case.truth for case in held):
        return None
    plain = sample.model_copy(update={"augment": NO_AUGMENTATION})
    draws = PatchDraws(held, plain, lambda _: {}, seed=settings.seed, length=settings.patches, drawn=drawn)
    patches = []
    for number in range(settings.patches):
        rng = np.random.default_rng([settings.seed, number, 64])
        kind: PatchKind = "lung" if number % _WITHOUT_EVERY == _WITHOUT_EVERY - 1 else "lesion"
        patches.append(watched(draws.of_kind(kind, rng, sample.patch)))
    return MaskWatch(patches, settings, watched_pictures)


def watched(patch: Patch) -> WatchedPatch:
    """A patch of prepared CT, at 1 mm, as one that is looked at."""
    whole = np.zeros(patch.hu.shape, np.float32) if patch.drawn is None else patch.drawn
    return WatchedPatch(patch.hu, whole, hidden(patch) & (whole == 0), patch.balls)


def hidden(patch: Patch) -> NDArray[np.bool_]:
    """bool (z, y, x): what lies in a finding that counts neither way, or within a sample of it."""
    depth, row, column = np.ogrid[tuple(slice(0, n) for n in patch.hu.shape)]
    ignored = np.zeros(patch.hu.shape, bool)
    for z, y, x, diameter in patch.ignored:
        away = (depth - z) ** 2 + (row - y) ** 2 + (column - x) ** 2
        ignored |= away <= (diameter / 2 + 1) ** 2
    return ignored


def cube_watch(
    held: Sequence[Case], sample: SampleSettings, cubes: CubeSettings, settings: WatchSettings
) -> CubeWatch | None:
    """Cubes of validation cases, with a lesion and without; None where there are not both, or nobody looks.

    Those without are random places in the lungs: what the first network has wrong there is not known yet.
    """
    if not settings.every or not any(case.truth for case in held):
        return None
    plain = sample.model_copy(update={"augment": NO_AUGMENTATION})
    draws = PatchDraws(held, around_middle(plain, cubes), lambda _: {}, seed=settings.seed, length=1)
    deck = CubeDraws(draws, cubes, seed=settings.seed, length=settings.cubes)
    try:
        drawn = [deck.draw(number) for number in range(settings.cubes)]
    except LesionkitError:
        return None
    positive = np.array([label for _, label in drawn])
    if positive.all() or not positive.any():
        return None
    return CubeWatch(np.stack([patch.hu for patch, _ in drawn]).astype(np.float32), positive, settings)


def slice_watch(deck: SliceDraws, settings: WatchSettings) -> MaskWatch | None:
    """Slices that a network which draws in two dimensions is looked at on; None where nobody looks.

    A lesion is a connected piece of what is true in a slice, and its diameter that of a disc of its area.

    Args:
        deck: of cases or outlined slices that validate, not augmented; one of each block is taken.
    """
    if not settings.every:
        return None
    patches = []
    for number in range(settings.patches):
        hu, whole, ignored = deck.draw(number * deck.settings.per_cut)
        patches.append(WatchedPatch(hu, whole, ignored & (whole == 0), _discs(whole >= 0.5), deck.pixel_mm))
    return MaskWatch(patches, settings, watched_pictures)


def _discs(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(n, 3) centre y, x and diameter in samples of the connected pieces of a slice."""
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    numbers = np.arange(1, count + 1)
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    centres = np.array(ndimage.center_of_mass(mask, labels, numbers)).reshape(-1, 2)
    return np.column_stack([centres, 2 * np.sqrt(areas / np.pi)])


def show_batches(folder: Path, items: PatchDraws | CubeDraws | SliceDraws, batch: int, count: int) -> None:
    """Write a picture of each of the first batches, as the network will get them."""
    for number in range(count):
        patches = [_patch(items, number * batch + place) for place in range(batch)]
        with replacing(folder / FIRST_BATCHES / f"batch {number + 1}.png") as temporary:
            Image.fromarray(batch_picture([(one.hu, one.drawn) for one in patches])).save(temporary, "PNG")


def _patch(items: PatchDraws | CubeDraws | SliceDraws, number: int) -> Patch:
    if isinstance(items, SliceDraws):
        hu, whole, _ = items.draw(number)
        return Patch(hu[None], np.zeros((0, 4)), np.zeros((0, 4)), whole[None])
    return items.draw(number)[0] if isinstance(items, CubeDraws) else items.draw(number)


def fine_and_large(cases: Sequence[Case]) -> list[Case]:
    """The cases of which at least a tenth is lung, with their lesions from 12 mm; smaller ones are excluded findings.

    Raises:
        LesionkitError: none is left.
    """
    fine = [case for case in cases if float(case.facts.get("lung_cover_ratio") or 0) >= LEAST_COVER]
    if cases and not fine:
        raise LesionkitError(
            f"debug.fine_and_large keeps scans of which at least {LEAST_COVER:g} is lung, but of {len(cases)} none is; "
            "leave it out"
        )
    return [_with_large(case) for case in fine]


def _with_large(case: Case) -> Case:
    if case.truth is None:
        return case
    large = tuple(lesion for lesion in case.truth if lesion.diameter_mm >= LEAST_MM)
    small = tuple(lesion for lesion in case.truth if lesion.diameter_mm < LEAST_MM)
    return replace(case, truth=large, excluded=(*case.excluded, *small))
