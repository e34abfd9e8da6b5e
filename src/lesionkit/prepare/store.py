"""Prepared cases on disk, under a key of content, settings and version.

Each case is a folder of one compressed array per image and a `case.json`. It appears in one step when it is
complete, and it is checked before it is used; a damaged one is removed, so that it is prepared again.
"""

import hashlib
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import lesionkit
from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing
from lesionkit.core.settings import Settings
from lesionkit.prepare.keyed_folders import KeyedFolders, first_wins, size_of
from lesionkit.prepare.stored_case import ABOUT, content_of, find_damage, read_about, read_case, write_case

__all__ = ["Entry", "ReadRate", "Store", "content_of", "measure_read_rate"]

_log = logging.getLogger(__name__)
_FORMAT = 1
_SUFFIX = ".case"


@dataclass(frozen=True)
class Entry:
    """One stored case as `Store.ls` lists it; sizes on disk and of the arrays in memory."""

    key: str
    case_id: str
    patient_id: str
    size_bytes: int
    raw_bytes: int


class Store:
    """A folder of prepared cases. May be used by several threads and processes at once.

    >>> import tempfile
    >>> Store(Path(tempfile.mkdtemp())).ls()
    []
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self._kept = KeyedFolders(self.root, _SUFFIX)
        self._checked: set[str] = set()

    @staticmethod
    def key(content: str, settings: Settings) -> str:
        """The name of what `settings` make of `content`, in this version of the program.

        Args:
            content: from `content_of`, or any text that changes when the source does.
        """
        values = [_FORMAT, lesionkit.__version__, content, type(settings).__name__, settings.model_dump(mode="json")]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:32]

    def put(self, key: str, case: Case) -> Case:
        """Store a case and return it as `get` would; whoever comes first wins when several put the same key.

        Raises:
            LesionkitError: the folder cannot be written to, or what was written cannot be read back.
        """
        folder = self._kept.folder(key)
        if self.get(key) is None:
            with first_wins(folder / ABOUT), replacing(folder) as temporary:
                temporary.mkdir()
                write_case(temporary, case)
        stored = self.get(key)
        if stored is None:
            raise LesionkitError(f"{folder} cannot be read back after writing; check the disk")
        return stored

    def get(self, key: str) -> Case | None:
        """The stored case with lazy images, or None if it is absent or was damaged (it is then removed).

        Checksums are compared the first time this object sees the key.
        """
        folder = self._kept.folder(key)
        if not folder.is_dir():
            return None
        if key not in self._checked:
            damage = find_damage(folder)
            if damage:
                _log.warning("stored case %s is damaged (%s); it was removed and will be prepared again", key, damage)
                self.remove(key)
                return None
            self._checked.add(key)
        return read_case(folder)

    def remove(self, key: str) -> None:
        """Delete one case; nothing happens if it is absent."""
        self._kept.remove(key)
        self._checked.discard(key)

    def ls(self) -> list[Entry]:
        """All readable cases, by case id."""
        entries = []
        for folder in self._kept.all():
            try:
                about = read_about(folder)
            except (OSError, ValueError):
                continue
            raw = sum(array["raw_bytes"] for array in about["arrays"].values())
            entries.append(Entry(folder.stem, about["case_id"], about["patient_id"], size_of(folder), raw))
        return sorted(entries, key=lambda entry: (entry.case_id, entry.key))

    def verify(self, remove: bool = False) -> dict[str, str]:
        """Damaged cases: key -> what is wrong. With `remove` they are deleted."""
        found = self._kept.damaged(find_damage)
        if remove:
            for key in found:
                self.remove(key)
        return found

    def clear(self) -> int:
        """Delete all cases, unfinished ones too, and return how many bytes that freed. Other files are left alone."""
        self._checked.clear()
        return self._kept.clear()


@dataclass(frozen=True)
class ReadRate:
    """How fast random patches come out of a store."""

    patches_per_s: float
    mb_per_s: float
    """Of decompressed samples, 10^6 bytes a second."""
    patches: int


def measure_read_rate(store: Store, patch: int = 96, seconds: float = 2.0, seed: int = 0) -> ReadRate:
    """Read random cubes of `patch` samples a side for some seconds, as training would, in this process.

    Raises:
        LesionkitError: the store is empty.
    """
    cases = [case for entry in store.ls() if (case := store.get(entry.key))]
    if not cases:
        raise LesionkitError(f"the store {store.root} holds no case; prepare at least one before measuring it")
    rng = np.random.default_rng(seed)
    count = read_bytes = 0
    started = time.perf_counter()
    while count == 0 or time.perf_counter() - started < seconds:
        image = cases[int(rng.integers(len(cases)))].image
        read_bytes += image.read(_random_box(rng, image.grid.shape, patch)).nbytes
        count += 1
    elapsed = time.perf_counter() - started
    return ReadRate(count / elapsed, read_bytes / elapsed / 1e6, count)


def _random_box(rng: np.random.Generator, shape: Sequence[int], side: int) -> tuple[slice, ...]:
    starts = [int(rng.integers(max(n - side, 0) + 1)) for n in shape]
    return tuple(slice(start, min(start + side, n)) for start, n in zip(starts, shape, strict=True))
