"""One radiograph as it is on disk, with its truth: a row of the table of images."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from lesionkit.core.files import replacing
from lesionkit.core.mask import encode_rle_siim
from lesionkit.core.runs import runs_of
from lesionkit.core.untrusted import reads
from lesionkit.read.chest_set import ChestImage, chest_mask
from lesionkit.read.dicom.header import read_header
from lesionkit.read.picture import picture_shape
from lesionkit.read.radiograph_view import not_frontal

PHANTOM_MANUFACTURER = "lesionkit"
"""What our phantoms say made them; no scanner does."""


@dataclass(frozen=True)
class ImageRow:
    """One radiograph as it is on disk, its pixels not read.

    Attributes:
        encoded: rle_siim of its whole lesion mask at its own size, "-1" where healthy, "" where nobody looked.
        area: share of the image that is lesion; 0 where nobody looked.
        lungs: file of its lung mask, "" without one.
        label: 1, 0 or -1 (uncertain) where a table of image labels speaks of it.
        failure: why it cannot be used, "" where it can.
        synthetic: projected from a CT by `lesionkit phantom xray`, as its header says.
        odd: what its header says against a frontal chest, "" where nothing.
    """

    case_id: str
    patient_id: str
    path: str
    rows: int = 0
    columns: int = 0
    encoded: str = ""
    area: float = 0.0
    lungs: str = ""
    label: int | None = None
    failure: str = ""
    synthetic: bool = False
    odd: str = ""

    @property
    def looked_at(self) -> bool:
        return bool(self.encoded)

    @property
    def positive(self) -> bool:
        return self.area > 0

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows, self.columns


def row_of(image: ChestImage) -> ImageRow:
    """The row of an image of a data set; its header and its truth are read.

    Raises:
        LesionkitError: the file is no radiograph, or its truth does not fit it.
    """
    shape, told = picture_shape(image.path), _told(image.path)
    found = ImageRow(
        image.case_id,
        image.patient_id or told.patient_id or image.case_id,
        str(image.path),
        *shape,
        lungs=str(image.lungs or ""),
        synthetic=told.synthetic,
        odd=told.odd,
    )
    if not image.looked_at:
        return found
    runs = runs_of(chest_mask(image, shape))
    return replace(found, encoded=encode_rle_siim(runs), area=runs.area / (shape[0] * shape[1]))


class _Told(NamedTuple):
    """What the header of a DICOM file says; nothing of other files."""

    patient_id: str = ""
    synthetic: bool = False
    odd: str = ""


def _told(path: Path) -> _Told:
    header = read_header(path)
    if header is None:
        return _Told()
    is_phantom = header.text("Manufacturer") == PHANTOM_MANUFACTURER
    return _Told(header.text("PatientID"), is_phantom, "; ".join(not_frontal(header, header.tags)))


def unlabelled_row(path: Path, root: Path) -> ImageRow:
    """The row of a radiograph below `root` without truth; named by its path from there."""
    name = path.relative_to(root).with_suffix("").as_posix() if root.is_dir() else path.stem
    told = _told(path)
    return ImageRow(
        name, told.patient_id or name, str(path), *picture_shape(path), synthetic=told.synthetic, odd=told.odd
    )


def write_rows(rows: Sequence[ImageRow], path: Path) -> None:
    """Write the table of images as Parquet."""
    frame = pd.DataFrame([asdict(row) for row in rows])
    frame["label"] = frame["label"].astype("Int8")
    with replacing(path) as temporary:
        frame.to_parquet(temporary, index=False)


@reads("a table of radiographs")
def read_rows(path: Path) -> list[ImageRow]:
    """The images of a table. Inverse of `write_rows`."""
    records: list[dict[str, Any]] = [
        {str(name): value for name, value in row.items()} for row in pd.read_parquet(path).to_dict("records")
    ]
    return [ImageRow(**{**row, "label": None if pd.isna(row["label"]) else int(row["label"])}) for row in records]
