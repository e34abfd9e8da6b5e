"""Names of a table, or of a folder of drawings, that no image has: said, for they may be typing errors."""

import difflib
from collections.abc import Collection, Iterable
from pathlib import Path


def unmatched(source: Path, named: Iterable[str], known: Collection[str], kind: str) -> list[str]:
    """A sentence where some names of a table or folder belong to no image; none where all do.

    Args:
        named: by the table, or the drawings of the folder.
        known: names of the images that are there.
        kind: what such an image is called: "slide".

    >>> unmatched(Path("labels.csv"), ["a", "b", "C"], {"a", "c"}, "slide")
    ["labels.csv: 2 of 3 rows name no slide that is there, the first 'b'; 'C' may mean 'c'"]
    """
    names = list(dict.fromkeys(named))
    missing = [name for name in names if name not in known]
    if not missing:
        return []
    what = "files belong to" if source.is_dir() else "rows name"
    sentence = f"{source}: {len(missing)} of {len(names)} {what} no {kind} that is there, the first '{missing[0]}'"
    return [sentence + _guess(missing, known)]


def _guess(missing: Iterable[str], known: Collection[str]) -> str:
    """Which name was meant, where one differs by case alone or by a letter."""
    folded = {name.casefold(): name for name in known}
    for name in list(missing)[:20]:
        if name.casefold() in folded:
            return f"; '{name}' may mean '{folded[name.casefold()]}'"
    first = next(iter(missing))
    close = difflib.get_close_matches(first, list(known)[:2000], n=1, cutoff=0.9)
    return f"; it may mean '{close[0]}'" if close else ""
