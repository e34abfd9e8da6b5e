"""A DICOM receiver: storage and verification, nothing else. Each image is on disk before it is acknowledged."""

import os
import shutil
import ssl
import threading
import time
import uuid
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
from pydantic import Field
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, evt
from pynetdicom.association import Association
from pynetdicom.presentation import AllStoragePresentationContexts

from lesionkit.archive.queue import Queue
from lesionkit.archive.upkeep import IMAGES
from lesionkit.archive.visit import Arrival, FullError
from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings

Say = Callable[[str], None]

_OUT_OF_RESOURCES, _CANNOT_UNDERSTAND = 0xA700, 0xC000
_TAGS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "PatientID")
_LONGEST_COMMENT = 64
_VERIFICATION = "1.2.840.10008.1.1"
_TICK_S, _HELLO_S = 0.1, 10.0
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class ReceiveSettings(Settings):
    """Who may send, and how much."""

    host: str = "127.0.0.1"
    """Address to listen at; 0.0.0.0 is every one of this machine."""
    port: int = Field(11112, ge=0, le=65535)
    """0: one that is free."""
    title: str = "LESIONKIT"
    """Own AE title; who calls another is rejected."""
    allow: tuple[str, ...] = ()
    """AE titles that may send; none: all, on this machine only."""
    image_mb: float = Field(1024, gt=0)
    """Largest image."""
    images: int = Field(20_000, ge=1)
    """Most images of a study."""
    free_gb: float = Field(2, ge=0)
    """Nothing is taken in where less is free on the disk."""
    associations: int = Field(10, ge=1)
    """Senders at the same time."""
    idle_s: float = Field(60, gt=0)
    """A sender that is silent for so long is disconnected."""


class Receiver:
    """A running receiver.

    Attributes:
        port: that it listens at.
    """

    def __init__(self, folder: Path, queue: Queue, settings: ReceiveSettings, say: Say) -> None:
        self.folder, self.queue, self.settings, self.say = folder, queue, settings, say
        self._open: dict[Association, set[str]] = {}
        self._received: dict[Association, int] = {}
        self._passed: dict[Association, int] = {}
        self._lock = threading.Lock()
        self._ae = AE(ae_title=settings.title)
        self._servers: list[Any] = []
        self.port = 0

    def start(self, tls: ssl.SSLContext | None = None) -> None:
        """Listen from now on, in threads.

        Raises:
            LesionkitError: others would reach it though anybody may send, or the port is not free.
        """
        settings = self.settings
        if settings.host not in _LOOPBACK and not settings.allow:
            raise LesionkitError(
                f"a receiver at {settings.host} is reached by others; name who may send, with --allow AET"
            )
        for context in AllStoragePresentationContexts:
            self._ae.add_supported_context(context.abstract_syntax or "", ALL_TRANSFER_SYNTAXES)
        self._ae.add_supported_context(_VERIFICATION)
        self._ae.require_called_aet = True
        self._ae.require_calling_aet = list(settings.allow)
        self._ae.maximum_associations = settings.associations
        self._ae.network_timeout = self._ae.dimse_timeout = settings.idle_s
        # Who connects and says nothing is no sender, and must not keep one out.
        self._ae.acse_timeout = min(settings.idle_s, _HELLO_S)
        handlers: list[Any] = [
            (evt.EVT_C_ECHO, lambda _: 0x0000),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_DATA_RECV, self._count),
            (evt.EVT_REJECTED, self._rejected),
            (evt.EVT_RELEASED, self._ended),
            (evt.EVT_ABORTED, self._ended),
            (evt.EVT_CONN_CLOSE, self._ended),
        ]
        try:
            server: Any = self._ae.start_server(
                (settings.host, settings.port), block=False, evt_handlers=handlers, ssl_context=tls
            )
        except OSError as error:
            raise LesionkitError(
                f"cannot listen at {settings.host}:{settings.port}: {error.strerror or error}; choose another --port"
            ) from error
        self._servers.append(server)
        self.port = int(server.server_address[1])

    def busy(self) -> list[str]:
        """Studies that somebody is still sending."""
        with self._lock:
            return [study for studies in self._open.values() for study in studies]

    def stop(self, grace_s: float = 5) -> None:
        """Take nothing any more; what was acknowledged is on disk.

        Args:
            grace_s: how long those who are sending may go on.
        """
        for server in self._servers:
            server.shutdown()
        end = time.monotonic() + grace_s
        while self._ae.active_associations and time.monotonic() < end:
            time.sleep(_TICK_S)
        self._ae.shutdown()

    def _store(self, event: evt.Event) -> int | Dataset:
        with self._lock:
            self._received[event.assoc] = 0
        try:
            data = event.encoded_dataset()
            if len(data) > self.settings.image_mb * 1e6:
                return _refusal(_OUT_OF_RESOURCES, f"image larger than {self.settings.image_mb:g} MB")
            return self._take(event, data)
        except OSError as error:
            return self._no_room(event, error.strerror or str(error))
        # What others send may break a reader anywhere; they get an answer, and the next image is taken.
        except Exception as error:
            words = f"cannot be read: {' '.join(str(error).split()) or type(error).__name__}"
            return self._refused(event, _CANNOT_UNDERSTAND, words)

    def _take(self, event: evt.Event, data: bytes) -> int | Dataset:
        header = pydicom.dcmread(BytesIO(data), stop_before_pixels=True, specific_tags=list(_TAGS))
        words = {name: _text(header, name) for name in _TAGS}
        missing = [name for name in _TAGS[:4] if not words[name]]
        if missing:
            return self._refused(event, _CANNOT_UNDERSTAND, f"an image must have {missing[0]}")
        if not _is_image(words["SOPClassUID"]):
            # Reports and masks of a study, our own among them, are no reason to search it again.
            with self._lock:
                self._passed[event.assoc] = self._passed.get(event.assoc, 0) + 1
            return 0x0000
        if shutil.disk_usage(self.folder).free < self.settings.free_gb * 1e9:
            return self._no_room(event, f"less than {self.settings.free_gb:g} GB are free")
        with self._lock:
            self._open.setdefault(event.assoc, set()).add(words["StudyInstanceUID"])
        name = f"{IMAGES}/{uuid.uuid4().hex}.dcm"
        _write(self.folder / name, data)
        image = Arrival(
            words["StudyInstanceUID"], words["SeriesInstanceUID"], words["SOPInstanceUID"], words["PatientID"]
        )
        try:
            if not self.queue.add(image, name, time.time(), self.settings.images):
                (self.folder / name).unlink()
        except FullError as error:
            (self.folder / name).unlink()
            return self._refused(event, _OUT_OF_RESOURCES, str(error))
        return 0x0000

    def _count(self, event: evt.Event) -> None:
        """End an association whose message is larger than any image may be, before it has filled the memory."""
        with self._lock:
            size = self._received[event.assoc] = self._received.get(event.assoc, 0) + len(event.data)
        if size > 1.1 * self.settings.image_mb * 1e6 + 2**20:
            self.say(f"{_who(event)}: an image must have at most {self.settings.image_mb:g} MB; disconnected")
            event.assoc.abort()

    def _rejected(self, event: evt.Event) -> None:
        primitive = event.assoc.requestor.primitive
        called = getattr(primitive, "called_ae_title", "") if primitive is not None else ""
        self.say(f"{_who(event)}: rejected, calling '{called}'; it must call '{self.settings.title}' and be allowed")

    def _ended(self, event: evt.Event) -> None:
        with self._lock:
            self._open.pop(event.assoc, None)
            self._received.pop(event.assoc, None)
            passed = self._passed.pop(event.assoc, 0)
        if passed:
            self.say(f"{_who(event)}: {passed} objects that are no images were passed over")

    def _no_room(self, event: evt.Event, why: str) -> Dataset:
        return self._refused(event, _OUT_OF_RESOURCES, f"cannot write: {why}; free some space and send again")

    def _refused(self, event: evt.Event, code: int, why: str) -> Dataset:
        self.say(f"{_who(event)}: an image was refused: {why}")
        return _refusal(code, why)


def _refusal(code: int, why: str) -> Dataset:
    status = Dataset()
    status.Status = code
    status.ErrorComment = why.encode("ascii", "replace").decode()[:_LONGEST_COMMENT].replace("\\", "/")
    return status


def _who(event: evt.Event) -> str:
    requestor = event.assoc.requestor
    return f"'{requestor.ae_title}' at {requestor.address}"


def _text(header: Dataset, name: str) -> str:
    """An element as it is in the file, whatever it should be by the standard."""
    element: Any = header.get_item(name) if name in header else None
    value = b"" if element is None else element.value
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value or "")
    return text.strip(" \0\n")


def _is_image(sop_class: str) -> bool:
    keyword = UID(sop_class).keyword
    return "ImageStorage" in keyword and not keyword.startswith("RT")


def _write(path: Path, data: bytes) -> None:
    """Write a file so that it outlives a failure of power."""
    temporary = path.with_suffix(".part")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
