"""Heat maps -> pyramids with the size and place of their samples: OME-Zarr 0.5 (OME-NGFF) and OME-TIFF.

Places count from the centre of the first pixel of the image that was searched, as viewers lay layers over each other.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import zarr
from numpy.typing import NDArray

from lesionkit.core.files import replacing
from lesionkit.core.handed import Handed, Mask, Outlines
from lesionkit.write.handed.names import name_of

_CHUNK, _TILE, _COARSEST = 512, 256, 512
Place = tuple[tuple[float, float], tuple[float, float]]
"""(y, x) spacing of samples, and where the first one lies, both in µm."""


def write_zarr_of_outlines(handed: Outlines, out: Path) -> list[Path]:
    """Write `CASE.ome.zarr`, the probability of tumour 0..1 as float32, over the slide."""
    heat = handed.heat()
    return [_write_zarr(handed, heat.read(heat.grid.whole), _place_on_slide(handed), out)]


def write_zarr_of_mask(handed: Mask, out: Path) -> list[Path]:
    """Write `CASE.ome.zarr`, the probability of a lesion 0..1 as float32, over the radiograph."""
    return [_write_zarr(handed, _read(handed), _place_on_picture(handed), out)]


def write_tiff_of_outlines(handed: Outlines, out: Path) -> list[Path]:
    """Write `CASE.ome.tif`, the probability of tumour as 0 to 255, with the size of its samples."""
    heat = handed.heat()
    return [_write_tiff(handed, heat.read(heat.grid.whole), _place_on_slide(handed), out)]


def write_tiff_of_mask(handed: Mask, out: Path) -> list[Path]:
    """Write `CASE.ome.tif`, the probability of a lesion as 0 to 255."""
    return [_write_tiff(handed, _read(handed), _place_on_picture(handed), out)]


def _read(handed: Mask) -> NDArray[Any]:
    heat = handed.heat()
    return heat.read(heat.grid.whole)


def _place_on_slide(handed: Outlines) -> Place:
    grid, finest = handed.heat().grid, handed.grid
    y, x = (1000 * spacing for spacing in grid.spacing_mm)
    first = [1000 * (a - b) for a, b in zip(grid.origin_mm, finest.origin_mm, strict=True)]
    return (y, x), (first[1], first[0])


def _place_on_picture(handed: Mask) -> Place | None:
    """None where the file tells no size of its pixels."""
    spacing = next((plane.spacing_mm for plane in handed.planes()), ())
    return ((1000 * spacing[0], 1000 * spacing[1]), (0.0, 0.0)) if len(spacing) == 2 else None


def _levels(heat: NDArray[Any]) -> Iterator[NDArray[np.float32]]:
    """The map and its 2 × 2 means, down to a side of at most 512 samples; an odd last row or column is repeated."""
    level = np.asarray(heat, np.float32)
    yield level
    while max(level.shape) > _COARSEST:
        even = np.pad(level, [(0, n % 2) for n in level.shape], mode="edge")
        rows, columns = even.shape
        level = even.reshape(rows // 2, 2, columns // 2, 2).mean(axis=(1, 3), dtype=np.float32)
        yield level


def _write_zarr(handed: Handed, heat: NDArray[Any], place: Place | None, out: Path) -> Path:
    path = out / f"{name_of(handed)}.ome.zarr"
    (spacing, first), unit = (place, {"unit": "micrometer"}) if place else (((1.0, 1.0), (0.0, 0.0)), {})
    datasets = []
    with replacing(path) as temporary:
        root = zarr.open_group(str(temporary), mode="w", zarr_format=3)
        for number, level in enumerate(_levels(heat)):
            chunks = tuple(min(n, _CHUNK) for n in level.shape)
            array = root.create_array(
                str(number), shape=level.shape, chunks=chunks, dtype="float32", dimension_names=["y", "x"]
            )
            array[:] = level
            # The middle of the first sample of a coarser level lies between those it is the mean of.
            steps = [s * 2**number for s in spacing]
            start = [f + s * (2**number - 1) / 2 for f, s in zip(first, spacing, strict=True)]
            moves = [{"type": "scale", "scale": steps}, {"type": "translation", "translation": start}]
            datasets.append({"path": str(number), "coordinateTransformations": moves})
        axes = [{"name": name, "type": "space", **unit} for name in "yx"]
        window = {"start": 0.0, "end": 1.0, "min": 0.0, "max": 1.0}
        channel = {"label": f"probability of {handed.lesion}", "color": "FF0000", "active": True, "window": window}
        ome: Any = {
            "version": "0.5",
            "multiscales": [{"name": name_of(handed), "axes": axes, "datasets": datasets, "type": "mean"}],
            "omero": {"channels": [channel]},
        }
        root.attrs["ome"] = ome
        root.attrs["lesionkit"] = {"recipe": handed.maker.recipe, **handed.maker.parameters}
    return path


def _write_tiff(handed: Handed, heat: NDArray[Any], place: Place | None, out: Path) -> Path:
    path = out / f"{name_of(handed)}.ome.tif"
    levels = [np.rint(level * 255).astype(np.uint8) for level in _levels(heat)]
    told: dict[str, Any] = {"axes": "YX", "Name": f"probability of {handed.lesion}, 255 is 1"}
    if place is not None:
        (y, x), (top, left) = place
        told |= {"PhysicalSizeX": x, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": y, "PhysicalSizeYUnit": "µm"}
        plane = {"PositionX": left, "PositionXUnit": "µm", "PositionY": top, "PositionYUnit": "µm"}
        told["Plane"] = {name: [value] for name, value in plane.items()}
    tiles: dict[str, Any] = {"tile": (_TILE, _TILE), "compression": "zlib", "photometric": "minisblack"}
    with replacing(path) as temporary, tifffile.TiffWriter(temporary, ome=True) as file:
        file.write(levels[0], subifds=len(levels) - 1, metadata=told, **tiles)
        for level in levels[1:]:
            file.write(level, subfiletype=1, **tiles)
    return path
