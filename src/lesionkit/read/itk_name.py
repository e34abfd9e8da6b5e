"""A file name that ITK can open, whatever its bytes and however long."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HEADER_BYTES = 1 << 16
_LONGEST = 240


@contextmanager
def itk_name(path: Path) -> Iterator[str]:
    """The path of a file as ITK takes it: ASCII and short.

    SimpleITK aborts the process on a name that is no UTF-8, and on any that is not ASCII where the locale is; readers
    inside ITK hold names in short buffers. Such a file gets an alias in a temporary folder, together with the files
    beside it that its first 64 kB name (the samples of a .mhd).
    """
    plain = str(path)
    if plain.isascii() and len(plain) <= _LONGEST:
        yield plain
        return
    with tempfile.TemporaryDirectory(prefix="lesionkit-") as folder:
        whole = path.absolute()
        suffix = "".join(part for part in path.suffixes if part.isascii())[-10:]
        alias = Path(folder, f"scan{suffix}")
        alias.symlink_to(whole)
        _link_named(whole, Path(folder))
        yield str(alias)


def _link_named(header: Path, folder: Path) -> None:
    with header.open("rb") as file:
        said = file.read(_HEADER_BYTES)
    for other in header.parent.iterdir():
        if other != header and os.fsencode(other.name) in said:
            (folder / other.name).symlink_to(other)
