"""Which of the things that others drew are lesions, by their names and codes."""

import re
from collections.abc import Mapping, Sequence

from lesionkit.core.errors import LesionkitError

_LESION = re.compile(
    r"nodul|lesion|tumou?r|cancer|carcinom|adenoma|metasta|neoplas|malignan|\bmass(es)?\b|\bgtv|finding|pneumothora",
    re.I,
)
_NO_LESION = re.compile(
    r"healthy|normal|\bno[nt]?[\s_-]?(lesion|nodul|tumou?r|finding)|background|\blymph node station", re.I
)


def is_lesion(name: str) -> bool:
    """Whether a name, or the meaning of a code, says lesion.

    >>> [is_lesion(name) for name in ("Lung nodule", "GTV-1", "Left lung", "non-nodule", "Neoplasm, Primary")]
    [True, True, False, False, True]
    """
    return _LESION.search(name) is not None and _NO_LESION.search(name) is None


def lesion_values(names: Mapping[int, str], wanted: Sequence[str] = ()) -> frozenset[int]:
    """The values of a label map that are lesions.

    Args:
        names: value -> name, without the background.
        wanted: names that are; none: those that say so, or the only one there is.

    Raises:
        LesionkitError: none of several is called as a lesion, or one that is wanted is not there.

    >>> sorted(lesion_values({1: "lung", 2: "nodule"})), sorted(lesion_values({1: "label 1"}))
    ([2], [1])
    """
    if wanted:
        folded = {name.casefold(): value for value, name in names.items()}
        missing = [name for name in wanted if name.casefold() not in folded]
        if missing:
            raise LesionkitError(f"a label of lesions must be one of {', '.join(names.values())}, got '{missing[0]}'")
        return frozenset(folded[name.casefold()] for name in wanted)
    found = frozenset(value for value, name in names.items() if is_lesion(name))
    if found or len(names) < 2:
        return found or frozenset(names)
    raise LesionkitError(
        f"one of the labels must be of lesions, but they are called {', '.join(names.values())}; say which with "
        f"--set lesion_labels='[\"{next(iter(names.values()))}\"]'"
    )
