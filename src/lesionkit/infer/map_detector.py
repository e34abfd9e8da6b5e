"""A prepared CT and a model of others that gives a map, or boxes, of any window -> ranked candidates in the world."""

from collections.abc import Callable

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Box
from lesionkit.core.image import Image, read_padded
from lesionkit.core.lesion import Candidate
from lesionkit.core.pieces import Pieces, quiet
from lesionkit.infer.detect import leaves, merge, near, searched_mask
from lesionkit.infer.detect_settings import InferSettings
from lesionkit.infer.windows import WindowRule, windows_over
from lesionkit.nets.guest.described_settings import DescribedSettings
from lesionkit.nets.guest.script import Outputs

Balls = NDArray[np.float64]
"""(k, 5): score, z, y, x in samples, diameter in samples."""


class MapDetector:
    """A described model ready to search prepared cases.

    Args:
        run: the model, a function of (1, 1, …) float32.
    """

    def __init__(
        self, run: Callable[[NDArray[np.float32]], Outputs], given: DescribedSettings, settings: InferSettings
    ) -> None:
        self.run, self.given, self.settings = run, given, settings
        self.rule = WindowRule(settings.largest_window, given.halo, given.multiple)

    def find(self, case: Case, pieces: Pieces = quiet) -> list[Candidate]:
        """Candidates of a prepared case, strongest first; see `NoduleDetector.find`."""
        grid, mask = case.image.grid, searched_mask(case)
        spacing = np.array(grid.spacing_mm)
        found, boxes = [], self._boxes(mask)
        with pieces(len(boxes)) as done:
            for box in boxes:
                found.append(self._search(case.image, box))
                done()
        balls = np.concatenate([np.zeros((0, 5)), *found])
        balls[:, 4] *= float(np.prod(spacing)) ** (1 / 3)
        balls = merge(balls, self.settings.merge, self.settings.merge_mm, spacing)
        balls = balls[near(mask, balls[:, 1:4], self.settings.near_lung_mm / spacing)]
        ends = np.array(case.facts.get("at_scan_end", [[False, False]] * 3), bool)
        cut = leaves(balls, grid.shape, spacing, ends)
        return [
            Candidate(tuple(float(v) for v in world), float(ball[0]), float(ball[4]), bool(is_cut))
            for ball, world, is_cut in zip(balls, grid.index_to_world(balls[:, 1:4]), cut, strict=True)
        ][: self.settings.limit]

    def _boxes(self, mask: NDArray[np.bool_]) -> list[Box]:
        """What windows are responsible for: of the only size that the model takes, or as large as may be."""
        if self.given.window is None:
            return windows_over(mask, self.rule)
        core = [side - 2 * self.given.halo for side in self.given.window]
        boxes: list[Box] = [()]
        for side, size in zip(core, mask.shape, strict=True):
            boxes = [(*box, slice(start, start + side)) for box in boxes for start in range(0, size, side)]
        return [box for box in boxes if mask[box].any()]

    def _search(self, image: Image, box: Box) -> Balls:
        """What is found in one window, in samples of the image."""
        start, shape = self.rule.grown(box)
        shape = self.given.window or shape
        (low, high), (first, last) = self.given.intensity.range, self.given.intensity.to
        hu = read_padded(image, start, shape, low).astype(np.float32)
        values = np.clip((hu - low) / (high - low), 0, 1) * np.float32(last - first) + np.float32(first)
        outputs = self.run(np.ascontiguousarray(self._turned(values)[None, None], np.float32))
        balls = self._boxed(outputs, shape) if self.given.output == "boxes" else self._mapped(outputs, shape)
        balls = balls[balls[:, 0] >= self.settings.threshold]
        balls[:, 1:4] += start
        inside = [(balls[:, 1 + n] >= b.start - 0.5) & (balls[:, 1 + n] < b.stop - 0.5) for n, b in enumerate(box)]
        return balls[np.logical_and.reduce(inside)]

    def _turned(self, array: NDArray[np.float32]) -> NDArray[np.float32]:
        """A window as the model has its axes; its own inverse where they are (z, y, x)."""
        if self.given.orientation == "RAS":
            array = array[:, ::-1, ::-1]
        return array.transpose(2, 1, 0) if self.given.axes == "xyz" else array

    def _turned_back(self, array: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.given.axes == "xyz":
            array = array.transpose(2, 1, 0)
        return array[:, ::-1, ::-1] if self.given.orientation == "RAS" else array

    def _mapped(self, outputs: Outputs, shape: tuple[int, ...]) -> Balls:
        """Peaks of a map: each piece above the threshold, its size that of what is above half of its peak."""
        found = outputs[0] if outputs else np.zeros(0, np.float32)
        if found.ndim != 5 or found.shape[:2] != (1, 1) or 0 in found.shape:
            raise LesionkitError(
                f"{self.given.file} must give a map of shape (1, 1, z, y, x), got {found.shape}; correct output"
            )
        map_ = self._turned_back(found[0, 0])
        map_ = expit(map_) if self.given.output == "logits" else map_
        step = np.array(shape) / np.array(map_.shape)
        pieces, count = cc3d.connected_components(map_ >= self.settings.threshold, connectivity=26, return_N=True)
        balls = np.zeros((count, 5))
        for number in range(1, count + 1):
            cells = np.argwhere(pieces == number)
            values = map_[tuple(cells.T)]
            strong = values >= values.max() / 2
            place = np.average(cells[strong], axis=0, weights=values[strong])
            volume = np.count_nonzero(strong) * float(np.prod(step))
            balls[number - 1] = (values.max(), *((place + 0.5) * step - 0.5), (6 * volume / np.pi) ** (1 / 3))
        return balls

    def _boxed(self, outputs: Outputs, shape: tuple[int, ...]) -> Balls:
        """Boxes from corner to corner, and their scores."""
        fits = len(outputs) == 2 and outputs[0].ndim == 2 and outputs[0].shape[1] == 6
        if not fits or outputs[1].shape != outputs[0].shape[:1]:
            raise LesionkitError(
                f"{self.given.file} must give boxes (n, 6) and scores (n,), got {[one.shape for one in outputs]}; "
                "correct output"
            )
        corners, scores = outputs[0].astype(float), outputs[1].astype(float)
        order = [2, 1, 0] if self.given.axes == "xyz" else [0, 1, 2]
        low, high = corners[:, :3][:, order], corners[:, 3:][:, order]
        middle, size = (low + high) / 2, np.cbrt(np.prod(np.maximum(high - low, 0), axis=1))
        if self.given.orientation == "RAS":
            middle[:, 1:] = np.array(shape[1:]) - 1 - middle[:, 1:]
        return np.column_stack([scores, middle, size])
