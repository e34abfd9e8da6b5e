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
    "score.bootstrap_samples": "score.bootstrap",
    "score.samples": "score.bootstrap",
    "learn.most_minutes": "learn.minutes",
    "learn.loader_workers": "learn.workers",
    "learn.steps_per_epoch": "learn.validate_every",
    "infer.flips": "infer.flip",
    **{f"search.{name}": f"infer.{name}" for name in ("mode", "threads")},
    **{f"dense.{name}": f"infer.{name}" for name in ("tile", "halo", "least_stride", "precision", "device")},
    **{f"sampled.{name}": f"infer.{name}" for name in ("precision", "device")},
    **{
        f"sampled.{name}": f"infer.sampled.{name}"
        for name in ("most", "seed", "patch", "centre", "rule", "quantile", "batch")
    },
}
"""Old dotted name -> what to write instead."""

_INSIDE = (("members",), ("lung", "member"))
"""Groups that hold settings of the same names."""


def new_name(path: Sequence[str]) -> str | None:
    """What a setting is called now; None where it never was called so.

    >>> new_name(("split", "test_share")), new_name(("members", "learn", "most_minutes")), new_name(("rule", "search"))
    ('split.shares (its third number)', 'members.learn.minutes', None)
    """
    lead = next((group for group in _INSIDE if tuple(path[: len(group)]) == group), ())
    found = NEW_NAMES.get(".".join(path[len(lead) :]))
    return None if found is None else ".".join((*lead, found))


def old_names(values: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every old name among nested plain values, and "X is now called Y".

    >>> list(old_names({"split": {"folds": 5, "test_share": 0.1}}))
    [(('split', 'test_share'), 'split.test_share is now called split.shares (its third number)')]
    """
    if isinstance(values, Mapping):
        for name, value in values.items():
            here = (*path, str(name))
            new = new_name(here)
            if new is not None:
                yield here, f"{'.'.join(here)} is now called {new}"
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
    found = list(dict.fromkeys(sentence for _, sentence in old_names(values)))
    if found:
        shown = "; ".join(found[:3]) + (f"; and {len(found) - 3} more" if len(found) > 3 else "")
        raise LesionkitError(
            f"{where} was made by an earlier lesionkit: {shown}; repeat its command in a new folder (--out NEW, and "
            "--config with the new names), for what was trained or found before cannot be gone on with"
        )
