import http.server
import json
import threading

import pydicom
import pytest
from pydicom.uid import generate_uid

from lesionkit.archive.address import Node, RefusedError, UnreachableError, Web, parse_address
from lesionkit.archive.send import Sending, dicom_files, files_to_send, send
from lesionkit.core.errors import LesionkitError

SOON = Sending(timeout_s=5)


class Answers(http.server.BaseHTTPRequestHandler):
    """A web server that answers as `status` and `body` say, and remembers what it was asked."""

    status, body, kind = 200, b"", "application/dicom+json"

    def do_POST(self):
        size = self.headers.get("Content-Length")
        sent = self.rfile.read(int(size)) if size else b""
        self.asked.append((self.path, self.headers.get("Authorization"), sent.count(b"DICM")))
        self.send_response(self.status)
        self.send_header("Content-Type", self.kind)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_):
        pass


@pytest.fixture
def web():
    """A web server of this machine: its address, and the class that says how it answers."""
    made = type("Made", (Answers,), {"asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), made)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield Web(f"http://127.0.0.1:{server.server_address[1]}/dicom-web"), made
    server.shutdown()
    server.server_close()


def test_a_study_is_stored_by_c_store(archive, study):
    send(study, parse_address(archive.address), SOON)
    ((held, names),) = archive.held.items()
    assert (len(held) > 10, len(names)) == (True, 2)


def test_a_study_is_stored_by_stow(web, study, monkeypatch):
    address, server = web
    monkeypatch.setenv("LESIONKIT_ARCHIVE_TOKEN", "abc")
    send(study, address, SOON)
    assert server.asked == [("/dicom-web/studies", "Bearer abc", 2)]


@pytest.mark.parametrize(
    ("status", "kind", "sentence"),
    [
        (401, UnreachableError, r"answered 401 Unauthorized: user and password are missing or wrong; put them into"),
        (403, UnreachableError, r"answered 403 Forbidden: this user may not store"),
        (404, UnreachableError, r"answered 404 Not Found: there is no DICOMweb at this URL"),
        (503, UnreachableError, r"answered 503 Service Unavailable; it has no time or room now"),
        (400, RefusedError, r"answered 400 Bad Request: bad study"),
        (409, RefusedError, r"answered 409 Conflict: bad study"),
    ],
)
def test_an_archive_that_refuses_is_told_in_a_sentence(web, study, status, kind, sentence):
    address, server = web
    server.status, server.body = status, b"bad  study"
    with pytest.raises(kind, match=sentence):
        send(study, address, SOON)


def test_objects_that_an_archive_refuses_among_others_are_counted(web, study):
    address, server = web
    server.body = json.dumps(
        {"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [0x0122]}}]}}
    ).encode()
    with pytest.raises(RefusedError, match="refused 1 of 2 objects, the first with reason 0x0122"):
        send(study, address, SOON)


def test_an_archive_that_is_down_is_told(study):
    with pytest.raises(UnreachableError, match=r"does not answer .*; is it running, and is the URL right"):
        send(study, Web("http://127.0.0.1:9/dicom-web"), SOON)
    with pytest.raises(UnreachableError, match="is it running, and are host and port right"):
        send(study, Node("127.0.0.1", 9, "ARCHIVE"), SOON)


def test_tls_that_cannot_be_trusted_is_told(web, study):
    url = web[0].url.replace("http", "https", 1)
    with pytest.raises(UnreachableError, match=r"cannot be trusted \(.*\); check the URL, or name its certificate"):
        send(study, Web(url), SOON)


@pytest.mark.parametrize(
    ("status", "kind"), [(0xA700, UnreachableError), (0xC123, RefusedError), (0x0122, RefusedError)]
)
def test_a_status_of_an_archive_says_whether_to_try_again(archive, study, status, kind):
    archive.status = status
    with pytest.raises(kind, match=f"0x{status:04X}"):
        send(study, parse_address(archive.address), SOON)


def test_a_kind_of_object_that_is_not_accepted_is_told(archive, tmp_path, make_image):
    odd = make_image(tmp_path / "odd.dcm", generate_uid(), generate_uid(), SOPClassUID="1.2.3.4.5")
    with pytest.raises(RefusedError, match="accepts none of the kinds of objects"):
        send([odd], parse_address(archive.address), SOON)


def test_files_are_dicom_by_their_first_bytes(tmp_path, study):
    (tmp_path / "study" / "0.dcm").rename(tmp_path / "study" / "without-suffix")
    (tmp_path / "study" / "notes.dcm").write_text("no DICOM")
    assert [file.name for file in dicom_files(tmp_path / "study")] == ["1.dcm", "without-suffix"]
    with pytest.raises(LesionkitError, match=r"notes\.dcm holds no DICOM file to send"):
        dicom_files(tmp_path / "study" / "notes.dcm")
    with pytest.raises(LesionkitError, match="there is no such file or folder"):
        dicom_files(tmp_path / "nowhere")


def test_of_a_run_only_what_was_exported_is_sent(tmp_path, study, make_image):
    (tmp_path / "run.json").touch()
    with pytest.raises(LesionkitError, match=r"'lesionkit export .* --to dicom-seg' comes first"):
        files_to_send(tmp_path)
    exported = make_image(tmp_path / "export" / "seg.dcm", "1.2", "1.3")
    assert files_to_send(tmp_path) == [exported]


def test_orthanc_holds_what_was_sent_either_way(orthanc, study, tmp_path, make_image):
    other = make_image(tmp_path / "other.dcm", "1.2.3", "1.2.4")
    send(study, parse_address(f"dicomweb:{orthanc.web}"), SOON)
    send([other], parse_address(orthanc.node), SOON)
    for file in (*study, other):
        instance = pydicom.dcmread(file)
        query = f"?StudyInstanceUID={instance.StudyInstanceUID}&SOPInstanceUID={instance.SOPInstanceUID}"
        assert len(orthanc.ask(f"/dicom-web/instances{query}")) == 1
    with pytest.raises(UnreachableError, match="answered 404 Not Found"):
        send(study, parse_address(f"dicomweb:{orthanc.web}/wrong"), SOON)
