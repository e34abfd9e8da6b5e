"""Which data and which model a run used: a hash that costs little even on a large data set."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.core.walk import walk

_WHOLE_BYTES = 1 << 16
_END_BYTES = 1 << 12


def fingerprint(path: Path) -> dict[str, Any]:
    """Path, number of files, bytes and a SHA-256 of a file or of everything below a folder.

    The hash covers the relative names, the sizes and the contents of files up to 64 kB, and the first and last 4 kB of
    larger ones: a full read of a public CT data set would take longer than finding its nodules. It does not depend on
    where the data lie, nor on dates. Links are followed, hidden and trash files left out. Of a run folder only weights
    (`*.safetensors`) count.

    Raises:
        LesionkitError: there is nothing at `path`, or it cannot be read.
    """
    path = Path(path)
    if not path.exists():
        raise LesionkitError(f"there is no file or folder {path}; check the spelling")
    digest = hashlib.sha256()
    count = total = 0
    try:
        for name, file in _files(path):
            size = file.stat().st_size
            digest.update(f"{name}\0{size}\0".encode("utf-8", "surrogateescape"))
            digest.update(_telling_bytes(file, size))
            count, total = count + 1, total + size
    except OSError as error:
        raise LesionkitError(
            f"cannot read {error.filename or path}: {error.strerror}; check its permissions"
        ) from error
    return {"path": str(path.resolve()), "files": count, "bytes": total, "sha256": digest.hexdigest()}


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    if path.is_file():
        yield "", path
        return
    only = ".safetensors" if (path / "run.json").is_file() else ""
    for file in sorted(walk(path).files):
        if file.name.endswith(only):
            yield file.relative_to(path).as_posix(), file


def _telling_bytes(file: Path, size: int) -> bytes:
    if size <= _WHOLE_BYTES:
        return file.read_bytes()
    with file.open("rb") as stream:
        first = stream.read(_END_BYTES)
        stream.seek(-_END_BYTES, 2)
        return first + stream.read()
