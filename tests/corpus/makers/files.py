"""Text, bytes, links, and damage to what other makers made."""

import gzip as gz
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def text(folder: Path, path: str, text: str, encoding: str = "utf-8", newline: str = "\n") -> None:
    """A text file: a table, JSON, XML."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.replace("\n", newline).encode(encoding))


def binary(folder: Path, path: str, hex: str = "", zeros: int = 0) -> None:
    """A file of bytes, written as hexadecimal, and of zeros after them; without either an empty file."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(bytes.fromhex(hex) + bytes(zeros))


def folders(folder: Path, paths: Sequence[str]) -> None:
    """Empty folders."""
    for path in paths:
        (folder / path).mkdir(parents=True, exist_ok=True)


def cut(folder: Path, path: str, share: float = 0.5, keep: int | None = None) -> None:
    """Cut a file off, as a copy that was interrupted leaves it."""
    content = (folder / path).read_bytes()
    (folder / path).write_bytes(content[: int(len(content) * share) if keep is None else keep])


def poke(folder: Path, path: str, at: int, hex: str) -> None:
    """Overwrite bytes of a file; `at` counts from the end where it is negative."""
    content = bytearray((folder / path).read_bytes())
    new = bytes.fromhex(hex)
    start = at if at >= 0 else len(content) + at
    content[start : start + len(new)] = new
    (folder / path).write_bytes(content)


def replace(folder: Path, path: str, old: str, new: str) -> None:
    """Replace text in a file, all of it."""
    content = (folder / path).read_bytes()
    if old.encode() not in content:
        raise TypeError(f"{path} holds no {old!r}")
    (folder / path).write_bytes(content.replace(old.encode(), new.encode()))


def replace_bytes(folder: Path, files: str, old: str, new: str) -> None:
    """Replace bytes, written as hexadecimal, in files of a pattern."""
    for path in sorted(folder.glob(files)):
        content = path.read_bytes()
        if bytes.fromhex(old) not in content:
            raise TypeError(f"{path.name} holds no {old}")
        path.write_bytes(content.replace(bytes.fromhex(old), bytes.fromhex(new)))


def move(folder: Path, source: str, to: str) -> None:
    """Give a file or folder another name or place."""
    (folder / to).parent.mkdir(parents=True, exist_ok=True)
    shutil.move(folder / source, folder / to)


def copy(folder: Path, source: str, to: str) -> None:
    """A second copy of a file or folder."""
    (folder / to).parent.mkdir(parents=True, exist_ok=True)
    (shutil.copytree if (folder / source).is_dir() else shutil.copy)(folder / source, folder / to)


def rename_bytes(folder: Path, source: str, hex: str) -> None:
    """Give a file of the working folder a name of any bytes, also such as are no UTF-8."""
    (folder / source).rename(folder / os.fsdecode(bytes.fromhex(hex)))


def link(folder: Path, path: str, to: str) -> None:
    """A symbolic link; `to` may lead nowhere or back."""
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).symlink_to(to)


def compress(folder: Path, path: str, to: str) -> None:
    """The file as a gzip of another name."""
    (folder / to).write_bytes(gz.compress((folder / path).read_bytes(), mtime=0))


def deal(folder: Path, source: str, layout: Mapping[str, Any]) -> None:
    """Deal the files of a folder out anew and remove it.

    Args:
        layout: new path (a pattern such as `{i:03d}/{name}`, `{bucket}/{i}`) under "path", and the size of a bucket.
    """
    files = sorted(p for p in (folder / source).rglob("*") if p.is_file())
    size = int(layout.get("bucket", 1))
    for i, file in enumerate(files):
        target = folder / layout["path"].format(i=i, bucket=i // size, name=file.name, parent=file.parent.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(file, target)
    shutil.rmtree(folder / source, ignore_errors=True)


def locked(folder: Path, path: str) -> None:
    """Take away all rights on a file or folder."""
    (folder / path).chmod(0)
