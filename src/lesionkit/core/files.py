"""Replace a file or folder in one step, so that a reader never sees half of it; read JSON of a known format.

A temporary name tells which process of which machine writes there, so that what a killed one left can be removed.
"""

import errno
import json
import os
import re
import shutil
import socket
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from lesionkit.core.errors import LesionkitError
from lesionkit.core.names import printable

Thing = TypeVar("Thing")

_TEMPORARY = re.compile(r"\.tmp-([0-9a-f]{8})-(\d+)-")
_LONGEST_NAME, _DAY_S = 120, 86_400
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FEW_BYTES = 1 << 16


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` on success, delete it on failure.

    The temporary name keeps the suffixes of `path`, so that writers which choose a format by suffix work. The parent
    folder is made. A folder may be written too: then an existing `path` must not be a non-empty folder.

    Raises:
        LesionkitError: the folder cannot be written to, or the disk is full.
    """
    path = Path(path)
    temporary = _beside(path)
    try:
        yield temporary
        temporary.replace(path)
    except Exception as error:
        # A library may raise anything where a disk is full; while its half file is there, the disk tells.
        if (isinstance(error, OSError) and error.errno in _FULL) or _is_full(path.parent):
            raise LesionkitError(
                f"the disk is full, cannot write {path}; free some space and run the same command again to resume"
            ) from error
        raise
    finally:
        _remove(temporary)


def remove_stale(folder: Path, below: bool = True) -> int:
    """Remove what killed processes left half-written in a folder, and return how many files and folders that were.

    What a living process of this machine writes is left alone, also another's; of other machines, which cannot be
    asked, what is younger than a day.

    Args:
        below: in all folders below it too.
    """
    found = list(folder.rglob(".tmp-*") if below else folder.glob(".tmp-*")) if folder.is_dir() else []
    stale = [path for path in found if _is_stale(path)]
    for path in stale:
        _remove(path)
    return len(stale)


def _beside(path: Path) -> Path:
    """A name of nothing, beside a path."""
    prefix = f".tmp-{_machine()}-{os.getpid()}-"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A name of 255 bytes would have no room for more.
        handle, name = tempfile.mkstemp(prefix=prefix, suffix="-" + path.name[-_LONGEST_NAME:], dir=path.parent)
        os.close(handle)
        Path(name).unlink()
    except OSError as error:
        if error.errno in _FULL:
            raise LesionkitError(
                f"the disk is full, cannot write {path}; free some space and run the same command again to resume"
            ) from error
        raise LesionkitError(
            f"cannot write {path}: {error.strerror or error}; choose a writable output folder"
        ) from error
    return Path(name)


def _machine() -> str:
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def _is_stale(path: Path) -> bool:
    named = _TEMPORARY.match(path.name)
    try:
        if named is None or named[1] != _machine():
            return time.time() - path.lstat().st_mtime > _DAY_S
        os.kill(int(named[2]), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # of another user, or gone meanwhile
        return False
    return False


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _FEW_BYTES
    except OSError:
        return False


def _remove(path: Path) -> None:
    """Remove a file or folder, if it is there and can be."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return  # what cannot be removed, on a disk that became read-only, must not hide why


def write_text(path: Path, text: str) -> Path:
    """Write UTF-8 text atomically and return the path; names of files are made `printable`."""
    with replacing(path) as temporary:
        temporary.write_text(printable(text), encoding="utf-8")
    return Path(path)


def read_document(path: Path, what: str, format: str, parse: Callable[[Mapping[str, Any]], Thing]) -> Thing:
    """Read JSON whose "format" is this one.

    Args:
        what: is written there, in the words of the error.
        parse: the document -> what is made of it.

    Raises:
        LesionkitError: no such file, another format, or a document that `parse` cannot make anything of.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        if content["format"] != format:
            raise ValueError(f"format '{content['format']}'")
        return parse(content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise LesionkitError(
            f"{path} must be {what} of the format '{format}', got {type(error).__name__}: {error}; fit it again"
        ) from error
