"""Files to any archive, whichever way it is spoken to."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lesionkit.archive.address import Address, Web
from lesionkit.core.errors import LesionkitError

_MAGIC = b"DICM"
_RUN, EXPORTED = "run.json", "export"
"""What a run folder has, and where in it exports lie."""


@dataclass(frozen=True)
class Sending:
    """How this machine speaks to archives.

    Attributes:
        caller: its AE title.
        ca: file of certificates that sign for them; None for those that this machine trusts.
        timeout_s: for a connection, and for each answer.
    """

    caller: str = "LESIONKIT"
    ca: Path | None = None
    timeout_s: float = 60


def send(files: Sequence[Path], address: Address, how: Sending | None = None) -> None:
    """Store DICOM files in an archive.

    Raises:
        UnreachableError: it cannot take anything now.
        RefusedError: it does not take them.
    """
    how = how or Sending()
    if isinstance(address, Web):
        from lesionkit.archive.web import send_by_web

        send_by_web(files, address, how.ca, how.timeout_s)
    else:
        from lesionkit.archive.dimse import send_by_dimse

        send_by_dimse(files, address, how.caller, how.ca, how.timeout_s)


def files_to_send(path: Path) -> list[Path]:
    """What of a path goes to an archive: the DICOM files of a folder, of a run folder those that were exported.

    Raises:
        LesionkitError: there is none.
    """
    if not (path / _RUN).is_file():
        return dicom_files(path)
    try:
        return dicom_files(path / EXPORTED)
    except LesionkitError as error:
        raise LesionkitError(
            f"nothing of {path} was exported as DICOM; 'lesionkit export {path} --to dicom-seg' comes first"
        ) from error


def dicom_files(path: Path) -> list[Path]:
    """The DICOM files of a folder and those below it, or the one file, by name; by their first bytes, not their names.

    Raises:
        LesionkitError: there is none.
    """
    if not path.exists():
        raise LesionkitError(f"{path}: there is no such file or folder")
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    found = [file for file in files if _is_dicom(file)]
    if not found:
        raise LesionkitError(f"{path} holds no DICOM file to send")
    return found


def _is_dicom(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(132)[128:] == _MAGIC
