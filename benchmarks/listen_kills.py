"""Many small studies through `listen`, which is killed again and again: how many are lost, and how many are done twice.

    python benchmarks/listen_kills.py --studies 200 --kills 20

The search is a stand-in that takes a twentieth of a second; receiver, queue, sending and kills are real. Everything
stays on this machine, in a temporary folder and on free ports.
"""

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

SEARCH_S = 0.05


class StandIn:
    """Finds in every study one thing of a new name, so that a study which is done twice is seen."""

    def ready(self) -> None:
        pass

    def __call__(self, study, out):
        import pydicom
        from pydicom.dataset import Dataset, FileMetaDataset
        from pydicom.uid import BasicTextSRStorage, ExplicitVRLittleEndian, generate_uid

        from lesionkit.archive.work import Answered

        images = [pydicom.dcmread(file, stop_before_pixels=True) for file in sorted(study.iterdir())]
        time.sleep(SEARCH_S)
        result = Dataset()
        result.file_meta = FileMetaDataset()
        result.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        result.SOPClassUID = result.file_meta.MediaStorageSOPClassUID = BasicTextSRStorage
        result.SOPInstanceUID = result.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        result.StudyInstanceUID, result.SeriesInstanceUID = images[0].StudyInstanceUID, generate_uid()
        result.PatientID, result.Modality, result.InstanceNumber = images[0].PatientID, "SR", len(images)
        out.mkdir(parents=True)
        result.save_as(out / "result.dcm", enforce_file_format=True)
        return Answered([out / "result.dcm"], f"{len(images)} images")


def serve(folder: Path, port: int, addresses: list[str]) -> None:
    from lesionkit.archive.courier import CourierSettings
    from lesionkit.archive.listen import ListenSettings, listen
    from lesionkit.archive.receive import ReceiveSettings

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    settings = ListenSettings(
        receive=ReceiveSettings(port=port, free_gb=0),
        courier=CourierSettings(first_pause_s=0.5, longest_pause_s=2),
        quiet_s=0.3,
    )
    listen(folder, StandIn(), addresses, settings, lambda words: None, stop)


class Archive:
    """A receiver that remembers the results of each study."""

    def __init__(self) -> None:
        from pynetdicom import AE, AllStoragePresentationContexts, evt

        self.held = defaultdict(set)
        ae = AE(ae_title="ARCHIVE")
        ae.supported_contexts = AllStoragePresentationContexts
        self.server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, self.take)])
        self.address = f"dimse:127.0.0.1:{self.server.server_address[1]}/ARCHIVE"

    def take(self, event) -> int:
        self.held[str(event.dataset.StudyInstanceUID)].add(str(event.dataset.SOPInstanceUID))
        return 0x0000


def make_study(folder: Path, number: int, slices: int) -> str:
    import numpy as np
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    study, series = generate_uid(entropy_srcs=[f"study {number}"]), generate_uid()
    folder.mkdir(parents=True)
    for z in range(slices):
        image = Dataset()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = CTImageStorage
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        image.StudyInstanceUID, image.SeriesInstanceUID = study, series
        image.PatientID, image.Modality, image.InstanceNumber = f"P{number}", "CT", z + 1
        image.Rows = image.Columns = 64
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 1
        image.PixelData = np.zeros((64, 64), np.int16).tobytes()
        image.save_as(folder / f"{z}.dcm", enforce_file_format=True)
    return str(study)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Service:
    """`listen` in a process group of its own, which is killed as a whole."""

    def __init__(self, folder: Path, address: str) -> None:
        self.words = [sys.executable, __file__, "--serve", str(folder), str(free_port()), address]
        self.start()

    @property
    def port(self) -> int:
        return int(self.words[4])

    def start(self) -> None:
        self.process = subprocess.Popen(self.words, start_new_session=True)

    def kill(self, number: int = signal.SIGKILL) -> int:
        os.killpg(self.process.pid, number)
        return self.process.wait()


def send_all(folders: list[Path], service: Service, sent: list[str], pause_s: float) -> None:
    """What a sender does: again until it is acknowledged."""
    from lesionkit.archive.address import Node, UnreachableError
    from lesionkit.archive.dimse import send_by_dimse

    for folder in folders:
        while True:
            try:
                send_by_dimse(sorted(folder.iterdir()), Node("127.0.0.1", service.port, "LESIONKIT"), timeout_s=5)
            except UnreachableError:
                time.sleep(0.2)
            else:
                break
        sent.append(folder.name)
        time.sleep(pause_s)


def listening(queue: Path) -> int:
    """How often a service has begun to listen."""
    log = queue / "log.txt"
    return log.read_text().count("listens at") if log.is_file() else 0


def main() -> None:
    from lesionkit.archive.upkeep import queue_rows

    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--slices", type=int, default=2)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pause", type=float, default=0.05, help="between two studies, s")
    parser.add_argument("--limit", type=float, default=600, help="s, after which what is not there is lost")
    options = parser.parse_args()
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as place:
        queue, archive = Path(place) / "queue", Archive()
        folders = [Path(place) / "sent" / f"{number:04d}" for number in range(options.studies)]
        studies = [make_study(folder, number, options.slices) for number, folder in enumerate(folders)]
        start, sent = time.monotonic(), []
        service = Service(queue, archive.address)
        sender = threading.Thread(target=send_all, args=(folders, service, sent, options.pause), daemon=True)
        sender.start()
        kills = 0
        begun = 0
        while time.monotonic() - start < options.limit and (
            set(archive.held) != set(studies) or kills < options.kills or listening(queue) <= begun
        ):
            # Spread over the whole of the work, whatever it is busy with then.
            share = len(archive.held) / options.studies
            if kills < options.kills and share * options.kills >= kills * 0.9:
                time.sleep(draw.uniform(1.0, 3.0))
                service.kill()
                begun = listening(queue)
                service.start()
                kills += 1
            else:
                time.sleep(0.1)
        # A result that is on its way twice would come now.
        time.sleep(1.5)
        code = service.kill(signal.SIGTERM)
        held = archive.held
        found = {
            "studies": options.studies,
            "kills": kills,
            "lost": sum(study not in held for study in studies),
            "twice": sum(len(names) > 1 for names in held.values()),
            "seconds": round(time.monotonic() - start, 1),
            "exit code on SIGTERM": code,
        }
        archive.server.shutdown()
        if found["lost"] or found["twice"]:
            print((queue / "log.txt").read_text(), [*map(str, queue_rows(queue))], len(sent), file=sys.stderr)
    print(json.dumps(found))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
    else:
        main()
