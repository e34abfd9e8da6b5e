"""File names of any bytes as text that can be shown and kept.

Python holds bytes of a name that are no UTF-8 as lone surrogates, which no file, page or terminal takes.
"""

import os
from pathlib import Path, PurePosixPath
from urllib.parse import unquote_to_bytes

from lesionkit.core.errors import LesionkitError

_SCHEME = "file://"


def printable(text: str) -> str:
    """The text with bytes that the locale does not know read as UTF-8, else as Latin-1 as in old Windows archives.

    >>> printable("M\\udcfcller")
    'Müller'
    """
    try:
        text.encode("utf-8")
        return text
    except UnicodeEncodeError:
        pass
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeError:
        return "".join(_printable(letter) for letter in text)


def _printable(letter: str) -> str:
    code = ord(letter)
    if 0xDC80 <= code <= 0xDCFF:
        return chr(code - 0xDC00)
    return "\N{REPLACEMENT CHARACTER}" if 0xD800 <= code <= 0xDFFF else letter


def path_to_text(path: str | Path) -> str:
    """A path as text that any file takes: itself, or a URI where it holds bytes that are no UTF-8."""
    text = str(path)
    try:
        text.encode("utf-8")
        return text
    except UnicodeEncodeError:
        return Path(text).absolute().as_uri()


def path_from_text(text: str) -> str:
    """Inverse of `path_to_text`."""
    return os.fsdecode(unquote_to_bytes(text.removeprefix(_SCHEME))) if text.startswith(_SCHEME) else text


def file_in(folder: Path, name: str) -> Path:
    """A file of a folder, whose name came from a file or a table of others.

    >>> file_in(Path("run/masks"), "a.png").as_posix()
    'run/masks/a.png'

    Raises:
        LesionkitError: the name leads out of the folder.
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or parts[0] == "/" or ".." in parts or "\0" in name or parts[0].endswith(":"):
        raise LesionkitError(f"an image must have a name that stays in its folder, got '{printable(name)}'; rename it")
    return folder / name
