"""Tiny studies, a receiver that remembers what it got, and Orthanc where it is installed."""

import importlib.util
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def write_image(path: Path, study: str, series: str, **more: object) -> Path:
    """A CT image of 64 × 64 pixels; tags whose value is None are left out."""
    image = Dataset()
    words = {"SOPClassUID": CTImageStorage, "SOPInstanceUID": generate_uid(), "PatientID": "P1", "Modality": "CT"}
    words |= {"StudyInstanceUID": study, "SeriesInstanceUID": series, "Rows": 64, "Columns": 64, "SamplesPerPixel": 1}
    words |= {"PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15}
    words |= {"PixelRepresentation": 1, "PixelData": np.zeros((64, 64), np.int16).tobytes()} | more
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.MediaStorageSOPClassUID = words["SOPClassUID"]
    image.file_meta.MediaStorageSOPInstanceUID = words["SOPInstanceUID"] or generate_uid()
    image.update({name: value for name, value in words.items() if value is not None})
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def study(tmp_path) -> list[Path]:
    """Two images of one series."""
    uids = generate_uid(), generate_uid()
    return [write_image(tmp_path / "study" / f"{z}.dcm", *uids, InstanceNumber=z + 1) for z in range(2)]


class Archive:
    """A storage receiver on this machine that answers as it is told, and remembers instances by study."""

    def __init__(self, title: str = "ARCHIVE") -> None:
        from pynetdicom import AE, AllStoragePresentationContexts, evt

        self.held, self.status = defaultdict(list), 0x0000
        self.ae = AE(ae_title=title)
        self.ae.supported_contexts = AllStoragePresentationContexts
        self.ae.require_called_aet = True
        self.handlers = [(evt.EVT_C_STORE, self.take)]
        self.port = self.open()

    def open(self, port: int = 0) -> int:
        self.server = self.ae.start_server(("127.0.0.1", port), block=False, evt_handlers=self.handlers)
        return self.server.server_address[1]

    def close(self) -> None:
        self.server.shutdown()

    def take(self, event) -> int:
        if self.status == 0x0000:
            self.held[str(event.dataset.StudyInstanceUID)].append(str(event.dataset.SOPInstanceUID))
        return self.status

    @property
    def address(self) -> str:
        return f"dimse:127.0.0.1:{self.port}/ARCHIVE"


@pytest.fixture
def archive():
    made = Archive()
    yield made
    made.close()


@pytest.fixture(scope="session")
def orthanc():
    """A running Orthanc; the test is skipped where it is not installed."""
    module = load("orthanc")
    if why := module.missing():
        pytest.skip(why)
    with module.orthanc() as running:
        yield running


def load(name: str):
    """A script of benchmarks/ as a module."""
    spec = importlib.util.spec_from_file_location(f"benchmarks_{name}", BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def make_image():
    """`write_image`."""
    return write_image


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A PEM file with a key and a certificate of "localhost" that signs itself."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes certificates, is not here")
    folder = tmp_path_factory.mktemp("tls")
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout key -out cert"
    words += " -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    subprocess.run(words.split(), cwd=folder, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text((folder / "key").read_text() + (folder / "cert").read_text())
    return both
