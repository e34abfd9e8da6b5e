"""A folder of chest radiographs with masks -> cases: the layout of SIIM-ACR, or pictures with a folder of masks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import UnidentifiedImageError
from scipy import ndimage

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Lesion
from lesionkit.core.mask import decode_rle_siim, encode_rle_siim
from lesionkit.read.layout.coco import CocoSet, read_coco
from lesionkit.read.layout.entry import ImageSet, SetEntry
from lesionkit.read.layout.of_folder import image_set
from lesionkit.read.picture import find_pictures, picture_shape, read_mask, read_picture
from lesionkit.read.rows import read_rows, without_index
from lesionkit.read.truth.siim import read_siim_table
from lesionkit.read.unmatched import unmatched

TABLES = ("train-rle.csv", "stage_2_train.csv", "train.csv", "train-rle-sample.csv")
"""Names the table of run-length codes has had; the first that is there is read."""


@dataclass(frozen=True)
class ChestImage:
    """One radiograph of a data set, not yet read.

    Attributes:
        encoded: rle_siim texts of its lesions, one per row of the table; () where nobody looked.
        mask: a PNG with its lesions instead, or None. lungs: a PNG with its lungs, or None.
        patient_id: "" where no table tells; then the file does.
    """

    case_id: str
    patient_id: str
    path: Path
    encoded: tuple[str, ...] = ()
    mask: Path | None = None
    lungs: Path | None = None

    @property
    def looked_at(self) -> bool:
        return bool(self.encoded) or self.mask is not None


def read_chest_set(data: Path) -> tuple[ChestImage, ...]:
    """The radiographs of a data set, by case id; pixels are not read.

    Three layouts are known, and those of `image_set` with pictures. SIIM's: files named by image anywhere below `data`
    and a table of run-length codes (`train-rle.csv` or one of `TABLES`). Pictures and masks: a folder `masks` holds for
    each image that was looked at a PNG of the same stem, empty if healthy. COCO's: JSON of annotations, see
    `read_coco`. In all, PNG files in `lungs` are lung masks and `patients.csv` (image_id,patient_id) names patients.

    Raises:
        LesionkitError: no radiograph, neither layout, two files of one name, a table whose images are not there.
    """
    return _read(Path(data))[0]


def chest_set_notes(data: Path) -> tuple[str, ...]:
    """Rows of the tables of a data set, masks and lungs that belong to no radiograph, in sentences.

    Raises:
        LesionkitError: as `read_chest_set`.
    """
    return _read(Path(data))[1]


def _read(data: Path) -> tuple[tuple[ChestImage, ...], tuple[str, ...]]:
    if (other := image_set(data)) is not None:
        return _of_set(other), other.notes
    files = _by_stem(find_pictures(data))
    patients = _patients(data / "patients.csv")
    table = next((data / name for name in TABLES if (data / name).is_file()), None)
    masks, lungs = _masks(data / "masks"), _masks(data / "lungs")
    coco = read_coco(data) if table is None and not masks else None
    if coco is not None:
        return _of_coco(coco, files, patients, _masks(data / "lungs"))
    if table is None and not masks:
        raise LesionkitError(
            f"{data} must hold a table of masks ({', '.join(TABLES)}), a folder 'masks' with a PNG per image, or "
            "annotations of COCO, but holds none of them"
        )
    encoded = _encoded(table, files) if table is not None else {}
    sources = [(data / "masks", list(masks)), (data / "lungs", list(lungs)), (data / "patients.csv", list(patients))]
    sources += [(table, list(encoded))] if table is not None else []
    notes = [note for source, named in sources for note in unmatched(source, named, files, "radiograph")]
    images = tuple(
        ChestImage(stem, patients.get(stem, ""), file, encoded.get(stem, ()), masks.get(stem), lungs.get(stem))
        for stem, file in sorted(files.items())
    )
    return images, tuple(notes)


def _of_coco(
    coco: CocoSet, files: Mapping[str, Path], patients: Mapping[str, str], lungs: Mapping[str, Path]
) -> tuple[tuple[ChestImage, ...], tuple[str, ...]]:
    if not coco.encoded.keys() & files.keys():
        raise LesionkitError(
            f"{coco.source}: none of its {len(coco.encoded)} images is among the {len(files)} files; are they in the "
            "same folder?"
        )
    images = tuple(
        ChestImage(stem, patients.get(stem, ""), file, coco.encoded.get(stem, ()), None, lungs.get(stem))
        for stem, file in sorted(files.items())
    )
    return images, (*coco.notes, *unmatched(coco.source, list(coco.encoded), files, "radiograph"))


def _of_set(images: ImageSet) -> tuple[ChestImage, ...]:
    """Pictures with label maps that are pictures: what is not background, or one of the labels of lesions."""
    return tuple(
        ChestImage(one.case_id, "", one.path, () if one.labels is None else (_code(one),))
        for one in sorted(images.entries, key=lambda one: one.case_id)
    )


def _code(one: SetEntry) -> str:
    """rle_siim of a label map.

    Raises:
        LesionkitError: it is no picture.
    """
    try:
        with Picture.open(one.labels or one.path) as picture:
            labels = np.asarray(picture)
    except (OSError, UnidentifiedImageError) as error:
        raise LesionkitError(f"{one.labels}: a label map of a radiograph must be a picture, got {error}") from error
    labels = labels[..., 0] if labels.ndim == 3 else labels
    return encode_rle_siim(np.isin(labels, list(one.values)) if one.values else labels > 0)


def load_chest_image(image: ChestImage) -> Case:
    """Read one radiograph with its truth.

    Returns:
        The case of `read_picture` under the data set's names. Where somebody looked, `truth` has one lesion per
        connected piece of the mask (the disc of its area) and `regions["lesion"]` is the mask itself; a lung mask is
        `regions["lung"]`.

    Raises:
        LesionkitError: the picture, a code or a mask cannot be used.
    """
    case = read_picture(image.path)
    patient = image.patient_id or (case.patient_id if case.patient_id != case.case_id else image.case_id)
    case = replace(case, case_id=image.case_id, patient_id=patient)
    grid = case.image.grid
    regions = {}
    if image.lungs is not None:
        regions["lung"] = ArrayImage(grid, read_mask(image.lungs, grid.shape))
    if not image.looked_at:
        return replace(case, regions=regions)
    mask = chest_mask(image, grid.shape)
    return replace(case, truth=mask_lesions(mask, grid), regions={**regions, "lesion": ArrayImage(grid, mask)})


def chest_mask(image: ChestImage, shape: Sequence[int] | None = None) -> NDArray[np.bool_]:
    """The lesion mask (row, column) of a radiograph that was looked at.

    Args:
        shape: of the image, where it is known; its header is read else.

    Raises:
        LesionkitError: nobody looked, or the code or mask does not fit the image.
    """
    if not image.looked_at:
        raise LesionkitError(f"image '{image.case_id}' has no mask: nobody looked at it; leave it out of the truth")
    rows, columns = shape if shape is not None else picture_shape(image.path)
    if image.mask is not None:
        return read_mask(image.mask, (rows, columns))
    try:
        return decode_rle_siim(image.encoded, (rows, columns))
    except LesionkitError as error:
        raise LesionkitError(f"image '{image.case_id}': {error}") from error


def mask_lesions(mask: NDArray[np.bool_], grid: Grid) -> tuple[Lesion, ...]:
    """A lesion per connected piece of a pneumothorax mask: the disc of its area at its centre, the largest first."""
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    pieces = [np.argwhere(labels == number) for number in range(1, count + 1)]
    pieces.sort(key=len, reverse=True)
    found = []
    for number, piece in enumerate(pieces, start=1):
        area = len(piece) * grid.voxel_mm
        centre = tuple(grid.index_to_world(piece.mean(axis=0)).tolist())
        facts = {"area_mm2": round(area, 1)}
        found.append(Lesion(centre, 2 * float(np.sqrt(area / np.pi)), "pneumothorax", f"pneumothorax-{number}", facts))
    return tuple(found)


def _by_stem(files: Sequence[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in files:
        if found.setdefault(file.stem, file) is not file:
            raise LesionkitError(
                f"every radiograph of a data set needs a name of its own, but {found[file.stem]} and {file} have one"
            )
    return found


def _masks(folder: Path) -> dict[str, Path]:
    return {file.stem: file for file in sorted(folder.glob("*.png"))}


def _encoded(table: Path, files: Mapping[str, Path]) -> dict[str, tuple[str, ...]]:
    texts: dict[str, list[str]] = {}
    frame = read_siim_table(table)
    for image_id, text in zip(frame["image_id"], frame["encoded"], strict=True):
        texts.setdefault(image_id, []).append(text)
    known = texts.keys() & files.keys()
    if not known:
        raise LesionkitError(
            f"{table}: none of its {len(texts)} images is among the {len(files)} files, first '{next(iter(texts))}'; "
            "files are named <ImageId>.dcm"
        )
    return {image_id: tuple(of_image) for image_id, of_image in texts.items()}


def _patients(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    rows = without_index(read_rows(path))
    header = [name.lower() for name in rows[0].cells] if rows else []
    if len(header) < 2 or header[1] not in ("patient_id", "patientid"):
        raise LesionkitError(f"{path} must have the columns image_id,patient_id, got {', '.join(header) or 'nothing'}")
    return {row.cells[0]: row.cells[1] for row in rows[1:] if len(row.cells) > 1}
