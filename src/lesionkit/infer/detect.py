"""A prepared CT and a net -> ranked candidates in the world."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from lesionkit.core.case import Case
from lesionkit.core.grid import Box
from lesionkit.core.image import Image, read_padded
from lesionkit.core.lesion import Candidate
from lesionkit.infer.detect_settings import InferSettings
from lesionkit.infer.windows import WindowRule, windows_over
from lesionkit.nets.intensity import LOW_HU, scale_hu
from lesionkit.nets.nodule_head import NoduleHead
from lesionkit.nets.nodule_net import NoduleNet, for_inference


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
        self.type = torch.bfloat16 if settings.precision == "bf16" else torch.float32
        self.net = for_inference(net).to(device=device, dtype=self.type)

    def find(self, case: Case) -> list[Candidate]:
        """Candidates of a prepared case, strongest first; places in world millimetres, scores 0..1.

        Args:
            case: prepared at the spacing the net learned on, with a region "lung"; without one everything is searched.
        """
        grid = case.image.grid
        lung = case.regions.get("lung")
        mask = np.ones(grid.shape, bool) if lung is None else np.asarray(lung.read(grid.whole), bool)
        found = [balls for box in windows_over(mask, self.rule) for balls in self._search(case.image, box)]
        balls = merge(np.concatenate(found) if found else np.zeros((0, 5)), self.settings.merge, least=4.0)
        if lung is not None:
            balls = balls[_near(mask, balls[:, 1:4], self.settings.near_lung_mm / grid.spacing_mm[0])]
        mean_mm = float(np.prod(grid.spacing_mm)) ** (1 / 3)
        return [
            Candidate(tuple(float(v) for v in world), float(ball[0]), float(ball[4] * mean_mm))
            for ball, world in zip(balls, grid.index_to_world(balls[:, 1:4]), strict=True)
        ][: self.settings.limit]

    def _search(self, image: Image, box: Box) -> Iterator[NDArray[np.float64]]:
        """Balls (k, 5) of one window in samples of the image."""
        start, shape = self.rule.grown(box)
        hu = torch.from_numpy(read_padded(image, start, shape, fill=LOW_HU)).to(self.device)
        output = self._output(scale_hu(hu)[None, None].to(self.type))
        balls = self.head.decode(output, self.settings.threshold)
        balls[:, 1:4] += start
        # A peak belongs to the window its cell lies in; half a cell of tolerance, doubles are merged afterwards.
        low, high = np.array([b.start for b in box]) - 2.5, np.array([b.stop for b in box]) + 1.5
        yield balls[((balls[:, 1:4] >= low) & (balls[:, 1:4] <= high)).all(axis=1)]

    @torch.inference_mode()
    def _output(self, volume: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.net(volume)[0].float()
        if self.settings.flip:
            mirrored = self.net(volume.flip(4))[0].float().flip(3)
            mirrored[3] *= -1
            output = (output + mirrored) / 2
        return output


def merge(balls: NDArray[np.float64], share: float, least: float) -> NDArray[np.float64]:
    """Keep the strongest of balls that lie closer than `share` of its diameter or `least` samples; strongest first.

    Args:
        balls: (k, 5) score, z, y, x, diameter.
    """
    order = np.argsort(-balls[:, 0], kind="stable")
    balls = balls[order]
    free = np.ones(len(balls), bool)
    for n in range(len(balls)):
        if free[n]:
            reach = max(share * balls[n, 4], least)
            near = ((balls[n + 1 :, 1:4] - balls[n, 1:4]) ** 2).sum(axis=1) < reach**2
            free[n + 1 :] &= ~near
    return balls[free]


def _near(mask: NDArray[np.bool_], places: NDArray[np.float64], reach: float) -> NDArray[np.bool_]:
    """Which places (k, 3) have a set sample within `reach` samples along the axes."""
    r = int(np.ceil(reach))
    result = np.zeros(len(places), bool)
    for n, place in enumerate(np.rint(places).astype(int)):
        low = np.clip(place - r, 0, mask.shape)
        result[n] = bool(mask[tuple(slice(a, b) for a, b in zip(low, np.maximum(place + r + 1, 0), strict=True))].any())
    return result


def search_all(detector: NoduleDetector, cases: Sequence[Case]) -> dict[str, list[Candidate]]:
    """Candidates per case id."""
    return {case.case_id: detector.find(case) for case in cases}
