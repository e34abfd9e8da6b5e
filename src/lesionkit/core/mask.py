"""Binary masks as text: three run-length codes by name. They are incompatible, and none says which it is.

All three walk down the columns of an image (column-major), so sample (row, column) is number `column * rows + row`.

| code       | text                                                    | counting                 | empty  |
|------------|---------------------------------------------------------|--------------------------|--------|
| rle_siim   | pairs: gap since the end of the previous run, length    | relative, from 0         | `-1`   |
| rle_kaggle | pairs: start, length                                    | absolute, from 1         | blank  |
| rle_coco   | lengths of runs outside, inside, outside … or their compressed text | relative, from 0 | one run |
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.rle_check import check_end, check_pairs, check_size, is_whole, whole_numbers
from lesionkit.core.runs import Integers, Runs, Shape, merged_runs, runs_of, unite

# --- rle_siim ------------------------------------------------------------------------------------------------------


def encode_rle_siim(mask: ArrayLike | Runs) -> str:
    """Text of a mask in the code of the SIIM-ACR pneumothorax challenge.

    >>> encode_rle_siim([[0, 1], [1, 1]])
    '1 3'
    >>> encode_rle_siim([[0, 0], [0, 0]])
    '-1'
    """
    runs = mask if isinstance(mask, Runs) else runs_of(mask)
    if not len(runs.starts):
        return "-1"
    gaps = np.diff(np.concatenate([[0], np.stack([runs.starts, runs.stops], axis=1).ravel()]))
    return " ".join(map(str, gaps.tolist()))


def parse_rle_siim(text: str | Sequence[str], shape: Shape) -> Runs:
    """Runs of an rle_siim text, or of several, which are united: one row per lesion (system 3, section 0.2).

    `-1` and blank text are empty, with or without blanks around.

    Raises:
        LesionkitError: not pairs of whole numbers, a negative number, an empty run, or a run beyond the image.
    """
    if isinstance(text, str):
        return _parse_siim(text, shape)
    return unite([_parse_siim(row, shape) for row in text])


def decode_rle_siim(text: str | Sequence[str], shape: Shape) -> NDArray[np.bool_]:
    """Mask (rows, columns) of an rle_siim text or of several. Inverse of `encode_rle_siim`.

    >>> decode_rle_siim([" 0 1", "3 1"], (2, 2)).astype(int).tolist()
    [[1, 0], [0, 1]]
    """
    return parse_rle_siim(text, shape).mask()


def _parse_siim(text: str, shape: Shape) -> Runs:
    if text.strip() in ("", "-1"):
        none = np.empty(0, dtype=np.int64)
        return Runs(shape, none, none)
    numbers = whole_numbers(text, "rle_siim", shape)
    check_pairs(numbers, "rle_siim", "gap", first=0)
    edges = np.cumsum(numbers)
    check_end(edges[1::2], "rle_siim", shape)
    return merged_runs(edges[::2], edges[1::2], shape)


# --- rle_kaggle ----------------------------------------------------------------------------------------------------


def encode_rle_kaggle(mask: ArrayLike | Runs) -> str:
    """Text of a mask in the code most Kaggle challenges use: 1-based starts and lengths (system 1, row 1.19).

    >>> encode_rle_kaggle([[0, 1], [1, 1]])
    '2 3'
    """
    runs = mask if isinstance(mask, Runs) else runs_of(mask)
    pairs = np.stack([runs.starts + 1, runs.stops - runs.starts], axis=1)
    return " ".join(map(str, pairs.ravel().tolist()))


def parse_rle_kaggle(text: str | Sequence[str], shape: Shape) -> Runs:
    """Runs of an rle_kaggle text, or of several, which are united. Blank text is empty.

    Raises:
        LesionkitError: as `parse_rle_siim`, and runs that overlap or are not in ascending order.
    """
    if isinstance(text, str):
        return _parse_kaggle(text, shape)
    return unite([_parse_kaggle(row, shape) for row in text])


def decode_rle_kaggle(text: str | Sequence[str], shape: Shape) -> NDArray[np.bool_]:
    """Mask (rows, columns) of an rle_kaggle text or of several. Inverse of `encode_rle_kaggle`."""
    return parse_rle_kaggle(text, shape).mask()


def _parse_kaggle(text: str, shape: Shape) -> Runs:
    numbers = whole_numbers(text, "rle_kaggle", shape)
    check_pairs(numbers, "rle_kaggle", "start", first=1)
    starts = numbers[::2] - 1
    stops = starts + numbers[1::2]
    check_end(stops, "rle_kaggle", shape)
    early = np.flatnonzero(starts[1:] < stops[:-1])
    if len(early):
        run = int(early[0])
        raise LesionkitError(
            f"runs of rle_kaggle must ascend and not overlap, got run {run + 2} starting at {starts[run + 1] + 1} "
            f"while run {run + 1} ends at {stops[run]}; if the numbers are gaps, the code is rle_siim"
        )
    return merged_runs(starts, stops, shape)


# --- rle_coco ------------------------------------------------------------------------------------------------------


def encode_rle_coco(mask: ArrayLike | Runs, compressed: bool = False) -> dict[str, Any]:
    """A mask in the code of the COCO data set: `{"size": [rows, columns], "counts": …}`.

    Args:
        compressed: counts as text, as COCO's own tools write it, instead of a list.

    >>> encode_rle_coco([[0, 1], [1, 1]])
    {'size': [2, 2], 'counts': [1, 3]}
    >>> encode_rle_coco([[1, 0], [1, 0]], compressed=True)
    {'size': [2, 2], 'counts': '022'}
    """
    runs = mask if isinstance(mask, Runs) else runs_of(mask)
    rows, columns = runs.shape
    edges = np.stack([runs.starts, runs.stops], axis=1).ravel()
    counts = np.diff(np.concatenate([[0], edges, [rows * columns]]))
    if len(counts) > 1 and counts[-1] == 0:
        counts = counts[:-1]
    return {"size": [rows, columns], "counts": _compress(counts) if compressed else counts.tolist()}


def parse_rle_coco(code: Mapping[str, Any]) -> Runs:
    """Runs of an rle_coco code, whose counts are a list, text or bytes.

    Raises:
        LesionkitError: no size, a negative count, counts that do not add up to the size, text that is cut off.
    """
    if "size" not in code or "counts" not in code:
        raise LesionkitError(f"rle_coco must have the keys 'size' and 'counts', got {sorted(map(str, code))}")
    rows, columns = _size(code["size"])
    counts = _counts(code["counts"], (rows, columns))
    if (counts < 0).any():
        raise LesionkitError(f"counts of rle_coco must not be negative, got {counts[counts < 0][0]}")
    if counts.sum() != rows * columns:
        raise LesionkitError(
            f"counts of rle_coco must add up to {rows} x {columns} = {rows * columns} pixels, got {counts.sum()}"
        )
    edges = np.cumsum(counts)
    starts, stops = edges[: len(edges) - 1 : 2], edges[1::2]
    return merged_runs(starts[stops > starts], stops[stops > starts], (rows, columns))


def decode_rle_coco(code: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Mask (rows, columns) of an rle_coco code. Inverse of `encode_rle_coco`."""
    return parse_rle_coco(code).mask()


def _size(value: Any) -> Shape:
    size: list[Any] = [value] if isinstance(value, str | int | float) else list(value)
    if len(size) != 2 or not all(is_whole(number) and number > 0 for number in size):
        raise LesionkitError(f"the size of rle_coco must be two whole numbers, rows and columns, got {str(value)[:60]}")
    return int(size[0]), int(size[1])


def _counts(value: Any, shape: Shape) -> Integers:
    if isinstance(value, bytes):
        value = value.decode("ascii", errors="replace")
    if isinstance(value, str):
        return _expand(value, shape)
    numbers = list(value) if isinstance(value, Sequence | np.ndarray) else [value]
    if not all(is_whole(number) for number in numbers) or (isinstance(value, np.ndarray) and value.ndim != 1):
        raise LesionkitError(f"counts of rle_coco must be a list of whole numbers or text, got {str(value)[:60]}")
    check_size(numbers, "rle_coco", shape)
    return np.array(numbers, dtype=np.int64)


def _compress(counts: Integers) -> str:
    """COCO's text: from the fourth on differences to the last but one, five bits a character, lowest first."""
    rest = counts.copy()
    rest[3:] -= counts[1:-2]
    characters, wanted = [], []
    more = np.ones(len(rest), dtype=bool)
    while more.any():
        wanted.append(more)
        low = rest & 31
        rest = rest >> 5
        more = more & np.where(low & 16, rest != -1, rest != 0)
        characters.append(low + 32 * more + 48)
    return bytes(np.stack(characters, axis=1)[np.stack(wanted, axis=1)].astype(np.uint8)).decode("ascii")


def _expand(text: str, shape: Shape) -> Integers:
    """Inverse of `_compress`."""
    codes = np.frombuffer(text.strip().encode("ascii", errors="replace"), dtype=np.uint8).astype(np.int64) - 48
    if len(codes) == 0 or codes.min() < 0 or codes.max() > 63 or codes[-1] & 32:
        raise LesionkitError(f"compressed counts of rle_coco must be whole and of characters '0' to 'o', got {text!r}")
    ends = np.flatnonzero((codes & 32) == 0)
    begins = np.concatenate([[0], ends[:-1] + 1])
    place = np.arange(len(codes)) - np.repeat(begins, ends - begins + 1)
    if place.max() > 11:
        raise LesionkitError("compressed counts of rle_coco must fit 64 bits, got a longer number; is the text intact?")
    counts = np.add.reduceat((codes & 31) << (5 * place), begins)
    counts = np.where(codes[ends] & 16, counts - (1 << (5 * (place[ends] + 1))), counts)
    check_size(counts.tolist(), "rle_coco", shape)  # before they are added up
    counts[1::2] = np.cumsum(counts[1::2])
    counts[2::2] = np.cumsum(counts[2::2])
    return counts


# --- tables --------------------------------------------------------------------------------------------------------


def runs_by_image(
    image_ids: Sequence[str],
    texts: Sequence[str],
    shape: Shape,
    row_numbers: Sequence[int],
    parse: Callable[[str, Shape], Runs] = parse_rle_siim,
) -> dict[str, Runs]:
    """The runs of every image of a table, in order of first mention; several rows of one image are united.

    Args:
        image_ids, texts, row_numbers: one per row; the numbers are those a person would look for in the file.
        parse: `parse_rle_siim` or `parse_rle_kaggle`.

    Raises:
        LesionkitError: what `parse` says, with the row and the image.
    """
    found: dict[str, list[Runs]] = {}
    for image_id, text, row in zip(image_ids, texts, row_numbers, strict=True):
        try:
            found.setdefault(image_id, []).append(parse(text, shape))
        except LesionkitError as error:
            raise LesionkitError(f"row {row} (image '{image_id}'): {error}") from error
    return {image_id: rows[0] if len(rows) == 1 else unite(rows) for image_id, rows in found.items()}
