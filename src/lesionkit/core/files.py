"""Replace a file or folder in one step, so that a reader never sees half of it; read JSON of a known format."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from lesionkit.core.errors import LesionkitError
from lesionkit.core.names import printable

Thing = TypeVar("Thing")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` on success, delete it on failure.

    The temporary name keeps the suffixes of `path`, so that writers which choose a format by suffix work. The parent
    folder is made. A folder may be written too: then an existing `path` must not be a non-empty folder.

    Raises:
        LesionkitError: the folder cannot be written to.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".tmp-", suffix="-" + path.name, dir=path.parent)
        os.close(handle)
        Path(name).unlink()
    except OSError as error:
        raise LesionkitError(
            f"cannot write {path}: {error.strerror or error}; choose a writable output folder"
        ) from error
    temporary = Path(name)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


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
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LesionkitError(
            f"{path} must be {what} of the format '{format}', got {type(error).__name__}: {error}; fit it again"
        ) from error
