"""Images of a run that are no longer where they were: found again below another folder by name."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes.searching import F


def found_again(
    found: Sequence[F], there: Callable[[Path], bool], images: Path | None, noun: str
) -> tuple[list[F], dict[str, str]]:
    """What was found, with the paths of images that were moved, and by case id why an image is not there.

    Args:
        images: where moved images are looked for: by as much of their old path as fits, else by name anywhere below.

    Raises:
        LesionkitError: none is there, or `images` is no folder.
    """
    if images is not None and not images.is_dir():
        raise LesionkitError(f"--images must be a folder, but there is no folder {images}")
    placed: list[F] = []
    missing: dict[str, str] = {}
    for one in found:
        path = one.item.path
        new = _moved(path, images, there) if images is not None else None
        if new is not None:
            # A finding is a frozen dataclass, whatever its kind.
            placed.append(replace(_as_any(one), item=replace(one.item, path=new)))
            continue
        placed.append(one)
        if not there(path):
            where = f"nor below {images}" if images is not None else "anymore; name its new place with --images DIR"
            missing[one.item.case_id] = f"{path}: the {noun} is not there {where}"
    if missing and len(missing) == len(found):
        first = next(iter(missing.values()))
        raise LesionkitError(f"none of the {len(found)} {noun}s of the run is where it was, the first: {first}")
    return placed, missing


def _as_any(one: Any) -> Any:
    return one


def _moved(path: Path, images: Path, there: Callable[[Path], bool]) -> Path | None:
    """Where an image lies below a folder; None where it is not, or several have its name."""
    if images.name == path.name and there(images):
        return images
    parts = path.parts[1:] if path.is_absolute() else path.parts
    for length in range(len(parts), 0, -1):
        candidate = images.joinpath(*parts[-length:])
        if there(candidate):
            return candidate
    named = [found for found in images.rglob(path.name) if there(found)]
    return named[0] if len(named) == 1 else None
