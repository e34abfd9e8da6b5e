"""A prepared CT and MONAI's RetinaNet -> ranked candidates in the world."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from lesionkit.core.case import Case
from lesionkit.core.grid import Box
from lesionkit.core.lesion import Candidate
from lesionkit.core.pieces import Pieces, quiet
from lesionkit.infer.detect import leaves, near, searched_mask
from lesionkit.infer.detect_settings import InferSettings
from lesionkit.infer.retina_maps import RetinaMaps
from lesionkit.nets.guest.retina import RetinaBoxes
from lesionkit.nets.guest.retina_settings import RetinaSettings
from lesionkit.nets.precision import pick_precision

BYTES = 50
"""Of maps that are held in memory, for each sample of `InferSettings.largest_window`; as much is computed with."""


class RetinaDetector:
    """A RetinaNet ready to search prepared cases; what it does with boxes is what its bundle says.

    Args:
        net: MONAI's, in evaluation mode.
        given: its input and the choice of boxes, from the bundle.
        settings: the score below which candidates are dropped, how near the lungs they lie, how many are kept, the
            precision, and the memory; its other fields are of other detectors.
        device: where to compute.
    """

    def __init__(self, net: Any, given: RetinaSettings, settings: InferSettings, device: torch.device) -> None:
        self.given, self.settings = given, settings
        kind = torch.bfloat16 if pick_precision(settings.precision, device) == "bf16" else torch.float32
        self.maps = RetinaMaps(net.to(device=device, dtype=kind), BYTES * settings.largest_window)
        self.boxes = RetinaBoxes(given)

    def find(self, case: Case, pieces: Pieces = quiet) -> list[Candidate]:
        """Candidates of a prepared case, strongest first; see `NoduleDetector.find`.

        Args:
            case: prepared at the spacing of the bundle.

        Raises:
            LesionkitError: what does not fit into memory cannot be written to disk.
        """
        grid = case.image.grid
        mask = searched_mask(case)
        spacing = np.array(grid.spacing_mm)
        wanted = _widened(mask, self.settings.near_lung_mm / spacing)
        corners, scores = self.search(case.image.read(grid.whole), wanted, pieces)
        low, high = corners[:, :3], corners[:, 3:]
        last = np.array(grid.shape[::-1]) - 1
        # From RAS (x, y, z) to LPS (z, y, x): x and y are counted from the other end.
        middle = (low + high) / 2
        places = np.stack([middle[:, 2], last[1] - middle[:, 1], last[0] - middle[:, 0]], axis=1)
        diameters = ((high - low) * spacing[::-1]).mean(axis=1)
        balls = np.column_stack([scores, places, diameters])
        balls = balls[
            (balls[:, 0] >= self.settings.threshold) & near(mask, places, self.settings.near_lung_mm / spacing)
        ]
        ends = np.array(case.facts.get("at_scan_end", [[False, False]] * 3), bool)
        cut = leaves(balls, grid.shape, spacing, ends)
        return [
            Candidate(tuple(float(v) for v in world), float(ball[0]), float(ball[4]), bool(is_cut))
            for ball, world, is_cut in zip(balls, grid.index_to_world(balls[:, 1:4]), cut, strict=True)
        ][: self.settings.limit]

    def search(
        self, hu: NDArray[np.int16], region: NDArray[np.bool_], pieces: Pieces = quiet
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Boxes (k, 6) from corner to corner in samples (x, y, z) of RAS, and their scores (k,), strongest first.

        Args:
            hu: (z, y, x) of LPS, at the bundle's spacing.
            region: (z, y, x) where boxes may have their cell.
        """
        ras, wanted = _turned(hu), _turned(region)
        shape = ras.shape
        whole = [-(-n // d) * d for n, d in zip(shape, self.given.divisible, strict=True)]
        # The padding is looked at where its neighbour is, as MONAI does.
        padded = np.pad(wanted, [(0, m - n) for n, m in zip(shape, whole, strict=True)], mode="edge")

        def volume(box: Box) -> torch.Tensor:
            return self._volume(ras, box)

        boxes, logits = [], []
        for level, found in enumerate(self.maps.cells(volume, padded, self.given.score, pieces)):
            boxes.append(self.boxes.decode(level, found.cells, found.anchor, found.shift, found.stride))
            logits.append(found.logit)
        if not boxes:
            return np.zeros((0, 6)), np.zeros(0)
        chosen, scores = self.boxes.chosen(boxes, logits, shape)
        return chosen.double().numpy(), scores.double().numpy()

    def _volume(self, ras: NDArray[np.int16], box: Box) -> torch.Tensor:
        """A box of the scan as the network sees it (1, x, y, z); 0 beyond its end, where MONAI pads."""
        inside = tuple(slice(b.start, max(min(b.stop, n), b.start)) for b, n in zip(box, ras.shape, strict=True))
        (low, high), (first, last) = self.given.hu, self.given.to
        part = torch.from_numpy(ras[inside].astype(np.float32))
        scaled = ((part - low) / (high - low) * (last - first) + first).clamp_(min(first, last), max(first, last))
        result = torch.zeros((1, *(b.stop - b.start for b in box)))
        x, y, z = scaled.shape
        result[0, :x, :y, :z] = scaled
        return result.to(self.maps.device)


def _turned(array: NDArray[Any]) -> NDArray[Any]:
    """(z, y, x) of LPS as (x, y, z) of RAS, a view."""
    return array.transpose(2, 1, 0)[::-1, ::-1]


def _widened(mask: NDArray[np.bool_], reach: NDArray[np.float64]) -> NDArray[np.bool_]:
    """A mask grown by so many samples along each axis."""
    if mask.all():
        return mask
    return np.asarray(maximum_filter(mask, tuple(2 * int(r) + 1 for r in reach), mode="constant"), bool)
