"""What settings were called before, so that who writes an old name is told the new one."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings

S = TypeVar("S", bound=Settings)

NEW_NAMES: Mapping[str, str] = {
    "split.trained": "split.every_fold (true: all folds are trained; of a member, folds says how many)",
    "split.test_share": "split.shares (its third number)",
}
"""Old dotted name -> what to write instead; the names that lead there, such as members, may come before both."""


def new_name(path: Sequence[str]) -> str | None:
    """What a setting is called now; None where it never was called so.

    >>> new_name(("split", "test_share"))
    'split.shares (its third number)'
    """
    for start in range(len(path)):
        found = NEW_NAMES.get(".".join(path[start:]))
        if found is not None:
            return ".".join((*path[:start], found))
    return None


def old_names(values: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """ "X is now called Y" for every old name among nested plain values.

    >>> list(old_names({"split": {"folds": 5, "test_share": 0.1}}))
    ['split.test_share is now called split.shares (its third number)']
    """
    if isinstance(values, Mapping):
        for name, value in values.items():
            here = (*path, str(name))
            new = new_name(here)
            if new is not None:
                yield f"{'.'.join(here)} is now called {new}"
            yield from old_names(value, here)
    elif isinstance(values, list | tuple):
        for value in values:
            yield from old_names(value, path)


def kept_settings(kind: type[S], values: Mapping[str, Any], where: Path) -> S:
    """The settings that a run folder or a model holds.

    Raises:
        LesionkitError: it was made before settings were renamed; says which and how to go on.
    """
    refuse_earlier(values, where)
    return kind.parse(values)


def refuse_earlier(values: Mapping[str, Any], where: Path) -> None:
    """Refuse settings with old names.

    Raises:
        LesionkitError: says what is now called what, and how to go on.
    """
    found = list(dict.fromkeys(old_names(values)))
    if found:
        shown = "; ".join(found[:3]) + (f"; and {len(found) - 3} more" if len(found) > 3 else "")
        raise LesionkitError(
            f"{where} was made by an earlier lesionkit: {shown}; repeat its command in a new folder (--out NEW, and "
            "--config with the new names), for what was trained or found before cannot be gone on with"
        )
