"""One 2-D picture on disk -> a case: a DICOM radiograph, or a PNG or JPEG file."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.handed import Plane
from lesionkit.core.image import ArrayImage
from lesionkit.core.untrusted import reads
from lesionkit.read.dicom.header import Header, read_header
from lesionkit.read.grey import refuse_colour, spread_to_sixteen_bits
from lesionkit.read.radiograph import read_radiograph

SUFFIXES = (".png", ".jpg", ".jpeg")
_ALPHA = {"LA", "RGBA", "PA", "La"}


@reads("a radiograph")
def read_picture(path: Path) -> Case:
    """A radiograph from a DICOM, PNG or JPEG file, dense tissue bright.

    Returns:
        A case on a 2-D grid in mm from the top left, with uint8 or uint16 samples (row, column); the whole range of the
        type goes from black to white. Where the file tells no pixel spacing, `facts["spacing_known"]` is False and 1 mm
        is taken: lengths and areas of such a case mean nothing.

    Raises:
        LesionkitError: no file, another kind of file, a CT slice, a colour photograph, several frames, a picture of one
            value, a damaged file.
    """
    path = Path(path)
    if not path.is_file():
        what = "a folder; give one file" if path.is_dir() else "nothing"
        raise LesionkitError(f"{path}: a radiograph is one DICOM, PNG or JPEG file, got {what}")
    header = read_header(path)
    if header is not None:
        samples, facts = read_radiograph(header)
        case_id, patient_id = header.sop_uid or path.stem, header.text("PatientID")
    elif path.suffix.lower() in SUFFIXES:
        samples, facts = _read_file(path)
        case_id, patient_id = path.stem, ""
    else:
        raise LesionkitError(f"{path}: a radiograph is a DICOM, PNG or JPEG file, got a file of unknown kind")
    if samples.min() == samples.max():
        raise LesionkitError(f"{path}: a radiograph must show something, but all samples are {samples.min()}")
    spacing = facts["native_spacing_mm"]
    grid = Grid.upright(samples.shape, spacing if facts["spacing_known"] else (1.0, 1.0))
    return Case(
        case_id, patient_id or case_id, ArrayImage(grid, samples), facts={"path": str(path.absolute()), **facts}
    )


@reads("a radiograph")
def planes_of_picture(path: Path) -> tuple[Plane, ...]:
    """The DICOM image that a radiograph is; none of a PNG or JPEG file.

    Raises:
        LesionkitError: there is no such file.
    """
    path = Path(path)
    if not path.is_file():
        raise LesionkitError(f"{path}: the radiograph is gone; put it back where it was")
    header = read_header(path)
    if header is None:
        return ()
    place = (header.position_mm, header.orientation, header.pixel_spacing_mm)
    return (Plane(header.path, header.frame, header.shape, *place),)


def find_pictures(path: Path) -> list[Path]:
    """The radiographs below a path, sorted: itself if it is a file, else every PNG, JPEG and DICOM image in it.

    Folders named masks, lungs or lung_masks hold truth and are passed over.

    Raises:
        LesionkitError: there is none.
    """
    path = Path(path)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise LesionkitError(f"{path}: there is no such file or folder")
    found = [file for file in sorted(path.rglob("*")) if _may_be_picture(file, path) and _is_picture(file)]
    if not found:
        raise LesionkitError(f"{path}: the folder holds no radiograph (DICOM, {', '.join(SUFFIXES)})")
    return found


@reads("a radiograph")
def picture_shape(path: Path) -> tuple[int, int]:
    """(rows, columns) of a radiograph, without reading its pixels.

    Raises:
        LesionkitError: the file is no picture.
    """
    header = read_header(path)
    if header is not None:
        return header.shape
    with _opened(path) as image:
        turned = image.getexif().get(0x0112, 1) >= 5
        return image.size if turned else (image.size[1], image.size[0])


@reads("a mask")
def read_mask(path: Path, shape: Sequence[int]) -> NDArray[np.bool_]:
    """A mask (row, column) from a PNG file; whatever is not zero is inside.

    Args:
        shape: (rows, columns) it must have.

    Raises:
        LesionkitError: no picture, or of another shape.
    """
    with _opened(path) as image:
        samples = np.asarray(_loaded(image, path).convert("L" if image.mode != "I;16" else "I;16"))
    if samples.shape != tuple(shape):
        raise LesionkitError(f"{path}: a mask must have its image's shape {tuple(shape)}, got {samples.shape}")
    return np.asarray(samples > 0)


def _may_be_picture(file: Path, root: Path) -> bool:
    parts = file.relative_to(root).parts
    return not any(part.startswith(".") or part.lower() in {"masks", "lungs", "lung_masks"} for part in parts)


def _is_picture(file: Path) -> bool:
    if not file.is_file():
        return False
    suffix = file.suffix.lower()
    if suffix in SUFFIXES:
        return True
    header: Header | None = None
    if suffix in {"", ".dcm", ".dicom", ".dic"} or suffix[1:].isdigit():
        header = read_header(file)
    return header is not None


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    with warnings.catch_warnings():
        # A large radiograph is no attack on memory; what is too large raises an error all the same. What Pillow finds
        # odd in other people's EXIF is not for our user to mend.
        warnings.simplefilter("ignore")
        try:
            _refuse_changed(path)
            image = Image.open(path)
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError) as error:
            raise LesionkitError(f"{path}: not a readable picture ({error}); copy the file again") from error
        with image:
            yield image


def _refuse_changed(path: Path) -> None:
    """Compare the sums of a PNG, which is done nowhere else: what is read looks right with a byte that changed."""
    with Image.open(path) as image:
        try:
            if image.format == "PNG":
                image.verify()
        except (OSError, SyntaxError, ValueError) as error:
            raise LesionkitError(f"{path}: the picture is damaged or cut off ({error}); copy the file again") from error


def _loaded(image: Image.Image, path: Path) -> Image.Image:
    try:
        image.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise LesionkitError(f"{path}: the picture is damaged or cut off ({error}); copy the file again") from error
    return image


def _read_file(path: Path) -> tuple[NDArray[Any], dict[str, Any]]:
    with _opened(path) as image:
        frames = getattr(image, "n_frames", 1)
        if frames > 1:
            raise LesionkitError(f"{path}: a radiograph is one picture, got {frames} frames; give one frame")
        turned = ImageOps.exif_transpose(_loaded(image, path))
        notes: list[str] = []
        samples = _grey(turned, path, notes)
    facts = {
        "format": "png" if path.suffix.lower() == ".png" else "jpeg",
        "modality": "",
        "spacing_known": False,
        "native_spacing_mm": None,
        "warnings": [*notes, "the file tells no pixel spacing; 1 mm is taken, so lengths and areas mean nothing"],
    }
    return samples, facts


def _grey(image: Image.Image, path: Path, notes: list[str]) -> NDArray[Any]:
    """uint8 or uint16 samples of a picture that is grey, whatever its mode."""
    if image.mode.startswith("I") or image.mode == "F":
        return spread_to_sixteen_bits(np.asarray(image), str(path), notes)
    if image.mode in {"L", "1"}:
        return np.array(image.convert("L"))
    if image.mode in _ALPHA:
        notes.append("transparency was ignored")
    if image.mode in {"LA", "La"}:
        return np.array(image.getchannel("L"))
    colours = np.asarray(image.convert("RGB"))
    refuse_colour(colours, str(path))
    return np.array(image.convert("RGB").convert("L"))
