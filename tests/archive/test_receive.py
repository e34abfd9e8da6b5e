import socket
import ssl
import time
from types import SimpleNamespace

import pytest
from pydicom.uid import EnhancedSRStorage, generate_uid
from pynetdicom import AE

from lesionkit.archive.address import Node, RefusedError, UnreachableError
from lesionkit.archive.dimse import send_by_dimse
from lesionkit.archive.queue import Queue
from lesionkit.archive.receive import Receiver, ReceiveSettings
from lesionkit.archive.upkeep import IMAGES, queue_rows
from lesionkit.core.errors import LesionkitError


@pytest.fixture
def start(tmp_path):
    """A receiver of a fresh queue with given settings: `.node()`, `.send(files, …)`, `.said`, `.images`, `.rows`."""
    running = []

    def begin(**settings):
        folder, said = tmp_path / "queue", []
        (folder / IMAGES).mkdir(parents=True)
        queue = Queue(folder)
        receiver = Receiver(folder, queue, ReceiveSettings(port=0, free_gb=0, **settings), said.append)
        receiver.start()
        running.append((receiver, queue))
        return SimpleNamespace(
            receiver=receiver,
            queue=queue,
            said=said,
            node=Node("127.0.0.1", receiver.port, "LESIONKIT"),
            images=lambda: sorted((folder / IMAGES).iterdir()),
            rows=lambda: queue_rows(folder),
        )

    yield begin
    for receiver, queue in running:
        receiver.stop(0)
        queue.__exit__()


def test_images_are_on_disk_under_names_that_nobody_sent(start, study):
    service = start()
    send_by_dimse(study, service.node)
    assert len(service.images()) == 2
    assert not any(part in file.name for file in service.images() for part in ("P1", "1.2", "CT"))
    assert [file.read_bytes()[128:132] for file in service.images()] == [b"DICM"] * 2
    assert [(row["state"], row["images"]) for row in service.rows()] == [("arriving", 2)]
    send_by_dimse(study, service.node)
    assert len(service.images()) == 2


def test_a_study_is_busy_while_its_sender_is_connected(start, study):
    service = start()
    ae = AE("SCANNER")
    ae.add_requested_context("1.2.840.10008.5.1.4.1.1.2")
    ae.add_requested_context("1.2.840.10008.1.1")
    sender = ae.associate("127.0.0.1", service.receiver.port, ae_title="LESIONKIT")
    assert sender.send_c_echo().Status == 0
    assert service.receiver.busy() == []
    assert sender.send_c_store(study[0]).Status == 0
    uid = service.rows()[0]["study_uid"]
    assert service.receiver.busy() == [uid]
    sender.release()
    end = time.monotonic() + 5
    while service.receiver.busy() and time.monotonic() < end:
        time.sleep(0.01)
    assert service.receiver.busy() == []


@pytest.mark.parametrize("tag", ["StudyInstanceUID", "SeriesInstanceUID"])
def test_an_image_without_a_needed_tag_is_refused_and_the_next_is_taken(start, study, make_image, tmp_path, tag):
    service = start()
    bad = make_image(tmp_path / "bad.dcm", generate_uid(), generate_uid(), **{tag: None})
    with pytest.raises(RefusedError, match=f"status 0xC000: an image must have {tag}"):
        send_by_dimse([bad], service.node, "SCANNER")
    assert service.said[0].endswith(f"an image was refused: an image must have {tag}")
    assert "'SCANNER' at 127.0.0.1" in service.said[0]
    send_by_dimse(study, service.node)
    assert len(service.images()) == 2


def test_names_that_look_like_paths_or_sql_are_data(start, make_image, tmp_path):
    service = start()
    hostile = "../../etc/passwd'; DROP TABLE images; --"
    file = make_image(tmp_path / "a.dcm", "1.2.3", "1.2.4", PatientID=hostile)
    send_by_dimse([file], service.node)
    (taken,) = service.images()
    service.queue.settle(time.time())
    assert service.queue.images(service.queue.claim("me")) == [(f"{IMAGES}/{taken.name}", hostile)]


def test_what_is_no_image_is_passed_over_so_that_our_own_results_begin_no_search(start, make_image, tmp_path):
    service = start()
    report = make_image(tmp_path / "sr.dcm", "1.2.3", "1.2.4", SOPClassUID=EnhancedSRStorage, Modality="SR")
    send_by_dimse([report], service.node)
    assert (service.images(), service.rows()) == ([], [])
    end = time.monotonic() + 5
    while not service.said and time.monotonic() < end:
        time.sleep(0.01)
    assert service.said[0].endswith("1 objects that are no images were passed over")


def test_only_who_is_allowed_and_calls_by_name_gets_in(start, study):
    service = start(allow=("SCANNER",))
    send_by_dimse(study, service.node, "SCANNER")
    with pytest.raises(
        UnreachableError, match=r"rejected the association .*calling ae title not recogni.*AE title OTHER"
    ):
        send_by_dimse(study, service.node, "OTHER")
    with pytest.raises(
        UnreachableError, match=r"rejected the association .*called ae title not recogni.*be called WRONG"
    ):
        send_by_dimse(study, Node("127.0.0.1", service.receiver.port, "WRONG"), "SCANNER")
    assert "'OTHER' at 127.0.0.1: rejected, calling 'LESIONKIT'" in service.said[0]
    assert "rejected, calling 'WRONG'; it must call 'LESIONKIT'" in service.said[1]


def test_images_and_studies_beyond_the_limits_are_refused(start, study, make_image, tmp_path):
    service = start(images=1)
    with pytest.raises(UnreachableError, match="no room now"):
        send_by_dimse(study, service.node)
    assert len(service.images()) == 1
    assert service.said[0].endswith("a study may have 1 images")


def test_an_image_that_is_too_large_is_refused_before_it_fills_the_memory(start, make_image, tmp_path):
    service = start(image_mb=0.001)
    file = make_image(tmp_path / "a.dcm", "1.2.3", "1.2.4")
    with pytest.raises(UnreachableError, match="no room now"):
        send_by_dimse([file], service.node)
    large = make_image(tmp_path / "b.dcm", "1.2.3", "1.2.4", Rows=1024, Columns=1024, PixelData=bytes(2 * 1024**2))
    with pytest.raises(UnreachableError, match="ended the connection"):
        send_by_dimse([large], service.node)
    assert "an image must have at most 0.001 MB; disconnected" in service.said[-1]
    assert service.images() == []


def test_a_disk_that_is_full_is_said_and_nothing_half_is_left(start, study, monkeypatch):
    service = start()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UnreachableError, match="no room now"):
        send_by_dimse(study, service.node)
    assert service.said[0].endswith("cannot write: No space left on device; free some space and send again")
    assert service.images() == []
    monkeypatch.undo()
    send_by_dimse(study, service.node)
    assert len(service.images()) == 2


def test_nothing_is_taken_where_too_little_is_free(start, study):
    service = start()
    service.receiver.settings = ReceiveSettings(free_gb=1e9)
    with pytest.raises(UnreachableError, match="no room now"):
        send_by_dimse(study, service.node)
    assert "less than 1e+09 GB are free" in service.said[0]


def test_who_listens_to_others_names_who_may_send(start):
    with pytest.raises(LesionkitError, match=r"a receiver at 0\.0\.0\.0 is reached by others; name who may send"):
        start(host="0.0.0.0")


def test_a_port_that_is_taken_is_said(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with Queue(tmp_path) as queue, pytest.raises(LesionkitError, match=f"cannot listen at 127.0.0.1:{port}"):
            Receiver(tmp_path, queue, ReceiveSettings(port=port), print).start()


def test_a_connection_that_is_no_dicom_is_survived(start, study):
    service = start()
    with socket.create_connection(("127.0.0.1", service.receiver.port)) as other:
        other.sendall(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(UnreachableError, match=r"cannot be trusted .*; check host and port, or name its certificate"):
        send_by_dimse(study, Node("127.0.0.1", service.receiver.port, "LESIONKIT", tls=True), timeout_s=2)
    send_by_dimse(study, service.node)
    assert len(service.images()) == 2


def test_with_tls_only_who_is_trusted_is_sent_to(study, tmp_path, certificate):
    folder = tmp_path / "queue"
    (folder / IMAGES).mkdir(parents=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with Queue(folder) as queue:
        receiver = Receiver(folder, queue, ReceiveSettings(port=0, free_gb=0), lambda _: None)
        receiver.start(context)
        node = Node("localhost", receiver.port, "LESIONKIT", tls=True)
        with pytest.raises(UnreachableError, match=r"cannot be trusted \(CERTIFICATE_VERIFY_FAILED\)"):
            send_by_dimse(study, node, timeout_s=5)
        send_by_dimse(study, node, ca=certificate)
        receiver.stop(0)
    assert len(list((folder / IMAGES).iterdir())) == 2
