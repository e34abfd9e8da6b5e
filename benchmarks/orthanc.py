"""Orthanc with its DICOMweb plugin on this machine alone, on free ports and in a temporary folder."""

import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
PACKAGES = "apt-get install orthanc orthanc-dicomweb"


@dataclass(frozen=True)
class Orthanc:
    """Its ports, and the port of a receiver LESIONKIT that it may send to."""

    http: int
    dicom: int
    listener: int

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.http}/dicom-web"

    @property
    def node(self) -> str:
        return f"dimse:127.0.0.1:{self.dicom}/ORTHANC"

    def ask(self, path: str, data: bytes | None = None) -> object:
        """What the REST interface answers."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", data)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


def missing() -> str:
    """Why Orthanc cannot be started here; "" where it can."""
    if shutil.which("Orthanc") and PLUGIN.is_file():
        return ""
    return f"Orthanc and its DICOMweb plugin are not here: {PACKAGES}"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@contextmanager
def orthanc() -> Iterator[Orthanc]:
    """A running Orthanc, which ends with the block."""
    with tempfile.TemporaryDirectory(prefix="orthanc-") as folder:
        found = Orthanc(free_port(), free_port(), free_port())
        words = {
            "HttpPort": found.http,
            "DicomPort": found.dicom,
            "DicomAet": "ORTHANC",
            "StorageDirectory": folder,
            "IndexDirectory": folder,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "Plugins": [str(PLUGIN)],
            "DicomModalities": {"lesionkit": ["LESIONKIT", "127.0.0.1", found.listener]},
            "ConcurrentJobs": 1,
        }
        file = Path(folder) / "orthanc.json"
        file.write_text(json.dumps(words))
        with (Path(folder) / "log").open("w") as log:
            process = subprocess.Popen(["Orthanc", str(file)], stdout=log, stderr=log)
        try:
            _wait_for(found, process, Path(folder) / "log")
            yield found
        finally:
            process.terminate()
            process.wait()


def _wait_for(found: Orthanc, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            found.ask("/system")
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise SystemExit(f"Orthanc did not start: {log.read_text()[-2000:]}")
