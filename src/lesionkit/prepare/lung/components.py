"""Which pieces of air are lung: probes, volume, distance to the central axis, cut and retry (rows 0.8, 2.6–2.10)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lesionkit.prepare.lung.settings import LungSettings
from lesionkit.prepare.lung.shape import dilate_steps
from lesionkit.prepare.pieces import Labels, Mask, label_pieces


@dataclass(frozen=True)
class AxisRule:
    """Pieces must come near the central axis in the slices where they are large."""

    area_mm2: float
    distance_mm: float
    keep_largest: int = 0


@dataclass(frozen=True)
class Choice:
    """The pieces that were kept, and if there are none, why."""

    mask: Mask
    reason: str | None = None


def choose_lungs(
    air: Mask, hu: NDArray[np.int16], spacing_mm: tuple[float, ...], settings: LungSettings, relaxed: bool = False
) -> Choice:
    """The pieces of air that are lung; an empty mask and the reason where none is.

    While none survives, `cut_step` more slices are cut off the head end (shoulders and windpipe may tie the lungs
    to the air outside), and the mask is grown back into them afterwards.
    """
    rule = AxisRule(settings.axis_area_mm2, settings.axis_distance_mm, settings.keep_largest)
    if relaxed:
        rule = AxisRule(settings.relaxed_axis_area_mm2, settings.relaxed_axis_distance_mm, 2)
    choice = _choose(air, hu, spacing_mm, settings, rule)
    tries = settings.max_cuts if settings.cut_step else 0
    for cut in range(settings.cut_step, min(tries * settings.cut_step + 1, len(air)), max(settings.cut_step, 1)):
        if choice.reason is None:
            break
        kept = len(air) - cut
        retry = _choose(air[:kept], hu[:kept], spacing_mm, settings, rule)
        if retry.reason is None:
            choice = Choice(_grow_back(retry.mask, air, cut))
    return choice


def _choose(
    air: Mask, hu: NDArray[np.int16], spacing_mm: tuple[float, ...], settings: LungSettings, rule: AxisRule
) -> Choice:
    labels, count = label_pieces(air, 6)
    if count == 0:
        return Choice(air, f"no air below {settings.threshold_hu:g} HU inside the body")
    voxel_l = spacing_mm[0] * spacing_mm[1] * spacing_mm[2] * 1e-6
    volume = np.bincount(labels.ravel(), minlength=count + 1) * voxel_l
    volume[0] = 0
    if settings.probe:
        volume[_probed(labels)] = 0
    if not volume.any():
        return Choice(np.zeros_like(air), "all air touches the edge of the image")
    fits = (volume >= settings.min_volume_l) & (volume <= settings.max_volume_l) & (volume > 0)
    if not fits.any():
        return Choice(
            np.zeros_like(air),
            f"the largest piece of air has {volume.max():.2f} L, "
            f"lungs have {settings.min_volume_l:g} to {settings.max_volume_l:g} L",
        )
    names = np.flatnonzero(fits)
    names = names[np.argsort(-volume[names], kind="stable")]
    if settings.gas_hu > -1024:
        names = np.array([n for n in names if np.median(hu[labels == n]) >= settings.gas_hu], dtype=int)
    if rule.distance_mm:
        names = names[near_axis(labels, names, spacing_mm, rule)]
    if len(names) == 0:
        return Choice(
            np.zeros_like(air),
            f"no piece of air comes within {rule.distance_mm:g} mm of the central axis "
            f"where it is larger than {rule.area_mm2:g} mm2",
        )
    if rule.keep_largest:
        names = names[: rule.keep_largest]
    keep = np.zeros(count + 1, dtype=bool)
    keep[names] = True
    return Choice(keep[labels])


def _probed(labels: Labels) -> Labels:
    """Labels at the four corners and two edge midpoints of the first and the last slice."""
    middle = labels.shape[2] // 2
    planes = labels[[0, -1]]
    return np.concatenate([planes[:, [0, -1]][:, :, [0, middle, -1]].ravel()])


def near_axis(
    labels: Labels, names: NDArray[np.intp], spacing_mm: tuple[float, ...], rule: AxisRule
) -> NDArray[np.bool_]:
    """For each name whether its piece keeps the central-axis rule.

    The distance of a slice is that of the piece's sample nearest to the slice centre; it is averaged over the slices
    where the piece is larger than `rule.area_mm2`. A piece that never is, is dropped.
    """
    _, height, width = labels.shape
    y = (np.arange(height) - (height - 1) / 2) * spacing_mm[1]
    x = (np.arange(width) - (width - 1) / 2) * spacing_mm[2]
    distance = np.sqrt(y[:, None] ** 2 + x**2)
    keeps = []
    for name in names:
        distances = []
        for plane in labels:
            piece = plane == name
            if np.count_nonzero(piece) * spacing_mm[1] * spacing_mm[2] > rule.area_mm2:
                distances.append(distance[piece].min())
        keeps.append(bool(distances) and float(np.mean(distances)) < rule.distance_mm)
    return np.array(keeps, dtype=bool)


def _grow_back(mask: Mask, air: Mask, cut: int) -> Mask:
    """The mask of a shortened volume, grown by `cut` steps into the slices that were cut off."""
    whole = np.concatenate([mask, air[len(mask) :]])
    grown = dilate_steps(np.concatenate([mask, np.zeros_like(air[len(mask) :])]), cut) & whole
    labels, count = label_pieces(grown, 6)
    keep = np.zeros(count + 1, dtype=bool)
    keep[np.unique(labels[: len(mask)][mask])] = True
    keep[0] = False
    return keep[labels]
