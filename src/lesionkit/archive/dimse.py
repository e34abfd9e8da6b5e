"""Files to an archive by DIMSE (C-STORE)."""

import socket
import ssl
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydicom.filereader import read_file_meta_info
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.presentation import build_context

from lesionkit.archive.address import Node, RefusedError, UnreachableError

_MOST_CONTEXTS = 128
_OUT_OF_RESOURCES = range(0xA700, 0xA800)


def send_by_dimse(
    files: Sequence[Path], node: Node, caller: str = "LESIONKIT", ca: Path | None = None, timeout_s: float = 60
) -> None:
    """Store DICOM files in an archive by C-STORE, in their own transfer syntax.

    Args:
        caller: AE title of who sends.
        ca: as in `send_by_web`.
        timeout_s: for a connection, and for each answer.

    Raises:
        UnreachableError: it is down, cannot be trusted, does not accept the association, or has no room now.
        RefusedError: it does not take them.
    """
    kinds = list(dict.fromkeys(_kind_of(file) for file in files))
    if len(kinds) > _MOST_CONTEXTS:
        raise RefusedError(
            f"{node} can be sent {_MOST_CONTEXTS} kinds of objects at a time, got {len(kinds)}; send fewer"
        )
    ae = AE(ae_title=caller)
    ae.connection_timeout = ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = timeout_s
    ae.requested_contexts = [build_context(sop_class, syntax) for sop_class, syntax in kinds]
    with warnings.catch_warnings():
        # pynetdicom forgets to close the socket of a connection that is refused.
        warnings.simplefilter("ignore", ResourceWarning)
        association = ae.associate(node.host, node.port, ae_title=node.aet, tls_args=_tls(node, ca))
    try:
        if not association.is_established:
            raise _why_not(association, node, caller, ca, timeout_s)
        for file in files:
            _store(association, file, node)
    finally:
        if association.is_established:
            association.release()


def _kind_of(file: Path) -> tuple[str, str]:
    meta = read_file_meta_info(file)
    return str(meta.MediaStorageSOPClassUID), str(meta.TransferSyntaxUID)


def _tls(node: Node, ca: Path | None) -> Any:
    if not node.tls:
        return None
    return ssl.create_default_context(cafile=None if ca is None else str(ca)), node.host


def _why_not(
    association: Association, node: Node, caller: str, ca: Path | None, timeout_s: float
) -> UnreachableError | RefusedError:
    if association.is_rejected:
        primitive: Any = association.acceptor.primitive
        reason = getattr(primitive, "reason_str", "no reason given").lower()
        return UnreachableError(
            f"{node} rejected the association ({reason}); it must be called {node.aet} and know the AE title {caller}"
        )
    if association.rejected_contexts:
        return RefusedError(f"{node} accepts none of the kinds of objects that were to be sent")
    # An association does not say why there is no connection. It is not tried before: receivers count who connects.
    try:
        with socket.create_connection((node.host, node.port), timeout_s) as connection:
            if node.tls:
                _tls(node, ca)[0].wrap_socket(connection, server_hostname=node.host).close()
    except (ssl.SSLError, ssl.CertificateError) as error:
        return UnreachableError(
            f"{node} cannot be trusted ({error.reason or error}); check host and port, or name its certificate (--ca)"
        )
    except OSError as error:
        return UnreachableError(
            f"{node} does not answer ({error.strerror or error}); is it running, and are host and port right?"
        )
    return UnreachableError(f"{node} ended the connection; is a DICOM archive at this port?")


def _store(association: Association, file: Path, node: Node) -> None:
    try:
        status = association.send_c_store(file)
    except ValueError as error:
        raise RefusedError(f"{node} does not accept objects of the kind of {file.name}: {error}") from error
    except RuntimeError as error:
        raise UnreachableError(f"{node} ended the connection: {error}") from error
    code = status.get("Status")
    if code is None:
        raise UnreachableError(f"{node} ended the connection without an answer; is it overloaded?")
    if code in _OUT_OF_RESOURCES:
        raise UnreachableError(f"{node} has no room now (status 0x{code:04X})")
    if code != 0 and code >> 12 != 0xB:
        comment = str(status.get("ErrorComment", "")).strip()
        raise RefusedError(f"{node} refused {file.name} with status 0x{code:04X}" + (f": {comment}" if comment else ""))
