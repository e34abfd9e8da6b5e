import pytest

from lesionkit.archive import send as sending
from lesionkit.archive.address import UnreachableError


@pytest.fixture
def sent(monkeypatch):
    """What is sent where, without a network; an archive called DOWN is down."""
    found = []

    def send(files, address, how):
        if "DOWN" in str(address):
            raise UnreachableError(f"{address} does not answer")
        found.append((str(address), len(files), how.caller))

    monkeypatch.setattr(sending, "send", send)
    return found


def test_what_was_exported_goes_to_each_archive(lesionkit, sent, tmp_path):
    for name in ("run/export/a", "run/export/b", "run/other"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(128) + b"DICM")
    (tmp_path / "run" / "run.json").touch()
    web = "dicomweb:http://pacs/dicom-web"
    done = lesionkit("send", tmp_path / "run", "--to", web, "--to", "dimse:pacs:104/A", "--aet", "ME")
    assert (done.exit_code, sent) == (0, [(web, 2, "ME"), ("dimse:pacs:104/A", 2, "ME")])


def test_an_archive_that_is_down_does_not_stop_the_others(lesionkit, sent, tmp_path):
    (tmp_path / "a").write_bytes(bytes(128) + b"DICM")
    done = lesionkit("send", tmp_path / "a", "--to", "dimse:pacs:104/DOWN", "--to", "dimse:pacs:104/A")
    assert (done.exit_code, len(sent)) == (3, 1)
    assert done.stderr == "failed: dimse:pacs:104/DOWN does not answer\n1 of 2 cases failed\n"
    alone = lesionkit("send", tmp_path / "a", "--to", "dimse:pacs:104/DOWN")
    assert alone.exit_code == 2


def test_what_cannot_be_sent_is_one_sentence(lesionkit, tmp_path):
    for words, sentence in (
        ((tmp_path, "--to", "pacs"), "lesionkit: an archive is dicomweb:URL, dimse:HOST:PORT/AET or "),
        ((tmp_path, "--to", "dimse:a:1/B"), f"lesionkit: {tmp_path} holds no DICOM file to send\n"),
        ((tmp_path / "x", "--to", "dimse:a:1/B"), f"lesionkit: {tmp_path / 'x'}: there is no such file or folder\n"),
    ):
        done = lesionkit("send", *words)
        assert (done.exit_code, done.stderr.startswith(sentence)) == (2, True), done.stderr
