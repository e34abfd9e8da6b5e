"""A prepared CT and the region proposal network -> ranked candidates in the world (system 2, rows 2.37 and 2.38)."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lesionkit.core.case import Case
from lesionkit.core.grid import Box
from lesionkit.core.image import Beyond, Image, read_beyond
from lesionkit.core.lesion import Candidate
from lesionkit.core.pieces import Pieces, quiet
from lesionkit.infer.detect import as_candidates, merge, near, reaches_end, searched_mask
from lesionkit.infer.look_again import looked_at_again
from lesionkit.infer.rpn_settings import RpnInferSettings
from lesionkit.infer.suppress import suppress
from lesionkit.infer.windows import WindowRule, windows_over
from lesionkit.nets.intensity import scale_hu
from lesionkit.nets.precision import pick_precision
from lesionkit.nets.rpn.anchors import PER_ANCHOR, as_anchors
from lesionkit.nets.rpn.rpn_net import RpnNet, for_search

_SPARE = 10
"""Proposals per candidate that may come out: what lies outside the lungs is dropped later."""


class RpnDetector:
    """A network ready to search prepared cases.

    Args:
        net: trained weights.
        device: where to compute.
    """

    def __init__(self, net: RpnNet, settings: RpnInferSettings, device: torch.device) -> None:
        self.settings, self.device, self.anchors = settings, device, net.anchors
        self.rule = WindowRule(settings.largest_window, settings.halo, net.multiple)
        self.type = torch.bfloat16 if pick_precision(settings.precision, device) == "bf16" else torch.float32
        self.net = for_search(net).to(device=device, dtype=self.type)

    def find(self, case: Case, pieces: Pieces = quiet) -> list[Candidate]:
        """Candidates of a prepared case, strongest first; places in world millimetres, scores 0..1.

        Windows cover the lungs alone, and overlap by their margins, of which nothing is taken.

        Args:
            case: prepared at the spacing the network learned on, 1 mm as its anchors mean millimetres; see
                `searched_mask`. The fact "at_scan_end" tells which of its faces are the scan's own.
            pieces: told how many windows there are, and after each that it is searched.
        """
        grid, spacing = case.image.grid, np.array(case.image.grid.spacing_mm)
        mask = searched_mask(case)
        ends = np.array(case.facts.get("at_scan_end", [[False, False]] * 3), bool)
        boxes = windows_over(mask, self.rule)
        found = [np.zeros((0, 5))]
        with pieces(len(boxes)) as done:
            for box in boxes:
                found.append(self._search(case.image, box, ends))
                done()
        balls = self._candidates(np.concatenate(found), mask, spacing)
        look = partial(self._logits, case.image)
        balls = looked_at_again(balls, grid.shape, ends, self.settings.look_again, self.anchors.stride, look)
        return as_candidates(balls, grid, ends)[: self.settings.limit]

    def _candidates(
        self, balls: NDArray[np.float64], mask: NDArray[np.bool_], spacing: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Of proposals (n, 5) in samples those that stay, with diameters in mm; strongest first."""
        settings = self.settings
        inside = (balls[:, 1:4] > -0.5) & (balls[:, 1:4] < np.array(mask.shape) - 0.5)
        balls = balls[inside.all(axis=1)]
        balls = balls[np.argsort(-balls[:, 0], kind="stable")[: settings.proposals]]
        balls = balls[suppress(balls, settings.overlap, _SPARE * settings.limit)]
        balls[:, 4] *= float(np.prod(spacing)) ** (1 / 3)
        balls = merge(balls, settings.merge, settings.merge_mm, spacing)
        return balls[near(mask, balls[:, 1:4], settings.near_lung_mm / spacing)]

    def _search(self, image: Image, box: Box, ends: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Proposals (k, 5) of one window, without those of its margins: score, z, y, x and size in samples."""
        start, shape = self.rule.grown(box)
        said = self._seen(image, start, shape, reaches_end(box, image.grid.shape, ends, self.rule.halo))
        cells = tuple(
            slice((b.start - first) // self.anchors.stride, -(-(b.stop - first) // self.anchors.stride))
            for b, first in zip(box, start, strict=True)
        )
        logit = said[:, 0][(slice(None), *cells)]
        least = float(torch.logit(torch.tensor(self.settings.threshold, dtype=torch.float64)))
        places = torch.nonzero(logit > least)
        score = logit[tuple(places.T)].double().sigmoid()
        places[:, 1:] += torch.tensor([c.start for c in cells], device=places.device)
        values = said.movedim(1, -1)[tuple(places.T)][:, 1:]
        balls = self.anchors.decode(self.anchors.cubes(places[:, 0], places[:, 1:]), values)
        balls[:, :3] += torch.tensor(start, dtype=torch.float64, device=balls.device)
        return np.asarray(torch.cat([score[:, None], balls], dim=1).cpu().numpy())

    def _seen(
        self, image: Image, start: Sequence[int], shape: Sequence[int], at_end: bool, mirror: int | None = None
    ) -> Tensor:
        """What the network says (a, 5, z, y, x) of a box that may reach beyond the image, asked of its mirror image
        along axis `mirror` of z, y, x."""
        location = self._location(image, start, shape)
        ways: tuple[Beyond, ...] = ("mirrored", "continued") if at_end else ("mirrored",)
        axes = (mirror, 2) if self.settings.flip else (mirror,)
        said = []
        for beyond in ways:
            hu = torch.from_numpy(np.ascontiguousarray(read_beyond(image, start, shape, beyond))).to(self.device)
            volume = scale_hu(hu)[None, None].to(self.type)
            said += [self._asked(volume, location, axis) for axis in axes]
        return torch.stack(said).mean(dim=0)

    def _location(self, image: Image, start: Sequence[int], shape: Sequence[int]) -> Tensor:
        """(1, 3, z/4, y/4, x/4) where in the image each cell lies; what is beyond it lies at its face."""
        axes = [
            ((self.anchors.centres(side // self.anchors.stride) + first + 0.5) / size - 0.5).clamp(-0.5, 0.5)
            for first, side, size in zip(start, shape, image.grid.shape, strict=True)
        ]
        return torch.stack(torch.meshgrid(*axes, indexing="ij"))[None].to(device=self.device, dtype=self.type)

    @torch.inference_mode()
    def _asked(self, volume: Tensor, location: Tensor, mirror: int | None) -> Tensor:
        if mirror is None:
            return as_anchors(self.net(volume, location).float())[0]
        maps = self.net(volume.flip(2 + mirror), location.flip(2 + mirror)).float()
        said = as_anchors(maps)[0].flip(2 + mirror)
        sign = torch.ones(PER_ANCHOR, device=said.device)
        sign[1 + mirror] = -1
        return said * sign[:, None, None, None]

    def _logits(
        self, image: Image, start: Sequence[int], shape: Sequence[int], at_end: bool, mirror: int | None
    ) -> Tensor:
        """(a, z, y, x), see `looked_at_again`."""
        return self._seen(image, start, shape, at_end, mirror)[:, 0]
