"""A bank of real nodules: kept in one folder, drawn by size and texture."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import Field

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing, write_text
from lesionkit.core.settings import Settings
from lesionkit.core.untrusted import reads
from lesionkit.phantoms.ct.nodule import TEXTURES
from lesionkit.phantoms.ct.real_nodule import RealNodule

VOXELS, TABLE, ABOUT = "voxels.npz", "nodules.csv", "bank.json"
CONVENTION = "HU int16 and mask (z, y, x) at 1 mm, LPS upright"
_COLUMNS = ("nodule", "patient_id", "diameter_mm", "texture")


class TransplantSettings(Settings):
    """Which real nodules are drawn, and where they are put. The shares are our choice."""

    share: float = Field(0.75, ge=0, le=1)
    """Share of inserted nodules that come from the bank; the rest are synthetic."""
    texture_weights: tuple[float, float, float] = (0.6, 0.15, 0.25)
    """Solid, part-solid (rated 3 or 4) and ground glass (1 or 2). Of 891 nodules of LIDC 82 % are solid, 9 % part-solid
    and 9 % ground glass, which is too little to learn from."""
    even_sizes: float = Field(0.5, ge=0, le=1)
    """0 draws sizes as often as they are in the bank, 1 small, middle and large ones equally often."""
    attachment_weights: tuple[float, float, float] = (0.5, 0.25, 0.25)
    """Isolated, touching a vessel, touching the pleura. Where one does not fit, the others are tried."""
    scale: tuple[float, float] = (0.8, 1.25)
    """Range of the change of size, log-uniform; the diameter changes with it."""
    diameter_range_mm: tuple[float, float] = (3.0, 40.0)
    """Nodules outside this range, as they are in the bank, are not drawn."""


@dataclass(frozen=True, eq=False)
class NoduleBank:
    """Real nodules, in the order of the table.

    Attributes:
        about: where they come from: source, licence, how they were cut.
    """

    nodules: tuple[RealNodule, ...]
    about: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.nodules)

    def __iter__(self) -> Iterator[RealNodule]:
        return iter(self.nodules)

    @property
    def patients(self) -> tuple[str, ...]:
        """Patient ids, each once, sorted."""
        return tuple(sorted({nodule.patient_id for nodule in self.nodules}))

    def of_patients(self, patients: Iterable[str]) -> "NoduleBank":
        """The nodules of some patients."""
        wanted = set(patients)
        return replace(self, nodules=tuple(n for n in self.nodules if n.patient_id in wanted))

    @cached_property
    def _columns(self) -> tuple[NDArray[np.float64], NDArray[np.int_]]:
        diameters = np.array([n.diameter_mm for n in self.nodules], float)
        textures = np.array([TEXTURES.index(n.texture_name) for n in self.nodules], int)
        return diameters, textures

    def weights(self, settings: TransplantSettings) -> NDArray[np.float64]:
        """(n,) how likely each nodule is drawn: first a texture, then a size in it; they sum to 1.

        Raises:
            LesionkitError: no nodule fits the settings.
        """
        diameters, textures = self._columns
        low, high = settings.diameter_range_mm
        fits = (diameters >= low) & (diameters <= high)
        result = np.zeros(len(self.nodules))
        size_class = np.digitize(diameters, (5.0, 7.0, 10.0, 16.0))
        for texture, share in enumerate(settings.texture_weights):
            chosen = fits & (textures == texture)
            counts = np.bincount(size_class[chosen], minlength=5)
            rare = np.zeros(len(result))
            rare[chosen] = (1.0 / np.maximum(counts[size_class[chosen]], 1)) ** settings.even_sizes
            if rare.sum() > 0:
                result += share * rare / rare.sum()
        if not result.sum() > 0:
            raise LesionkitError(
                f"the bank must hold nodules of {low:g} to {high:g} mm of a texture that is drawn, but none of its "
                f"{len(self.nodules)} fits; change diameter_range_mm or texture_weights"
            )
        normal: NDArray[np.float64] = result / result.sum()
        return normal

    def draw(self, rng: Generator, settings: TransplantSettings) -> RealNodule:
        """One nodule by chance; see `weights`."""
        return self.nodules[int(rng.choice(len(self.nodules), p=self.weights(settings)))]


def save_bank(folder: Path, bank: NoduleBank) -> Path:
    """Write a bank: voxels.npz, nodules.csv and bank.json. Inverse of `load_bank`."""
    folder.mkdir(parents=True, exist_ok=True)
    shapes = np.array([n.hu.shape for n in bank], np.int32).reshape(-1, 3)
    hu = np.concatenate([n.hu.ravel() for n in bank]) if len(bank) else np.zeros(0, np.int16)
    mask = np.packbits(np.concatenate([n.mask.ravel() for n in bank])) if len(bank) else np.zeros(0, np.uint8)
    with replacing(folder / VOXELS) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, shapes=shapes, hu=hu, mask=mask)
    more = sorted({name for n in bank for name in n.facts})
    with replacing(folder / TABLE) as temporary, temporary.open("w", newline="", encoding="utf-8") as text:
        table = csv.writer(text)
        table.writerow([*_COLUMNS, *more])
        for n in bank:
            known = (n.nodule_id, n.patient_id, n.diameter_mm, n.texture)
            table.writerow([*known, *(n.facts.get(name, "") for name in more)])
    about = {**bank.about, "convention": CONVENTION, "nodules": len(bank), "patients": len(bank.patients)}
    write_text(folder / ABOUT, json.dumps(about, indent=1, ensure_ascii=False) + "\n")
    return folder


@reads("a bank of nodules")
def load_bank(folder: Path) -> NoduleBank:
    """The bank in a folder.

    Raises:
        LesionkitError: it is no bank, is damaged, empty, or of another convention of spacing.
    """
    folder = Path(folder)
    if not (folder / ABOUT).is_file():
        raise LesionkitError(f"{folder} must be a nodule bank, but has no {ABOUT}; make one with 'lesionkit bank'")
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        if about.get("convention") != CONVENTION:
            raise LesionkitError(
                f"{folder} must be a bank of {CONVENTION}, got {about.get('convention')!r}; make it anew"
            )
        with np.load(folder / VOXELS) as file:
            shapes, hu, packed = file["shapes"], file["hu"], file["mask"]
        with (folder / TABLE).open(newline="", encoding="utf-8") as text:
            rows = list(csv.DictReader(text))
        nodules = tuple(_unpacked(rows, shapes, hu, np.unpackbits(packed, count=len(hu)).astype(bool)))
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise LesionkitError(f"{folder} is damaged ({error}); make the bank anew") from error
    if not nodules:
        raise LesionkitError(f"{folder} must hold at least one nodule, got none; make the bank anew")
    return NoduleBank(nodules, about)


def _unpacked(
    rows: Sequence[Mapping[str, str]], shapes: NDArray[np.int32], hu: NDArray[np.int16], mask: NDArray[np.bool_]
) -> Iterator[RealNodule]:
    start = 0
    for row, shape in zip(rows, shapes.tolist(), strict=True):
        part = slice(start, start + int(np.prod(shape)))
        start = part.stop
        yield RealNodule(
            hu[part].reshape(shape),
            mask[part].reshape(shape),
            diameter_mm=float(row["diameter_mm"]),
            nodule_id=row["nodule"],
            patient_id=row["patient_id"],
            texture=int(row["texture"]),
            facts={name: value for name, value in row.items() if name not in _COLUMNS},
        )
