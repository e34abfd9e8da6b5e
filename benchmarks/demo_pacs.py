"""A study goes from Orthanc to `lesionkit listen` and its findings come back, all on this machine.

    make demo-pacs

Prints when each step was done, and how long the way took apart from the search itself. Everything lies in the folder
that is named, Orthanc in a temporary one; ports are free ones of the loopback.
"""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from dicomweb_client import DICOMwebClient

from orthanc import Orthanc, missing, orthanc

LESIONKIT = [sys.executable, "-m", "lesionkit"]
LIMIT_S = 1200


def main() -> None:
    if why := missing():
        raise SystemExit(f"demo-pacs: {why}")
    folder, *words = (Path(sys.argv[1]), *sys.argv[2:])
    shutil.rmtree(folder, ignore_errors=True)
    print("demo-pacs: making a chest CT with known nodules, as DICOM")
    phantom = words or ["--seed", "90001", "--healthy", "0"]
    run("phantom", "ct", "--out", folder / "data", "--count", "1", "--format", "dicom", *phantom)
    with orthanc() as archive:
        print(f"demo-pacs: Orthanc runs at http://127.0.0.1:{archive.http} (DICOM {archive.dicom})")
        run("send", folder / "data" / "scans", "--to", archive.node)
        to = ["--send-to", f"dicomweb:{archive.web}", "--send-to", archive.node]
        serve = [*LESIONKIT, "listen", "--port", str(archive.listener), "--queue", str(folder / "queue"), *to]
        service = subprocess.Popen([*serve, "--free-gb", "0.1"])
        try:
            go_round(archive, folder / "queue" / "log.txt")
        finally:
            service.terminate()
            print(f"demo-pacs: 'listen' ended with exit code {service.wait()}")


def run(*words: object) -> None:
    subprocess.run([*LESIONKIT, *map(str, words)], check=True)


def go_round(archive: Orthanc, log: Path) -> None:
    client = DICOMwebClient(archive.web)
    (study,) = client.search_for_studies()
    uid = study["0020000D"]["Value"][0]
    wait_for(lambda: log.is_file() and "listens at" in log.read_text())
    # The worker loads its libraries meanwhile, as it does of a service that runs.
    time.sleep(20)
    print("demo-pacs: Orthanc sends the study to 'listen'")
    (held,) = archive.ask("/studies")
    archive.ask("/modalities/lesionkit/store", held.encode())
    start = time.monotonic()
    wait_for(lambda: {"SEG", "SR"} <= set(kinds(client, uid)))
    seconds = time.monotonic() - start
    wait_for(lambda: log.read_text().count(" sent to ") == 2)
    print(f"demo-pacs: beside the CT Orthanc now holds {', '.join(sorted(set(kinds(client, uid)) - {'CT'}))} (QIDO)")
    find_s = float(re.search(r"find took ([\d.]+) s", log.read_text())[1])
    print(f"demo-pacs: {seconds:.1f} s from the last image to the result, {find_s:.1f} s of them 'find':")
    print(f"demo-pacs: {seconds - find_s:.1f} s for quiet time, loading, writing and sending")


def kinds(client: DICOMwebClient, uid: str) -> list[str]:
    return [series["00080060"]["Value"][0] for series in client.search_for_series(uid)]


def wait_for(done) -> None:
    end = time.monotonic() + LIMIT_S
    while not done():
        if time.monotonic() > end:
            raise SystemExit("demo-pacs: the result did not come; see the log above")
        time.sleep(0.2)


if __name__ == "__main__":
    main()
