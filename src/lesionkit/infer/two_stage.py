"""A prepared CT and a chain of networks -> masks, candidates, and whether each is a nodule (systems 0 and 1)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import cc3d
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from lesionkit.core.case import Case
from lesionkit.core.image import ArrayImage, Image, read_beyond
from lesionkit.core.lesion import Candidate
from lesionkit.core.pieces import Pieces, quiet
from lesionkit.infer.detect import as_candidates, merge, near, searched_mask
from lesionkit.infer.two_stage_settings import TwoStageInferSettings
from lesionkit.infer.windows import WindowRule, windows_over
from lesionkit.nets.cube.chain import Chain
from lesionkit.nets.intensity import scale_hu
from lesionkit.nets.precision import pick_precision

_SURE = 1e-4
_SLICES = 16
"""That are drawn at once."""
OUTLINE_MM = (64.0, 96.0)
"""How wide what is looked at is around a place whose outline is asked for; the second where what is drawn reaches an
end of the first."""
NEAR_SAMPLES = 4
"""How far from the middle of a cube what is drawn counts for what a faster model found there."""
NEAR_MM = 5.0
"""How far what is drawn may lie from that place."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """What was drawn in a prepared case.

    Attributes:
        labels: int (z, y, x), 0 where nothing is; piece n has the label n + 1 … in no order.
        probability: float16 (z, y, x), 0 where nobody looked.
    """

    labels: NDArray[np.integer]
    probability: NDArray[np.float16]


class TwoStageDetector:
    """A chain ready to search prepared cases.

    Args:
        chain: trained weights.
        device: where to compute.
    """

    def __init__(self, chain: Chain, settings: TwoStageInferSettings, device: torch.device) -> None:
        self.settings, self.device = settings, device
        self.flat = chain.mask.settings.dimensions == 2
        self.rule = WindowRule(settings.largest_window, settings.halo, chain.mask.multiple, self.flat)
        self.type = torch.bfloat16 if pick_precision(settings.precision, device) == "bf16" else torch.float32
        self.chain = chain.eval().to(device=device, dtype=self.type)

    def find(self, case: Case, pieces: Pieces = quiet) -> list[Candidate]:
        """Candidates of a prepared case, strongest first; places in world millimetres, scores 0..1.

        Args:
            case: prepared at the spacing the networks learned on; see `searched_mask`. The fact "at_scan_end" tells
                which of its faces are the scan's own.
            pieces: told how many windows there are, and after each that it is drawn in.
        """
        balls, rows = self._pieces_judged(case, pieces)
        balls[:, 0] = self.chain.joined(rows)
        grid, spacing = case.image.grid, np.array(case.image.grid.spacing_mm)
        balls = balls[balls[:, 0] >= self.settings.threshold]
        balls = merge(balls, self.settings.merge, self.settings.merge_mm, spacing)
        balls = balls[near(searched_mask(case), balls[:, 1:4], self.settings.near_lung_mm / spacing)]
        ends = np.array(case.facts.get("at_scan_end", [[False, False]] * 3), bool)
        return as_candidates(balls, grid, ends)[: self.settings.limit]

    @property
    def reranks(self) -> bool:
        """Whether the chain learned to rank what a faster model found."""
        return self.chain.settings.rerank is not None

    def rerank(self, case: Case, first: Sequence[Candidate], pieces: Pieces = quiet) -> list[Candidate]:
        """What a faster model found, ranked anew, strongest first; scores 0..1. Places and diameters stay.

        Args:
            case: prepared at the spacing the networks learned on.
            first: found in the same scan.
            pieces: told that there is one.

        Raises:
            LesionkitError: the chain never learned it.
        """
        with pieces(1) as done:
            scores = self.chain.reranked(self.looked_at(case, first))
            done()
        ranked = [replace(one, score=float(score)) for one, score in zip(first, scores, strict=True)]
        strong = [one for one in ranked if one.score >= self.settings.threshold]
        return sorted(strong, key=lambda one: -one.score)[: self.settings.limit]

    def looked_at(self, case: Case, first: Sequence[Candidate]) -> NDArray[np.float64]:
        """(n, 2 + cubes) logits of a faster model, of the network that draws – its highest near the middle of a cube –
        and of those that judge, for what the faster model found."""
        scores = np.clip([one.score for one in first], _SURE, 1 - _SURE)
        centres = np.array([one.centre_mm for one in first]).reshape(-1, 3)
        balls = np.column_stack([scores, case.image.grid.world_to_index(centres), np.zeros(len(first))])
        drawn = np.zeros(len(first))
        for some, cubes in self._cubes(case.image, balls):
            drawn[some] = self._middle(self._said(self._in_slices, cubes))
        return np.column_stack([np.log(scores / (1 - scores)), drawn, self._judged(case.image, balls)])

    def judged(self, case: Case) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """World positions (n, 3) of what was drawn, and (n, 1 + cubes) logits of what each network says of it."""
        balls, rows = self._pieces_judged(case)
        return np.asarray(case.image.grid.index_to_world(balls[:, 1:4])).reshape(-1, 3), rows

    def _pieces_judged(self, case: Case, pieces: Pieces = quiet) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The strongest pieces as balls (n, 5) without scores, and the logits (n, 1 + cubes) of all networks."""
        balls, logits = self._balls(case, self.draw(case, pieces))
        order = np.argsort(-logits, kind="stable")[: self.settings.judged]
        balls = balls[order]
        return balls, np.column_stack([logits[order], self._judged(case.image, balls)])

    def draw(self, case: Case, pieces: Pieces = quiet) -> Drawing:
        """What the first network draws in a prepared case: connected pieces, touching at corners too."""
        probability = np.zeros(case.image.grid.shape, np.float16)
        boxes = windows_over(searched_mask(case), self.rule)
        with pieces(len(boxes)) as done:
            for box in boxes:
                start, shape = self.rule.grown(box)
                seen = self._drawn(self._volume(case.image, start, shape))
                inner = tuple(slice(b.start - s, b.stop - s) for b, s in zip(box, start, strict=True))
                probability[box] = seen[inner]
                done()
        labels = cc3d.connected_components(probability >= self.settings.drawn_from, connectivity=26)
        return Drawing(labels, probability)

    def outline(self, case: Case, centre_mm: Sequence[float]) -> ArrayImage | None:
        """What the first network draws around a place: the piece that is nearest to it, bool (z, y, x) on a part of the
        grid of a prepared case; None where nothing is drawn within a few millimetres.

        Args:
            centre_mm: world position (x, y, z) inside the case.
        """
        for width_mm in OUTLINE_MM:
            drawn = self._around(case, centre_mm, width_mm)
            if drawn is None or not drawn[1]:
                break
        return None if drawn is None else drawn[0]

    def _around(self, case: Case, centre_mm: Sequence[float], width_mm: float) -> tuple[ArrayImage, bool] | None:
        """See `outline`; looked at is a box of this width, and told whether what is drawn reaches an end of it."""
        grid, multiple = case.image.grid, self.rule.multiple
        centre, spacing = grid.world_to_index(centre_mm), np.array(grid.spacing_mm)
        shape = multiple * np.ceil(width_mm / spacing / multiple).astype(int)
        if self.flat:
            shape[0] = int(np.ceil(width_mm / spacing[0]))
        start = np.rint(centre - shape / 2).astype(int)
        seen = self._drawn(self._volume(case.image, start.tolist(), shape.tolist())) >= self.settings.drawn_from
        pieces = cc3d.connected_components(seen, connectivity=26)
        places = np.argwhere(pieces)
        if not len(places):
            return None
        away = np.linalg.norm((places - (centre - start)) * spacing, axis=1)
        if away.min() > NEAR_MM:
            return None
        mine = pieces == pieces[tuple(places[int(away.argmin())])]
        low, stop = np.maximum(start, 0), np.minimum(start + shape, grid.shape)
        inside = tuple(slice(a - s, b - s) for a, b, s in zip(low, stop, start, strict=True))
        box = tuple(slice(int(a), int(b)) for a, b in zip(low, stop, strict=True))
        if not mine[inside].any():
            return None
        there = np.argwhere(mine)
        cut = bool((there.min(axis=0) == 0).any() or (there.max(axis=0) == shape - 1).any())
        return ArrayImage(grid.crop(box), mine[inside]), cut

    def _balls(self, case: Case, pieces: Drawing) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Of each piece that is large enough (0, z, y, x, diameter in mm), and the logit of its highest probability.

        The centre is that of the probabilities' mass; the diameter that of a ball of the piece's volume.
        """
        count = int(pieces.labels.max(initial=0))
        if not count:
            return np.zeros((0, 5)), np.zeros(0)
        numbers = np.arange(1, count + 1)
        voxel_mm3 = case.image.grid.voxel_mm
        volume = np.bincount(pieces.labels.ravel(), minlength=count + 1)[1:] * voxel_mm3
        large = numbers[volume >= self.settings.least_mm3]
        if not len(large):
            return np.zeros((0, 5)), np.zeros(0)
        weight = pieces.probability.astype(np.float32)
        centres = np.array(ndimage.center_of_mass(weight, pieces.labels, large)).reshape(-1, 3)
        ranked = self._through_z(weight, case.image.grid.spacing_mm[0])
        diameter = np.asarray((6 / np.pi * volume[large - 1]) ** (1 / 3), np.float64)
        highest = np.asarray(ndimage.maximum(ranked, pieces.labels, large))
        if self.flat:
            highest = highest * self._like_nodules(pieces, large, diameter, np.array(case.image.grid.spacing_mm))
        highest = np.clip(highest, _SURE, 1 - _SURE)
        return np.column_stack([np.zeros(len(large)), centres, diameter]), np.log(highest / (1 - highest))

    def _like_nodules(
        self, pieces: Drawing, large: NDArray[np.int_], diameter: NDArray[np.float64], spacing: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Of bodies made of slices, 0..1 how much they look like nodules: which are round, and of some size."""
        boxes = cc3d.statistics(pieces.labels)["bounding_boxes"]
        sides = np.array([[side.stop - side.start for side in boxes[n]] for n in large])
        longest = (sides * spacing).max(axis=1)
        size = np.minimum(diameter / max(self.settings.full_mm, 1e-6), 1) if self.settings.full_mm else 1.0
        return np.asarray(np.minimum(diameter / longest, 1) ** self.settings.roundness * size)

    def _through_z(self, probability: NDArray[np.float32], step_mm: float) -> NDArray[np.float32]:
        """Of slices that were drawn one by one, the mean over neighbours: what is in one slice alone is no nodule."""
        slices = round(self.settings.lasting_mm / step_mm) if self.flat else 1
        if slices <= 1:
            return probability
        return np.asarray(ndimage.uniform_filter1d(probability, slices, axis=0, mode="nearest"), np.float32)

    def _judged(self, image: Image, balls: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, cubes) logits of the classifiers around the centre of each ball."""
        logits = np.zeros((len(balls), len(self.chain.cubes)))
        for some, cubes in self._cubes(image, balls) if len(self.chain.cubes) else ():
            for number, net in enumerate(self.chain.cubes):
                logits[some, number] = self._said(net, cubes)
        return logits

    def _cubes(self, image: Image, balls: NDArray[np.float64]) -> Iterator[tuple[slice, torch.Tensor]]:
        """Cubes (b, 1, z, y, x) around the centres of balls, several at a time, and which they are."""
        side = self.chain.settings.side
        starts = np.rint(balls[:, 1:4] - (side - 1) / 2).astype(int)
        for first in range(0, len(balls), self.settings.batch):
            some = starts[first : first + self.settings.batch]
            cubes = torch.cat([self._volume(image, start.tolist(), (side,) * 3) for start in some])
            yield slice(first, first + len(some)), cubes

    def _middle(self, said: NDArray[np.float32]) -> NDArray[np.float32]:
        """(b,) highest logits of drawings (b, 1, z, y, x) within a few samples of the middle."""
        side = self.chain.settings.side
        near = slice(max(side // 2 - NEAR_SAMPLES, 0), side // 2 + NEAR_SAMPLES)
        limit = float(np.log(1 / _SURE - 1))
        highest: NDArray[np.float32] = said[:, 0, near, near, near].max(axis=(1, 2, 3))
        return np.clip(highest, -limit, limit)

    @torch.inference_mode()
    def _drawn(self, volume: torch.Tensor) -> NDArray[np.float32]:
        return np.asarray(self._in_slices(volume)[0, 0].float().sigmoid().cpu().numpy())

    def _in_slices(self, volume: torch.Tensor) -> torch.Tensor:
        """Logits of the network that draws, (b, 1, z, y, x) of as many samples; one of two dimensions sees slices."""
        if not self.flat:
            return torch.Tensor(self.chain.mask(volume))
        slices = volume.transpose(1, 2).flatten(0, 1)  # b·z 1 y x
        drawn = torch.cat([self.chain.mask(some) for some in torch.split(slices, _SLICES)])
        return drawn.reshape(len(volume), -1, *drawn.shape[1:]).transpose(1, 2)

    @torch.inference_mode()
    def _said(self, net: Callable[[torch.Tensor], torch.Tensor], cubes: torch.Tensor) -> NDArray[np.float32]:
        return np.asarray(net(cubes).float().cpu().numpy())

    def _volume(self, image: Image, start: Sequence[int], shape: Sequence[int]) -> torch.Tensor:
        """A box as the networks want it, (1, 1, z, y, x)."""
        hu = torch.from_numpy(np.ascontiguousarray(read_beyond(image, start, shape, "mirrored"))).to(self.device)
        return scale_hu(hu)[None, None].to(self.type)
