"""The whole service, with a stand-in for the search; see benchmarks/listen_kills.py."""

import contextlib
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pydicom
import pytest
import requests
from dicomweb_client import DICOMwebClient
from filelock import FileLock

from lesionkit.archive.address import parse_address
from lesionkit.archive.listen import ListenSettings, listen
from lesionkit.archive.send import send
from lesionkit.archive.upkeep import queue_rows
from lesionkit.core.errors import LesionkitError

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "listen_kills.py"


@pytest.mark.slow
def test_of_ten_studies_none_is_lost_and_none_is_done_twice_though_it_is_killed_twice():
    words = [sys.executable, str(SCRIPT), "--studies", "10", "--kills", "2", "--limit", "120"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert (told["kills"], told["lost"], told["twice"], told["exit code on SIGTERM"]) == (2, 0, 0, 0), done.stderr


def test_what_orthanc_sends_is_searched_and_its_results_stand_beside_it_in_orthanc(orthanc, study, tmp_path):
    send(study, parse_address(orthanc.node))
    uid = str(pydicom.dcmread(study[0]).StudyInstanceUID)
    addresses = [f"dicomweb:{orthanc.web}", orthanc.node]
    words = [sys.executable, str(SCRIPT), "--serve", str(tmp_path / "queue"), str(orthanc.listener), *addresses]
    service = subprocess.Popen(words)
    try:
        (held,) = orthanc.ask(
            "/tools/find", json.dumps({"Level": "Study", "Query": {"StudyInstanceUID": uid}}).encode()
        )
        _until(lambda: orthanc.ask("/modalities/lesionkit/echo", b"{}") is not None)
        orthanc.ask("/modalities/lesionkit/store", held.encode())
        client = DICOMwebClient(orthanc.web)
        _until(lambda: len(client.search_for_series(uid)) == 2)
        _until(lambda: [row["state"] for row in queue_rows(tmp_path / "queue")] == ["done"])
    finally:
        service.terminate()
        assert service.wait(30) == 0
    kinds = {series["00080060"]["Value"][0] for series in client.search_for_series(uid)}
    assert kinds == {"CT", "SR"}
    log = (tmp_path / "queue" / "log.txt").read_text()
    assert all(f"study 1 sent to {address}" in log for address in addresses)


def _until(done) -> None:
    """Wait for something; what it raises meanwhile is that it is not yet so."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(OSError, requests.RequestException):
            if done():
                return
        time.sleep(0.1)
    pytest.fail("it did not come")


def test_a_queue_has_one_listener(tmp_path):
    with (
        FileLock(tmp_path / ".lock"),
        pytest.raises(LesionkitError, match="is the queue of another 'listen'; name another, or end that one"),
    ):
        listen(tmp_path, None, [], ListenSettings(), print, threading.Event())
