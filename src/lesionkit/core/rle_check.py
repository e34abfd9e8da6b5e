"""What the numbers of a run-length code must be, whichever code it is; what is wrong is told in one sentence."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from lesionkit.core.errors import LesionkitError
from lesionkit.core.runs import Integers, Shape

_WHOLE = re.compile(r"[+-]?[0-9]{1,4000}")
_DIGITS = 20


def whole_numbers(text: str, code: str, shape: Shape) -> Integers:
    """The numbers of a text; none is beyond the image, so that sums of them cannot run over 64 bits."""
    words = text.split()
    # int() also takes "1_000" and the digits of other scripts, which no tool that writes these codes means.
    if not all(_WHOLE.fullmatch(word) for word in words):
        raise LesionkitError(f"{code} must be whole numbers between blanks, got {text.strip()[:60]!r}")
    numbers = [int(word) for word in words]
    check_size(numbers, code, shape)
    return np.array(numbers, dtype=np.int64)


def check_size(numbers: Sequence[int], code: str, shape: Shape) -> None:
    """Refuse a number that is larger than the image has pixels."""
    rows, columns = shape
    pixels = rows * columns
    place = next((i for i, number in enumerate(numbers) if abs(number) > pixels), None)
    if place is not None:
        raise LesionkitError(
            f"numbers of {code} must lie within the {rows} x {columns} image of {pixels} pixels, got "
            f"{_short(numbers[place])} as number {place + 1}; check the image size and which run-length code it is"
        )


def _short(number: int) -> str:
    """A number as it is, or its beginning: a text may hold thousands of digits."""
    return str(number) if abs(number) < 10**_DIGITS else f"a number of more than {_DIGITS} digits"


def check_pairs(numbers: Integers, code: str, name: str, first: int) -> None:
    """Refuse an odd count of numbers, an empty run, and a start or gap below `first`."""
    if len(numbers) % 2:
        raise LesionkitError(
            f"{code} must be pairs of {name} and length, got {len(numbers)} numbers; is the text cut off?"
        )
    wrong = np.flatnonzero(numbers < np.where(np.arange(len(numbers)) % 2, 1, first))
    if len(wrong):
        place = int(wrong[0])
        what, least = ("length", 1) if place % 2 else (name, first)
        raise LesionkitError(f"a {what} of {code} must be at least {least}, got {numbers[place]} as number {place + 1}")


def check_end(stops: Integers, code: str, shape: Shape) -> None:
    """Refuse a run that ends beyond the image."""
    rows, columns = shape
    if len(stops) and stops.max() > rows * columns:
        run = int(np.flatnonzero(stops > rows * columns)[0])
        raise LesionkitError(
            f"runs of {code} must end within the {rows} x {columns} image of {rows * columns} pixels, "
            f"got run {run + 1} ending at {stops[run]}; check the image size and which run-length code it is"
        )


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number, of Python or of NumPy."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
