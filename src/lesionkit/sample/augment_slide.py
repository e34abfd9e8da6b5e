"""Patches of slides as other orientations, stains and scanners would show them: a batch at once, masks along.

Every step takes tensors of a whole batch, so that changing a patch costs less than learning from it. Where places move,
one lattice moves image and mask; the original moved the image alone (system 4, row 4.12), which is right only for masks
of one value.
"""

import math

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn import functional

from lesionkit.core.errors import LesionkitError
from lesionkit.core.stain import HAEMATOXYLIN_EOSIN, Stains
from lesionkit.sample.augment_slide_settings import SlideAugmentSettings

UNKNOWN = -1.0
"""Mask value of a pixel of which nobody said whether it is tumour."""

_KNOTS = 6
"""Per axis, between which the moves of an elastic field are smooth."""

_GREY = torch.tensor([0.299, 0.587, 0.114])[:, None, None]


def augment_slide(
    image: Tensor, mask: Tensor, settings: SlideAugmentSettings, rng: Generator, stains: Stains = HAEMATOXYLIN_EOSIN
) -> tuple[Tensor, Tensor]:
    """A changed batch; the same generator state gives the same.

    Args:
        image: float32 (b, 3, y, x), colours 0..1, square.
        mask: float32 (b, 1, y, x): 0, 1 or `UNKNOWN`; moves as the image does, by the nearest pixel.
        stains: in which the amounts of stain are changed.

    Raises:
        LesionkitError: image and mask differ in place, are not square, or are smaller than the side to cut out.
    """
    _check(image, mask, settings)
    image, mask = _moved(image, mask, settings, rng)
    if settings.orient != "none":
        image, mask = oriented(image, mask, rng.integers(0, 8 if settings.orient == "eight" else 4, len(image)))
    if settings.stain:
        image = stained(image, settings.stain, rng, stains)
    return _toned(image, settings, rng), mask


def oriented(
    image: Tensor, mask: Tensor, numbers: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
) -> tuple[Tensor, Tensor]:
    """Each patch in one of the eight orientations of a square.

    Args:
        numbers: (b,) sum of 1 for a flip left to right, 2 for one upside down, and 4 for a transposition before them.
    """
    both = torch.cat([image, mask], dim=1)
    turned = torch.empty_like(both)
    for number in np.unique(numbers).tolist():
        chosen = torch.from_numpy(np.flatnonzero(numbers == number))
        part = both[chosen]
        part = part.transpose(2, 3) if number & 4 else part
        turned[chosen] = part.flip([axis for axis, bit in ((3, 1), (2, 2)) if number & bit])
    return turned[:, :3].contiguous(), turned[:, 3:].contiguous()


def stained(image: Tensor, amount: float, rng: Generator, stains: Stains = HAEMATOXYLIN_EOSIN) -> Tensor:
    """Each patch stained a little stronger or paler, each stain for itself (Tellez 2018), with a draw per patch.

    Args:
        image: (b, 3, y, x), colours 0..1.
        amount: see `SlideAugmentSettings.stain`.
    """
    factor, shift = np.ones((len(image), 3)), np.zeros((len(image), 3))
    for one in range(len(image)):
        factor[one, :2] = rng.uniform(1 - amount, 1 + amount, 2)
        shift[one, :2] = rng.uniform(-amount / 4, amount / 4, 2) * stains.strength
    matrix = stains.matrix
    # To amounts, changed, and back to densities, in one matrix per patch.
    change = np.einsum("ij,bj,jk->bki", np.linalg.inv(matrix), factor, matrix)
    density = -torch.log((image * 255 + 1) / 256).flatten(2)  # b c n
    density = torch.bmm(torch.from_numpy(change).float(), density)
    density += torch.from_numpy(shift @ matrix).float()[:, :, None]
    return ((256 * torch.exp(-density) - 1) / 255).clamp(0, 1).reshape(image.shape)


def _moved(image: Tensor, mask: Tensor, settings: SlideAugmentSettings, rng: Generator) -> tuple[Tensor, Tensor]:
    """Turned, magnified, bent, shifted and cut."""
    count, whole = len(image), image.shape[-1]
    side = settings.side or whole
    if settings.rotate_degrees or settings.zoom or settings.elastic_px:
        return _looked_up(image, mask, _lattice(count, whole, side, settings, rng))
    reach = math.floor(settings.shift_px)
    if side == whole and not reach:
        return image, mask
    shifts = rng.integers(-reach, reach + 1, (count, 2))
    room = max(0, reach - (whole - side) // 2)
    if room:
        # Beyond the edge the patch is mirrored.
        image, mask = (functional.pad(part, [room] * 4, mode="reflect") for part in (image, mask))
    corners = ((whole - side) // 2 + room + shifts).tolist()
    cuts = [(slice(None), slice(y, y + side), slice(x, x + side)) for y, x in corners]
    pairs = list(enumerate(cuts))
    return torch.stack([image[n][cut] for n, cut in pairs]), torch.stack([mask[n][cut] for n, cut in pairs])


def _lattice(count: int, whole: int, side: int, settings: SlideAugmentSettings, rng: Generator) -> Tensor:
    """(b, side, side, 2): where each new pixel looks, in pixels (x, y) from the middle of the old patch."""
    limit = math.radians(settings.rotate_degrees)
    angle, stretch = rng.uniform(-limit, limit, count), math.log1p(settings.zoom)
    zoom = np.exp(rng.uniform(-stretch, stretch, count))
    shift = rng.uniform(-settings.shift_px, settings.shift_px, (count, 1, 1, 2))
    cosine, sine = np.cos(angle) / zoom, np.sin(angle) / zoom
    turn = np.stack([np.stack([cosine, sine], 1), np.stack([-sine, cosine], 1)], 1)  # b 2 2
    steps = np.arange(side) - (side - 1) / 2
    pixels = np.stack(np.meshgrid(steps, steps), axis=-1)
    lattice = torch.from_numpy(np.einsum("yxi,bij->byxj", pixels, turn) + shift).float()
    if settings.elastic_px:
        lattice = lattice + _field(count, side, settings.elastic_px, rng)
    return lattice


def _field(count: int, side: int, reach_px: float, rng: Generator) -> Tensor:
    """(b, side, side, 2): a smooth random field whose greatest move is `reach_px`."""
    noise = torch.from_numpy(rng.uniform(-1, 1, (count, 2, _KNOTS, _KNOTS)).astype(np.float32))
    smooth = functional.interpolate(noise, size=(side, side), mode="bicubic", align_corners=True)
    greatest = smooth.abs().amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-6)
    return torch.permute(smooth / greatest * reach_px, (0, 2, 3, 1))


def _looked_up(image: Tensor, mask: Tensor, lattice: Tensor) -> tuple[Tensor, Tensor]:
    relative = lattice / ((image.shape[-1] - 1) / 2)
    return (
        functional.grid_sample(image, relative, "bilinear", "reflection", align_corners=True),
        functional.grid_sample(mask, relative, "nearest", "reflection", align_corners=True),
    )


def _toned(image: Tensor, settings: SlideAugmentSettings, rng: Generator) -> Tensor:
    def factor(low: float, high: float) -> Tensor:
        return torch.from_numpy(rng.uniform(low, high, (len(image), 1, 1, 1))).float()

    if settings.brightness != (1, 1):
        image = image * factor(*settings.brightness)
    if settings.contrast:
        mean = (image * _GREY).sum(dim=1, keepdim=True).mean(dim=(2, 3), keepdim=True)
        image = mean + (image - mean) * factor(1 - settings.contrast, 1 + settings.contrast)
    if settings.colour:
        grey = (image * _GREY).sum(dim=1, keepdim=True)
        image = grey + (image - grey) * factor(1 - settings.colour, 1 + settings.colour)
    if settings.hue:
        from torchvision.transforms.v2.functional import adjust_hue

        turns = rng.uniform(-settings.hue, settings.hue, len(image)).tolist()
        image = torch.stack([adjust_hue(one.clamp(0, 1), turn) for one, turn in zip(image, turns, strict=True)])
    return image.clamp(0, 1)


def _check(image: Tensor, mask: Tensor, settings: SlideAugmentSettings) -> None:
    count, _, rows, columns = image.shape
    if mask.shape != (count, 1, rows, columns) or rows != columns:
        raise LesionkitError(
            f"images (b, 3, side, side) and masks (b, 1, side, side) must fit, got {tuple(image.shape)} and "
            f"{tuple(mask.shape)}"
        )
    if settings.side is not None and settings.side > rows:
        raise LesionkitError(f"a side of {settings.side} cannot be cut out of patches of {rows}; read larger patches")
