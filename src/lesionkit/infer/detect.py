"""A prepared CT and a net -> ranked candidates in the world."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from lesionkit.core.case import Case
from lesionkit.core.grid import Box, Grid
from lesionkit.core.image import Beyond, Image, read_beyond
from lesionkit.core.lesion import Candidate
from lesionkit.core.pieces import Pieces, quiet
from lesionkit.infer.detect_settings import InferSettings
from lesionkit.infer.look_again import looked_at_again
from lesionkit.infer.windows import WindowRule, windows_over
from lesionkit.nets.features import FeatureTap
from lesionkit.nets.intensity import scale_hu
from lesionkit.nets.nodule_head import NoduleHead
from lesionkit.nets.nodule_net import NoduleNet, for_inference
from lesionkit.nets.precision import pick_precision


class NoduleDetector:
    """A net ready to search prepared cases.

    Args:
        net: trained weights.
        device: where to compute.
    """

    def __init__(self, net: NoduleNet, settings: InferSettings, device: torch.device) -> None:
        self.settings, self.device = settings, device
        self.head = NoduleHead(stride=net.stride)
        self.rule = WindowRule(settings.largest_window, settings.halo, net.multiple)
        self.type = torch.bfloat16 if pick_precision(settings.precision, device) == "bf16" else torch.float32
        self.net = for_inference(net).to(device=device, dtype=self.type)
        self.tap = FeatureTap(self.net)
        """After `find`, what the net saw of the lungs."""

    def find(self, case: Case, pieces: Pieces = quiet) -> list[Candidate]:
        """Candidates of a prepared case, strongest first; places in world millimetres, scores 0..1.

        Args:
            case: prepared at the spacing the net learned on; see `searched_mask`. The fact "at_scan_end" tells which
                of its faces are the scan's own; those of cases without it are none.
            pieces: told how many windows there are, and after each that it is searched.
        """
        grid = case.image.grid
        mask = searched_mask(case)
        ends = np.array(case.facts.get("at_scan_end", [[False, False]] * 3), bool)
        self.tap.blocks()
        found: list[NDArray[np.float64]] = []
        boxes = windows_over(mask, self.rule)
        with pieces(len(boxes)) as done:
            for box in boxes:
                found += self._search(case.image, box, ends)
                self._keep_features(mask, box)
                done()
        balls = np.concatenate(found) if found else np.zeros((0, 5))
        # What lies beyond the scan is thought up.
        balls = balls[((balls[:, 1:4] > -0.5) & (balls[:, 1:4] < np.array(grid.shape) - 0.5)).all(axis=1)]
        spacing = np.array(grid.spacing_mm)
        balls[:, 4] *= float(np.prod(spacing)) ** (1 / 3)
        balls = merge(balls, self.settings.merge, self.settings.merge_mm, spacing)
        balls = balls[near(mask, balls[:, 1:4], self.settings.near_lung_mm / spacing)]
        look = partial(self._logits, case.image)
        balls = looked_at_again(balls, grid.shape, ends, self.settings.look_again, self.head.stride, look)
        return as_candidates(balls, grid, ends)[: self.settings.limit]

    def _search(self, image: Image, box: Box, ends: NDArray[np.bool_]) -> Iterator[NDArray[np.float64]]:
        """Balls (k, 5) of one window in samples of the image."""
        start, shape = self.rule.grown(box)
        output = self._seen(image, start, shape, reaches_end(box, image.grid.shape, ends, self.rule.halo))
        balls = self.head.decode(output, self.settings.threshold)
        balls[:, 1:4] += start
        # A peak belongs to the window its cell lies in; half a cell of tolerance, doubles are merged afterwards.
        low, high = np.array([b.start for b in box]) - 2.5, np.array([b.stop for b in box]) + 1.5
        yield balls[((balls[:, 1:4] >= low) & (balls[:, 1:4] <= high)).all(axis=1)]

    def _seen(
        self, image: Image, start: Sequence[int], shape: Sequence[int], at_end: bool, mirror: int | None = None
    ) -> torch.Tensor:
        """What the net says (5, z, y, x) of a box that may reach beyond the image; see `_output` for `mirror`."""
        output = self._output(self._volume(image, start, shape, "mirrored"), mirror)
        if at_end:
            # A vessel that is cut looks like a ball beside its mirror image, and a nodule like a vessel if the last
            # slice goes on for ever; what both show is believed.
            output = (output + self._output(self._volume(image, start, shape, "continued"), mirror)) / 2
        return output

    def _logits(
        self, image: Image, start: Sequence[int], shape: Sequence[int], at_end: bool, mirror: int | None
    ) -> torch.Tensor:
        """(1, z, y, x), see `looked_at_again`."""
        return self._seen(image, start, shape, at_end, mirror)[:1]

    def _keep_features(self, mask: NDArray[np.bool_], box: Box) -> None:
        """Keep what the net saw where a window has the lung that it is responsible for."""
        start, shape = self.rule.grown(box)
        centres, inside = [], []
        for first, size, places, side in zip(start, shape, self.tap.shape, box, strict=False):
            centre = first + (np.arange(places) * 2 + 1) * size // (2 * places)
            inside.append((centre >= side.start) & (centre < side.stop))
            centres.append(centre.clip(side.start, side.stop - 1))
        if len(centres) == mask.ndim:
            own = inside[0][:, None, None] & inside[1][:, None] & inside[2]
            self.tap.keep(mask[np.ix_(*centres)] & own)

    def _volume(self, image: Image, start: Sequence[int], shape: Sequence[int], beyond: Beyond) -> torch.Tensor:
        """A window with its context as the net wants it, (1, 1, z, y, x)."""
        hu = torch.from_numpy(np.ascontiguousarray(read_beyond(image, start, shape, beyond))).to(self.device)
        return scale_hu(hu)[None, None].to(self.type)

    @torch.inference_mode()
    def _output(self, volume: torch.Tensor, mirror: int | None = None) -> torch.Tensor:
        """Maps (5, z, y, x) of a volume (1, 1, z, y, x); asked of its mirror image along axis `mirror` of z, y, x."""
        output = self._asked(volume, mirror)
        if self.settings.flip:
            output = (output + self._asked(volume, 2)) / 2
        return output

    def _asked(self, volume: torch.Tensor, mirror: int | None) -> torch.Tensor:
        if mirror is None:
            return torch.Tensor(self.net(volume)[0].float())
        output: torch.Tensor = self.net(volume.flip(2 + mirror))[0].float().flip(1 + mirror)
        output[1 + mirror] *= -1
        return output


def searched_mask(case: Case) -> NDArray[np.bool_]:
    """Where a prepared case is searched (z, y, x): its region "searched", else "lung", else everywhere."""
    region = case.regions.get("searched", case.regions.get("lung"))
    grid = case.image.grid
    return np.ones(grid.shape, bool) if region is None else np.asarray(region.read(grid.whole), bool)


def merge(
    balls: NDArray[np.float64], share: float, least_mm: float, spacing_mm: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Keep the strongest of balls that lie closer than `share` of its diameter or `least_mm`; strongest first.

    Args:
        balls: (k, 5) score, z, y, x in samples, diameter in mm.
        spacing_mm: (z, y, x).
    """
    balls = balls[np.argsort(-balls[:, 0], kind="stable")]
    places = balls[:, 1:4] * spacing_mm
    free = np.ones(len(balls), bool)
    for n in range(len(balls)):
        if free[n]:
            reach = max(share * balls[n, 4], least_mm)
            free[n + 1 :] &= ((places[n + 1 :] - places[n]) ** 2).sum(axis=1) >= reach**2
    return balls[free]


def near(mask: NDArray[np.bool_], places: NDArray[np.float64], reach: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which places (k, 3) have a set sample within `reach` samples (z, y, x) along each axis."""
    low = np.clip(np.ceil(places - reach), 0, mask.shape).astype(int)
    stop = np.clip(np.floor(places + reach) + 1, 0, mask.shape).astype(int)
    boxes = (tuple(slice(a, b) for a, b in zip(*ends, strict=True)) for ends in zip(low, stop, strict=True))
    return np.array([mask[box].any() for box in boxes], bool)


def reaches_end(box: Box, shape: Sequence[int], ends: NDArray[np.bool_], halo: int) -> bool:
    """Whether a window reads beyond the end of the scan."""
    return any(
        (first and side.start < halo) or (last and side.stop > size - halo)
        for side, size, (first, last) in zip(box, shape, ends, strict=True)
    )


def as_candidates(balls: NDArray[np.float64], grid: Grid, ends: NDArray[np.bool_]) -> list[Candidate]:
    """Balls (k, 5) – score, place in samples of a grid, diameter in mm – in the world; see `leaves` for `ends`."""
    cut_off = leaves(balls, grid.shape, np.array(grid.spacing_mm), ends)
    return [
        Candidate(tuple(float(v) for v in world), float(ball[0]), float(ball[4]), bool(cut))
        for ball, world, cut in zip(balls, grid.index_to_world(balls[:, 1:4]), cut_off, strict=True)
    ]


def leaves(
    balls: NDArray[np.float64], shape: Sequence[int], spacing_mm: NDArray[np.float64], ends: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Whether the box around each ball reaches beyond the end of the scan."""
    radius = balls[:, 4:5] / 2 / spacing_mm
    first = (balls[:, 1:4] - radius < -0.5) & ends[:, 0]
    last = (balls[:, 1:4] + radius > np.array(shape) - 0.5) & ends[:, 1]
    return np.asarray((first | last).any(axis=1))
