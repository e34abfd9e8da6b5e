"""Slices of CT with drawn lesions: of prepared scans, and of folders that hold slices that readers outlined."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.utils.data import Dataset

from lesionkit.core.errors import LesionkitError
from lesionkit.core.outlined import OutlinedSlices
from lesionkit.sample.augment import another_kernel, noise_like, other_values
from lesionkit.sample.augment_settings import AugmentSettings
from lesionkit.sample.draw import PatchDraws, augment_zoom
from lesionkit.sample.patch import Patch
from lesionkit.sample.slice_settings import SliceSampleSettings

Encode = Callable[[Patch], Mapping[str, NDArray[Any]]]
_QUARTER_TURNS = ((1, 0, 0, 1), (0, -1, 1, 0), (-1, 0, 0, -1), (0, 1, -1, 0))


class SliceDraws(Dataset[dict[str, Tensor]]):
    """An endless deck of slices: number `i` is the same slice whenever and wherever it is drawn.

    An item is hu float32 (1, y, x), drawn float32 (1, y, x) 0..1 and ignored bool (1, y, x).

    Args:
        patches: what cuts blocks of slices from prepared scans, with lesions drawn; None: outlined slices alone.
        encode: block -> drawn and ignored (1, z, y, x).
        outlined: see `OutlinedSlices`; None: scans alone.
        pixel_mm: distance of samples of the slices that are made, as in prepared scans.
        length: how many slices there are.

    Raises:
        LesionkitError: there is nothing to learn from.
    """

    def __init__(
        self,
        patches: PatchDraws | None,
        encode: Encode,
        outlined: OutlinedSlices | None,
        settings: SliceSampleSettings,
        pixel_mm: float,
        *,
        seed: int,
        length: int,
    ) -> None:
        self.patches, self.encode, self.outlined, self.settings = patches, encode, outlined, settings
        self.pixel_mm, self.seed, self.length = pixel_mm, seed, length
        self._agreed = None if outlined is None else outlined.agreed(settings.agreed)
        self._weights = None if outlined is None else _even_over_lesions(outlined, settings.even_textures)
        self._cut: tuple[int, Patch] | None = None
        if patches is None and not outlined:
            raise LesionkitError("slices are learned from scans or from outlined slices, got neither; give one of them")

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        hu, drawn, ignored = self.draw(number)
        arrays = {"hu": hu, "drawn": drawn, "ignored": ignored}
        return {name: torch.from_numpy(np.ascontiguousarray(array[None])) for name, array in arrays.items()}

    def draw(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
        """Slice `number`, augmented: HU, drawn and ignored, each (y, x)."""
        rng = np.random.default_rng([self.seed, number, 2])
        of_readers = rng.random() < self.settings.slices_share
        if self.patches is None or (of_readers and self.outlined):
            given, pixel_mm, middle = self._of_readers(rng)
        else:
            given, pixel_mm, middle = self._of_scan(number // self.settings.per_cut, rng)
        scale = self.pixel_mm / pixel_mm / augment_zoom(rng, self.settings.augment)
        whole, ignored = given[1], given[2]
        turn = np.array(_QUARTER_TURNS[int(rng.integers(4))] if self._turns(rng) else (1, 0, 0, 1)).reshape(2, 2)
        matrix = scale * turn * ([1, -1] if self._turns(rng) and rng.random() < 0.5 else [1, 1])
        seen = [_seen(one, middle, matrix, self.settings.patch) for one in (given[0], whole, ignored)]
        return _other_scanner(seen[0], self.settings.augment, rng), seen[1].clip(0, 1), seen[2] > 0.01

    def _turns(self, rng: Generator) -> bool:
        return bool(rng.random() < self.settings.augment.turn)

    def _of_readers(self, rng: Generator) -> tuple[list[NDArray[np.float32]], float, NDArray[np.float64]]:
        """An outlined slice, the distance of its samples, and where in it the middle of what is drawn shall lie."""
        outlined: Any = self.outlined
        agreed: Any = self._agreed
        row = int(rng.choice(len(outlined), p=self._weights))
        pixel_mm = float(outlined.pixel_mm[row])
        hu = outlined.hu[row].astype(np.float32)
        centre = (np.array(hu.shape) - 1) / 2
        inside_mm = max(self.settings.patch / 2 - self.settings.edge_samples, 0) * self.pixel_mm
        shift = rng.uniform(-1, 1, 2) * min(self.settings.shift_mm, inside_mm) / pixel_mm
        return [hu, agreed[row].astype(np.float32), np.zeros_like(hu)], pixel_mm, centre + shift

    def _of_scan(self, cut: int, rng: Generator) -> tuple[list[NDArray[np.float32]], float, NDArray[np.float64]]:
        patches: Any = self.patches
        if self._cut is None or self._cut[0] != cut:
            # Neighbours in the deck share a block, which costs more than all that is done with its slices.
            self._cut = (cut, patches.cut(cut))
        patch = self._cut[1]
        arrays = self.encode(patch)
        drawn, ignored = arrays["drawn"][0], arrays["ignored"][0]
        rows = np.flatnonzero(ndimage.binary_dilation(drawn.any(axis=(1, 2)), iterations=1))
        row = int(rng.choice(rows)) if len(rows) else int(rng.integers(len(drawn)))
        hu = patch.hu[row]
        return [hu, drawn[row], ignored[row].astype(np.float32)], self.pixel_mm, (np.array(hu.shape) - 1) / 2


def _even_over_lesions(outlined: OutlinedSlices, even_textures: float) -> NDArray[np.float64]:
    """How often each slice is drawn: every lesion of a texture equally often; see `SliceSampleSettings`."""
    slices = Counter(row["lesion"] for row in outlined.rows)
    kinds = {row["lesion"]: _kind(row) for row in outlined.rows}
    lesions = Counter(kinds.values())
    rare = [lesions[kinds[row["lesion"]]] ** -even_textures for row in outlined.rows]
    weights = np.array([one / slices[row["lesion"]] for one, row in zip(rare, outlined.rows, strict=True)])
    return weights / weights.sum() if len(weights) else weights


def _kind(row: Mapping[str, Any]) -> str:
    """Ground glass (rated 1), part-solid (2, 3), solid (4, 5), or not told."""
    texture = float(row.get("texture", np.nan))
    return "" if np.isnan(texture) else "glass" if texture < 2 else "part-solid" if texture < 4 else "solid"


def _seen(
    image: NDArray[np.float32], middle: NDArray[np.float64], matrix: NDArray[np.float64], side: int
) -> NDArray[np.float32]:
    """(side, side) samples of an image around `middle`, linear and mirrored beyond its edge.

    Args:
        matrix: (2, 2) from steps of the result to steps of the image.
    """
    offset = middle - matrix @ np.full(2, (side - 1) / 2)
    result: NDArray[np.float32] = ndimage.affine_transform(
        image, matrix, offset, (side, side), np.float32, order=1, mode="mirror"
    )
    return result


def _other_scanner(hu: NDArray[np.float32], settings: AugmentSettings, rng: Generator) -> NDArray[np.float32]:
    """The slice as another kernel, dose and contrast would have given it."""
    volume = hu[None]
    if rng.random() < settings.kernel:
        volume = another_kernel(volume, rng)
    volume = other_values(volume, settings, rng)
    if rng.random() < settings.noise:
        volume = volume + noise_like(volume.shape, rng.uniform(0, settings.noise_hu), rng)
    return np.asarray(volume[0], np.float32)
