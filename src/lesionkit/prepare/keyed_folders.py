"""A folder of folders, each under a key: what every store of prepared images is on disk."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lesionkit.core.errors import LesionkitError


@dataclass(frozen=True)
class KeyedFolders:
    """The folders `<key><suffix>` in a root; other files there are left alone.

    Attributes:
        suffix: ".case", ".pictures" …: several stores may share a root.
    """

    root: Path
    suffix: str

    def folder(self, key: str) -> Path:
        """Where a key has its folder, whether it is there or not.

        Raises:
            LesionkitError: the key has other characters than letters and digits.
        """
        if not key or not key.isalnum():
            raise LesionkitError(f"a key of the store is made of letters and digits, got {key!r}; use Store.key")
        return self.root / f"{key}{self.suffix}"

    def all(self) -> list[Path]:
        """The folders that are there, by key."""
        if not self.root.is_dir():
            return []
        return sorted(f for f in self.root.glob(f"*{self.suffix}") if f.is_dir() and not f.name.startswith("."))

    def damaged(self, find: Callable[[Path], str | None]) -> dict[str, str]:
        """Key -> what `find` says is wrong with its folder."""
        return {folder.stem: damage for folder in self.all() if (damage := find(folder))}

    def remove(self, key: str) -> None:
        """Delete one folder; nothing happens if it is absent."""
        shutil.rmtree(self.folder(key), ignore_errors=True)

    def clear(self) -> int:
        """Delete all folders, unfinished ones too, and return how many bytes that freed."""
        folders = self.all()
        freed = sum(size_of(folder) for folder in folders)
        for folder in (*folders, *self.root.glob(f".tmp-*{self.suffix}")):
            shutil.rmtree(folder, ignore_errors=True)
        return freed


@contextmanager
def first_wins(proof: Path) -> Iterator[None]:
    """Renaming onto a folder that another process has just made fails; then theirs is as good as ours.

    Args:
        proof: a file that theirs holds.
    """
    try:
        yield
    except OSError:
        if not proof.is_file():
            raise


def size_of(folder: Path) -> int:
    """Bytes of the files of a folder."""
    return sum(file.stat().st_size for file in folder.iterdir())
