"""Where results go: `dicomweb:URL`, or `dimse:HOST:PORT/AET` (`dimse+tls:` with TLS)."""

import re
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

from lesionkit.core.errors import LesionkitError

_NODE = re.compile(r"(?P<host>\[[0-9a-fA-F:]+\]|[^/:\s\[\]]+):(?P<port>\d{1,5})/(?P<aet>[^/]+)")
_LONGEST_TITLE = 16


class UnreachableError(LesionkitError):
    """An archive that cannot take anything now; it is worth trying again later."""


class RefusedError(LesionkitError):
    """An archive that does not take what was sent; trying again helps only after something has been mended."""


@dataclass(frozen=True)
class Web:
    """An archive that is spoken to by DICOMweb.

    Attributes:
        url: of the service, to which /studies is appended.
    """

    url: str

    def __str__(self) -> str:
        return f"dicomweb:{self.url}"


@dataclass(frozen=True)
class Node:
    """An archive that is spoken to by DIMSE.

    Attributes:
        aet: its AE title.
    """

    host: str
    port: int
    aet: str
    tls: bool = False

    def __str__(self) -> str:
        return f"dimse{'+tls' * self.tls}:{self.host}:{self.port}/{self.aet}"


Address: TypeAlias = Web | Node


def parse_address(text: str) -> Address:
    """The archive that a word of the command line names. Inverse of `str`.

    Raises:
        LesionkitError: it names none, or holds a password.

    >>> parse_address("dimse:pacs.local:104/ARCHIVE")
    Node(host='pacs.local', port=104, aet='ARCHIVE', tls=False)
    >>> str(parse_address("dicomweb:http://localhost:8042/dicom-web"))
    'dicomweb:http://localhost:8042/dicom-web'
    """
    kind, _, rest = text.partition(":")
    if kind == "dicomweb":
        return _web(text, rest)
    if kind in ("dimse", "dimse+tls") and (node := _NODE.fullmatch(rest)):
        port = int(node["port"])
        if not 0 < port < 65536:
            raise LesionkitError(f"the port of an archive must be 1 to 65535, got {port} in '{text}'")
        return Node(node["host"].strip("[]"), port, title(node["aet"]), kind == "dimse+tls")
    raise LesionkitError(f"an archive is dicomweb:URL, dimse:HOST:PORT/AET or dimse+tls:HOST:PORT/AET, got '{text}'")


def title(text: str) -> str:
    r"""An AE title as DICOM has it: 1 to 16 letters of ASCII, no backslash, not all spaces.

    Raises:
        LesionkitError: it is none.
    """
    word = text.strip(" ")
    if not 0 < len(word) <= _LONGEST_TITLE or "\\" in word or not all(" " <= letter <= "~" for letter in word):
        raise LesionkitError(f"an AE title has 1 to 16 ASCII letters and no backslash, got '{text}'")
    return word


def _web(text: str, url: str) -> Web:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        sound = False
    if not sound:
        raise LesionkitError(
            f"dicomweb: needs the URL of a service, http://HOST/PATH or https://HOST/PATH, got '{text}'"
        )
    if parts.username or parts.password:
        raise LesionkitError(
            f"the address of {parts.hostname} must hold no password, for others see it; put it into ~/.netrc"
        )
    return Web(url.rstrip("/"))
