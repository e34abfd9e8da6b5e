"""What is called otherwise than in the first recording of same_outputs.py, and which differences are meant."""

import fnmatch
from collections.abc import Mapping
from typing import Any

_EVERY: dict[str, str | None] = {
    "learn.most_minutes": "learn.minutes",
    "learn.loader_workers": "learn.workers",
    "learn.steps_per_epoch": "learn.validate_every",
    "score.samples": "score.bootstrap",
}
_INFER = ("tile", "halo", "least_stride", "precision", "device")
_SAMPLED = ("most", "seed", "patch", "centre", "rule", "quantile", "batch")
RENAMED: dict[str, dict[str, str | None]] = {
    "ct-nodule": {**_EVERY, "score.bootstrap_samples": "score.bootstrap", "infer.flips": "infer.flip"},
    "xray-": _EVERY,
    "slide-": {
        **_EVERY,
        **{f"search.{name}": f"infer.{name}" for name in ("mode", "threads")},
        **{f"dense.{name}": f"infer.{name}" for name in _INFER},
        **{f"sampled.{name}": f"infer.sampled.{name}" for name in _SAMPLED},
        **{f"sampled.{name}": None for name in ("precision", "device")},
    },
}
"""Recipe (or a beginning of its name) -> name of a setting in the first recording -> its name now, None where it is
gone: {"ct-nodule": {"learn.workers": "learn.loader_workers"}}."""

MOVED: dict[str, str] = {}
"""File of a step as it was -> as it is: {"xray-*/ensemble.json": "xray-*/models/ensemble.json"}; `*` stands for the
name of the step."""

MEANT: dict[str, str] = {}
"""Beginning of a difference, as it is told, with `*` -> why it is meant. It is counted, and told at the end."""

_ABSENT = object()


def name_now(recipe: str, name: str) -> str:
    """What a setting of the first recording is called now; names that the recipe still has stay."""
    from lesionkit.recipes import load_recipe

    group: Any = load_recipe(recipe).settings()
    for part in name.split("."):
        if not hasattr(group, part):
            return _renamed(recipe).get(name) or name
        group = getattr(group, part)
    return name


def _renamed(recipe: str) -> dict[str, str | None]:
    return {old: new for of, names in RENAMED.items() if recipe.startswith(of) for old, new in names.items()}


def with_names(value: Any, recipe: str) -> Any:
    """What was read, with settings under the names that they have now: of run.json and of cards, or of a whole file."""
    names = _renamed(recipe)
    if not names or not isinstance(value, dict):
        return value
    if "card" in value:
        return value | {"card": with_names(value["card"], recipe)}
    held = value.get("settings", value)
    groups = [held] if isinstance(held, dict) else []
    groups += [one for group in groups for one in group.get("members") or () if isinstance(one, dict)]
    groups += [group["lung"]["member"] for group in groups[:1] if isinstance(group.get("lung"), dict)]
    for old, new in names.items():
        for group in groups:
            found = _take(group, old.split("."))
            if found is not _ABSENT and new is not None:
                _put(group, new.split("."), found)
    return value


def _take(group: Any, path: list[str]) -> Any:
    for part in path[:-1]:
        group = group.get(part) if isinstance(group, dict) else None
    return group.pop(path[-1], _ABSENT) if isinstance(group, dict) else _ABSENT


def _put(group: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        group = group.setdefault(part, {})
    group[path[-1]] = value


def moved_back() -> dict[str, str]:
    return {new: old for old, new in MOVED.items()}


def swapped(name: str, table: Mapping[str, str]) -> str:
    step, _, rest = name.partition("/")
    for old, new in table.items():
        if fnmatch.fnmatch(name, old) and rest == old.partition("/")[2]:
            return f"{step}/{new.partition('/')[2]}"
    return name


def why_meant(line: str) -> str | None:
    return next((why for pattern, why in MEANT.items() if fnmatch.fnmatch(line, pattern)), None)
