"""What several readers said of the same items."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from lesionkit.core.errors import LesionkitError
from lesionkit.core.untrusted import reads
from lesionkit.read.rows import Row, counts_up, is_unnamed, read_rows

_ONE, _ZERO = ("true", "yes", "y", "t"), ("false", "no", "n", "f")
_MISSING = ("na", "n/a", "nan", "<na>", "null")


@reads("a table of readings")
def read_readings(path: Path | str, levels: Sequence[str] = ()) -> pd.DataFrame:
    """Answers of readers: one row per item (a lesion, a case), one column per reader, after the item's name.

    Equal answers get one spelling: numbers are equal by value (1, 1.0 and 01), words whether large or small, and where
    one wrote 1 and 0 and another true and false, or yes and no, these are equal too. A column that only numbers the
    items, as pandas writes one, is left out.

    Args:
        levels: answers whose spelling goes before that of the table.

    Returns:
        Text of the answers; the index is the item.

    Raises:
        LesionkitError: no such file or no text, fewer than two readers, two readers or two items of one name, a row of
            another length, or a missing answer; the row is named, counted from 1 with the header.
    """
    rows = _without_index(read_rows(path, "a readable CSV table"))
    header = rows[0].cells if rows else []
    if len(header) < 3 or len(set(header)) < len(header) or len(rows) < 2 or "" in header[1:]:
        raise LesionkitError(
            f"{path} must have a header of the item and at least two readers of different names, and a row per item, "
            f"got {len(rows)} row(s), the first with {', '.join(name or 'no name' for name in header) or 'nothing'}"
        )
    items: dict[str, list[str]] = {}
    told = {level.casefold() for level in levels}
    for number, cells in rows[1:]:
        missing = [cell for cell in cells[1:] if not cell or cell.casefold() in set(_MISSING) - told]
        if len(cells) != len(header) or not cells[0] or missing:
            raise LesionkitError(
                f"{path}, row {number}, must have an item and the answer of each of the {len(header) - 1} readers, got "
                f"{', '.join(cells)}; leave out items that somebody did not read"
            )
        if cells[0] in items:
            raise LesionkitError(f"{path}, row {number}, must be an item of its own, but '{cells[0]}' is there already")
        items[cells[0]] = cells[1:]
    spelled = _spelling(levels, (answer for answers in items.values() for answer in answers))
    alike = {item: [spelled[answer] for answer in answers] for item, answers in items.items()}
    return pd.DataFrame.from_dict(alike, orient="index", columns=header[1:])


def _spelling(levels: Sequence[str], answers: Iterable[str]) -> dict[str, str]:
    """The spelling of each answer: that of the level, else of the first equal one; numbers as they are shortest."""
    keys = {answer: _key(answer) for answer in (*levels, *answers)}
    ways = [way for way in (("1", "0"), *zip(_ONE, _ZERO, strict=True)) if not set(way).isdisjoint(keys.values())]
    if len(ways) > 1 and set(keys.values()) <= {word for way in ways for word in way}:
        number = {word: number for way in ways for word, number in zip(way, ("1", "0"), strict=True)}
        keys = {answer: number[key] for answer, key in keys.items()}
    first = {keys[level]: level for level in reversed(levels)}
    for answer, key in keys.items():
        first.setdefault(key, _key(answer) if _number(answer) is not None else answer)
    return {answer: first[key] for answer, key in keys.items()}


def _key(answer: str) -> str:
    """The same for equal answers.

    >>> [_key(answer) for answer in ("1", "1.0", "01", "2.50", "Yes", "-0")]
    ['1', '1', '1', '2.5', 'yes', '0']
    """
    number = _number(answer)
    if number is None:
        return answer.casefold()
    return str(int(number)) if number.is_integer() else repr(number)


def _number(answer: str) -> float | None:
    try:
        number = float(answer)
    except ValueError:
        return None
    return number if abs(number) < 1e15 else None  # neither nan, nor what would lose digits


def _without_index(rows: list[Row]) -> list[Row]:
    """The rows without an unnamed column that counts, where a column of the items' names follows it, and without
    columns at the end in which nothing stands."""
    if not rows:
        return rows
    width = max((i for row in rows for i, cell in enumerate(row.cells, 1) if cell), default=0)
    kept = [Row(row.number, row.cells[:width]) for row in rows]
    while (
        len(kept) > 1 and width > 1 and is_unnamed(kept[0].cells[0]) and counts_up([row.cells[0] for row in kept[1:]])
    ):
        names = [row.cells[1] if len(row.cells) > 1 else "" for row in kept[1:]]
        answers = {cell for row in kept[1:] for cell in row.cells[2:]}
        if not is_unnamed(kept[0].cells[1]) and (len(set(names)) < len(names) or not answers.isdisjoint(names)):
            break
        kept = [Row(row.number, row.cells[1:]) for row in kept]
    return kept
