"""`lesionkit send`: DICOM files to an archive."""

from pathlib import Path
from typing import Annotated

import typer

from lesionkit.cli.options import Authority, Caller, SendTo


def command(
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="Run folder of which something was exported, or any DICOM files."),
    ],
    to: SendTo,
    caller: Caller = "LESIONKIT",
    ca: Authority = None,
) -> None:
    """Send what was exported as DICOM to an archive.

    User and password of a DICOMweb service are read from ~/.netrc, a token from LESIONKIT_ARCHIVE_TOKEN. With several
    archives one that fails does not stop the others; the exit code is then 3.

    Examples:
      lesionkit export RUN --to dicom-seg
      lesionkit send RUN --to dicomweb:https://pacs.example.org/dicom-web
      lesionkit send STUDY --to dimse:localhost:4242/ORTHANC
    """
    from lesionkit.archive.address import parse_address, title
    from lesionkit.archive.send import Sending, files_to_send, send
    from lesionkit.cli.conclusion import conclude
    from lesionkit.core.errors import LesionkitError
    from lesionkit.recipes.base import Summary

    addresses = [parse_address(text) for text in to]
    how = Sending(title(caller), ca)
    files = files_to_send(run)
    failed = {}
    for address in addresses:
        try:
            send(files, address, how)
        except LesionkitError as error:
            failed[str(address)] = str(error)
    facts = {"files": len(files)} | {"sent to": ", ".join(str(a) for a in addresses if str(a) not in failed) or "none"}
    conclude(f"send {run}", Summary(facts, failed=failed, cases=len(addresses)))
