"""Files to an archive by DICOMweb (STOW-RS)."""

import os
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from pathlib import Path

import pydicom
import requests
from dicomweb_client import DICOMwebClient

from lesionkit.archive.address import RefusedError, UnreachableError, Web

TOKEN = "LESIONKIT_ARCHIVE_TOKEN"
"""Environment variable with a bearer token; user and password are read from ~/.netrc."""

_BATCH_BYTES = 64 * 2**20
_LATER = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
    HTTPStatus.INSUFFICIENT_STORAGE,
}
_TELLS = {
    HTTPStatus.UNAUTHORIZED: "user and password are missing or wrong; put them into ~/.netrc",
    HTTPStatus.FORBIDDEN: "this user may not store; ask who runs the archive",
    HTTPStatus.NOT_FOUND: "there is no DICOMweb at this URL; check its path",
    HTTPStatus.METHOD_NOT_ALLOWED: "the service there does not store; check the URL",
}


def send_by_web(files: Sequence[Path], web: Web, ca: Path | None = None, timeout_s: float = 60) -> None:
    """Store DICOM files in an archive by STOW-RS.

    Args:
        ca: file of certificates that sign for the archive; None for those that this machine trusts.
        timeout_s: for a connection, and for each answer.

    Raises:
        UnreachableError: it is down, cannot be trusted, or has no room now.
        RefusedError: it does not take them.
    """
    session = requests.Session()
    if ca is not None:
        session.verify = str(ca)
    token = os.environ.get(TOKEN)
    headers = {"Authorization": f"Bearer {token}"} if token else None
    client = DICOMwebClient(web.url, session, headers=headers, timeout=timeout_s)
    # Pauses between tries are the queue's.
    client.set_http_retry_params(retry=False)
    with session:
        for batch in _batches(files):
            _store(client, batch, web)


def _batches(files: Sequence[Path]) -> Iterator[list[Path]]:
    """Some files at a time, for a request is made in memory."""
    batch: list[Path] = []
    size = 0
    for file in files:
        size += file.stat().st_size
        if batch and size > _BATCH_BYTES:
            yield batch
            batch, size = [], file.stat().st_size
        batch.append(file)
    if batch:
        yield batch


def _store(client: DICOMwebClient, files: Sequence[Path], web: Web) -> None:
    try:
        answer = client.store_instances([pydicom.dcmread(file) for file in files])
    except requests.HTTPError as error:
        raise _told(web, error.response) from error
    except requests.exceptions.SSLError as error:
        raise UnreachableError(
            f"{web} cannot be trusted ({_first(error)}); check the URL, or name its certificate with --ca"
        ) from error
    except requests.RequestException as error:
        raise UnreachableError(
            f"{web} does not answer ({_first(error)}); is it running, and is the URL right?"
        ) from error
    failed = answer.get("FailedSOPSequence", [])
    if failed:
        reason = int(failed[0].get("FailureReason", 0))
        raise RefusedError(f"{web} refused {len(failed)} of {len(files)} objects, the first with reason 0x{reason:04X}")


def _told(web: Web, response: requests.Response | None) -> UnreachableError | RefusedError:
    if response is None:
        return UnreachableError(f"{web} gave no answer; is it running?")
    status = response.status_code
    what = f"{web} answered {status} {response.reason}".rstrip()
    if status in _LATER:
        return UnreachableError(f"{what}; it has no time or room now")
    cure = _TELLS.get(HTTPStatus(status)) if status in list(HTTPStatus) else None
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        # What is wrong is between us and the archive, not with what was sent.
        return UnreachableError(f"{what}: {cure}")
    return RefusedError(f"{what}: {' '.join(response.text.split())[:200] or 'it does not say why'}")


def _first(error: BaseException) -> str:
    """What lies at the bottom of an error of `requests`, which wraps several."""
    while True:
        inner = error.__cause__ or error.__context__ or getattr(error, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((part for part in error.args if isinstance(part, BaseException)), None)
        if inner is None or inner is error:
            break
        error = inner
    return " ".join(str(getattr(error, "strerror", None) or error).split())[:200]
