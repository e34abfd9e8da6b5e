"""A few tiny slides that every test of a recipe for slides can use."""

from pathlib import Path

import numpy as np
import pytest

SIDE = 384
STAINS = {"glass": (243, 241, 244), "tissue": (214, 150, 196), "tumour": (122, 84, 150)}


def paint_slide(seed: int, has_tumour: bool) -> tuple[np.ndarray, np.ndarray]:
    """RGB of 384 x 384 pixels at 1 µm: a piece of tissue, and in half of them a square of tumour; and its mask."""
    rng = np.random.default_rng(seed)
    colours = np.empty((SIDE, SIDE, 3), np.float32)
    colours[:] = STAINS["glass"]
    colours[32:352, 32:352] = STAINS["tissue"]
    mask = np.zeros((SIDE, SIDE), bool)
    if has_tumour:
        row, column = rng.integers(64, 128, 2) // 16 * 16
        mask[row : row + 192, column : column + 192] = True
        colours[mask] = STAINS["tumour"]
    colours += rng.normal(0, 6, colours.shape)
    return np.clip(colours, 0, 250).astype(np.uint8), mask


@pytest.fixture(scope="session")
def slides(tmp_path_factory) -> Path:
    """Eight slides of eight patients at 1 µm per pixel, a … h: the first four with a square of tumour, with masks at
    1/16 and a table of labels."""
    from lesionkit.core.grid import Grid
    from lesionkit.core.image import ArrayImage
    from lesionkit.write.pyramid import PyramidSettings, write_pyramid
    from lesionkit.write.siim import write_mask
    from lesionkit.write.slide_truth import write_slide_labels, write_slide_patients

    data = tmp_path_factory.mktemp("slide-set") / "data"
    labels = {name: name in "abcd" for name in "abcdefgh"}
    for seed, (name, has_tumour) in enumerate(labels.items()):
        colours, mask = paint_slide(seed, has_tumour)
        grid = Grid.upright(colours.shape[:2], (0.001, 0.001), (0.0005, 0.0005))
        write_pyramid(ArrayImage(grid, colours), data / "slides" / f"{name}.tif", PyramidSettings(coarsest=192))
        if has_tumour:
            write_mask(data / "masks" / f"{name}.png", mask[8::16, 8::16])
    write_slide_labels(data / "labels.csv", labels)
    write_slide_patients(data / "patients.csv", {name: f"patient-{name}" for name in labels})
    return data
