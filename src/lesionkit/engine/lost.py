"""What is said of a case whose worker died: its size, why, and what to do."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lesionkit.core.errors import LesionkitError


@dataclass(frozen=True)
class Death:
    """The end of a worker.

    Attributes:
        cause: "was killed (signal 9)".
        starved: most likely for want of memory.
        blameless: the case cannot be at fault, since a whole machine went.
        peak_bytes: memory it had when it was last looked at, None where nobody looked.
    """

    cause: str
    starved: bool = False
    blameless: bool = False
    peak_bytes: int | None = None


def lost_sentence(item: Any, death: Death, tries: int) -> str:
    """Why a case has no result though it was tried so often."""
    size, had = size_of(item), death.peak_bytes
    told = [f"it is {in_units(size)} on disk"] if size is not None else []
    told += [f"its process had {in_units(had)} when last seen"] if had else []
    facts = f" ({', '.join(told)})" if told else ""
    often = f" {tries} times" if tries > 1 else ""
    if death.starved:
        return (
            f"its process {death.cause}{often}, most likely for want of memory{facts}; give it a machine with more, "
            "or take fewer engine.workers, and run the same command again"
        )
    return f"its process {death.cause}{often}{facts}; run the same command again, or leave it out"


def died_sentence(name: str, item: Any, death: Death, workers: int, given_up: bool) -> str:
    """What is told at once where a worker died.

    >>> died_sentence("p1", None, Death("was killed (signal 9)", starved=True), 3, False)
    "the process that worked on 'p1' was killed (signal 9); it is tried again alone, and 3 worker(s) go on"
    """
    size = size_of(item)
    large = f" ({in_units(size)})" if size is not None else ""
    then = "it is left out" if given_up else "it is tried again alone" if death.starved else "it is tried again"
    others = f", and {workers} worker(s) go on" if death.starved else ""
    return f"the process that worked on '{name}'{large} {death.cause}; {then}{others}"


def size_of(item: Any) -> int | None:
    """Bytes on disk of what an item points at: a path, something with a path, or a tuple that begins with one."""
    if isinstance(item, tuple) and item:
        return size_of(item[0])
    path = item if isinstance(item, Path) else getattr(item, "path", None)
    if not isinstance(path, Path):
        return None
    try:
        return sum(file.stat().st_size for file in _files(path))
    except OSError:
        return None


def _files(path: Path) -> Iterator[Path]:
    yield from (p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


def in_units(size: int) -> str:
    """A number of bytes, readable.

    >>> in_units(512), in_units(1_400_000), in_units(2_250_000_000)
    ('512 bytes', '1.4 MB', '2.2 GB')
    """
    for unit, one in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= one:
            return f"{size / one:.1f} {unit}"
    return f"{size} bytes"


def no_worker(backend: str, death: Death) -> LesionkitError:
    """The sentence where workers die before they have done anything."""
    return LesionkitError(
        f"engine.backend={backend} needs workers, but each ended as it began: its process {death.cause}; "
        "free memory, or take engine.backend=serial to see what is wrong"
    )
