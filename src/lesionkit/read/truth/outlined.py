"""A folder of axial slices around lesions with the outlines of several readers: `slices.npz` and `slices.csv`."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lesionkit.core.errors import LesionkitError
from lesionkit.core.outlined import OutlinedSlices
from lesionkit.core.untrusted import reads

ARRAYS, TABLE = "slices.npz", "slices.csv"
STEP_HU, FIRST_HU = 6.5, -1100.0
"""HU = 6.5 · value − 1100, where images are of 8 bits."""
_COLUMNS = ("nodule", "patient_id", "pixel_mm")


@reads("outlined slices")
def read_outlined(folder: Path) -> OutlinedSlices:
    """The slices of a folder.

    `slices.npz` has `readers_u8` (n, y, x), whose bit r is set where reader r outlined the pixel, and `image_u8`
    (n, y, x) with HU = 6.5 · value − 1100, or `image_hu` in Hounsfield units. `slices.csv` has a row per slice with
    the columns nodule, patient_id and pixel_mm at least; others, such as split, diameter_mm and texture, are kept.

    Raises:
        LesionkitError: something is missing, or table and arrays do not fit each other.
    """
    table_file, arrays_file = Path(folder) / TABLE, Path(folder) / ARRAYS
    missing = next((file for file in (table_file, arrays_file) if not file.is_file()), None)
    if missing is not None:
        raise LesionkitError(f"a folder of outlined slices must hold {ARRAYS} and {TABLE}, but {missing} is missing")
    table = pd.read_csv(table_file, dtype={"nodule": str, "patient_id": str})
    absent = [name for name in _COLUMNS if name not in table]
    if absent:
        raise LesionkitError(f"{table_file} must have the columns {', '.join(_COLUMNS)}, got none called {absent[0]}")
    with np.load(arrays_file, allow_pickle=False) as arrays:
        readers = np.asarray(arrays["readers_u8"], np.uint8)
        # 8 bits save three quarters of the file; readers' displays have no more.
        hu = arrays["image_hu"] if "image_hu" in arrays else arrays["image_u8"] * np.float32(STEP_HU) + FIRST_HU
    if hu.ndim != 3 or hu.shape != readers.shape or len(table) != len(hu):
        raise LesionkitError(
            f"{arrays_file} must hold an image and outlines (n, y, x) for each row of {TABLE}, got images of "
            f"{hu.shape}, outlines of {readers.shape} and {len(table)} rows"
        )
    pixel_mm = table["pixel_mm"].to_numpy(float)
    if not (np.isfinite(pixel_mm).all() and (pixel_mm > 0).all()):
        raise LesionkitError(f"{table_file}: pixel_mm must be above 0 in every row, got {pixel_mm.min():g}")
    given: list[dict[Any, Any]] = table.rename(columns={"nodule": "lesion"}).to_dict("records")
    rows = tuple({str(name): value for name, value in row.items()} for row in given)
    return OutlinedSlices(np.rint(hu).astype(np.int16), readers, pixel_mm, rows)
