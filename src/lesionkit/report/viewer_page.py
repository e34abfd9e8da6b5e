"""A page that scrolls through one scan in three planes: one file, the volume compressed inside, no network."""

import base64
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from scipy import ndimage

from lesionkit.core.grid import Grid
from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.evaluate.points import Decision
from lesionkit.report.case_page import n_above
from lesionkit.report.found import FoundCase
from lesionkit.report.picture import LUNG, SOFT_TISSUE, Window
from lesionkit.report.render import format_score, write_page
from lesionkit.report.scene import Scene
from lesionkit.report.verdict import judge

MOST_VOXELS = 6_000_000
"""Larger boxes are shown coarser, so that a page has a few megabytes."""
_MARGIN_MM = 12.0
_BONE = Window("bone", 300, 1500)
_MOST_FINDINGS = 100
_STEPS = ((-1100.0, 0), (-200.0, 116), (250.0, 228), (1500.0, 255))
"""HU -> code of 8 bits, straight between: 8 HU a step in lung, 4 in soft tissue, 46 in bone."""


@dataclass(frozen=True, eq=False)
class Volume:
    """A box of a scan as it goes into a page.

    Attributes:
        codes: (z, y, x) uint8, see `hu_of_codes`.
    """

    grid: Grid
    codes: NDArray[np.uint8]

    @property
    def packed(self) -> str:
        """Differences along x, compressed by gzip, as base64."""
        rows = np.diff(self.codes, axis=2, prepend=np.uint8(0))
        return base64.b64encode(gzip.compress(rows.tobytes(), 9, mtime=0)).decode("ascii")


def hu_of_codes() -> NDArray[np.float64]:
    """(256,) HU that each code stands for.

    >>> hu_of_codes()[[0, 116, 228, 255]].tolist()
    [-1100.0, -200.0, 250.0, 1500.0]
    """
    return np.interp(np.arange(256), [code for _, code in _STEPS], [hu for hu, _ in _STEPS])


def boxed(scene: Scene, most_voxels: int = MOST_VOXELS) -> Volume:
    """The box around the lungs, sampled coarser where it holds more voxels than that."""
    box = scene.box_around_lungs(_MARGIN_MM)
    grid, hu = scene.grid.crop(box), scene.image.read(box).astype(np.float32)
    factor = max(1.0, (hu.size / most_voxels) ** (1 / 3))
    if factor > 1:
        shape = tuple(max(1, int(n / factor)) for n in hu.shape)
        # Each new sample lies in the middle of the piece that it stands for, of whose samples it is about the mean.
        blurred = ndimage.uniform_filter(hu, size=max(1, round(factor)), mode="nearest")
        zoom = [new / old for new, old in zip(shape, hu.shape, strict=True)]
        hu = ndimage.zoom(blurred, zoom, order=1, mode="nearest", grid_mode=True)
        grid = _coarser(grid, shape)
    codes = np.interp(hu, [hu for hu, _ in _STEPS], [code for _, code in _STEPS])
    return Volume(grid, np.rint(codes).astype(np.uint8))


def write_viewer(path: Path, case: FoundCase, decision: Decision, most_voxels: int = MOST_VOXELS) -> Path:
    """Write a page with three planes of a scan, its findings, and what is known of it.

    Args:
        case: a scan with lungs, or without, then the whole image is shown.
        decision: findings above the line come first and are marked; weaker ones are listed.

    Returns:
        The path of the page.
    """
    volume = boxed(Scene.of(case.image, case.lung, case.lung_proper), most_voxels)
    findings, above = _findings(case, volume.grid), n_above(case, decision)
    told = {
        "shape": volume.codes.shape,
        "spacing": volume.grid.spacing_mm,
        "affine": np.asarray(volume.grid.affine)[:3].tolist(),
        "hu": np.round(hu_of_codes(), 1).tolist(),
        "windows": [[one.label, one.level_hu, one.width_hu] for one in (LUNG, SOFT_TISSUE, _BONE)],
        "findings": findings,
        "above": above,
        "known": [_known(lesion, volume.grid) for lesion in case.truth or ()],
        "start": findings[0]["index"] if findings else [n / 2 for n in volume.codes.shape],
    }
    return write_page(
        path,
        "viewer_page.html",
        title=case.case_id,
        told=Markup(_json(told)),
        packed=volume.packed,
        windows=(("Lung", LUNG.label), ("Soft tissue", SOFT_TISSUE.label), ("Bone", _BONE.label)),
        findings=findings,
        above=above,
        n_known=len(case.truth or ()),
        size=" × ".join(map(str, volume.codes.shape)),
        spacing=" × ".join(f"{mm:.2g}" for mm in volume.grid.spacing_mm),
    )


def _coarser(grid: Grid, shape: tuple[int, ...]) -> Grid:
    factors = np.array(grid.shape) / np.array(shape)
    origin = grid.index_to_world((factors - 1) / 2)
    spacing = tuple((np.array(grid.spacing_mm) * factors).tolist())
    return Grid(shape, spacing, tuple(origin.tolist()), grid.direction)


def _findings(case: FoundCase, grid: Grid) -> list[dict[str, Any]]:
    judged = judge(case)
    rows = []
    for rank, candidate in enumerate(case.candidates[:_MOST_FINDINGS], 1):
        verdict = "" if judged is None else judged.verdicts[rank - 1]
        rows.append(
            {"rank": rank, "score": format_score(candidate.score), "verdict": verdict, **_place(candidate, grid)}
        )
    return rows


def _known(lesion: Lesion, grid: Grid) -> dict[str, Any]:
    return {"name": lesion.lesion_id, **_place(lesion, grid)}


def _place(thing: Candidate | Lesion, grid: Grid) -> dict[str, Any]:
    index = np.asarray(grid.world_to_index(thing.centre_mm), dtype=float)
    return {"index": np.round(index, 2).tolist(), "diameter": round(thing.diameter_mm or 0.0, 1)}


def _json(value: Any) -> str:
    """JSON that may stand inside a script element: no text of it can end that."""
    return json.dumps(value).replace("<", "\\u003c").replace("&", "\\u0026")
