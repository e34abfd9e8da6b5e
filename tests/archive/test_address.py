import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.archive.address import Node, Web, parse_address, title
from lesionkit.core.errors import LesionkitError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("dicomweb:http://localhost:8042/dicom-web", Web("http://localhost:8042/dicom-web")),
        ("dicomweb:https://pacs.example.org/dicom-web/", Web("https://pacs.example.org/dicom-web")),
        ("dimse:pacs:104/ARCHIVE", Node("pacs", 104, "ARCHIVE")),
        ("dimse+tls:10.0.0.1:2762/A B", Node("10.0.0.1", 2762, "A B", tls=True)),
        ("dimse:[::1]:104/A", Node("::1", 104, "A")),
    ],
)
def test_an_archive_is_a_url_or_host_port_and_title(text, address):
    assert parse_address(text) == address


@given(
    host=st.from_regex(r"[a-z][a-z0-9.-]{0,20}", fullmatch=True),
    port=st.integers(1, 65535),
    aet=st.from_regex(r"[A-Z0-9_]{1,16}", fullmatch=True),
    tls=st.booleans(),
)
def test_an_address_is_read_as_it_is_written(host, port, aet, tls):
    node = Node(host, port, aet, tls)
    assert parse_address(str(node)) == node


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("pacs:104", "an archive is dicomweb:URL, dimse:HOST:PORT/AET or dimse\\+tls:HOST:PORT/AET, got 'pacs:104'"),
        ("dimse:pacs:104", "an archive is .*, got 'dimse:pacs:104'"),
        ("dimse:pacs:70000/A", "the port of an archive must be 1 to 65535, got 70000"),
        ("dimse:pacs:104/SEVENTEEN-LETTERS", "an AE title has 1 to 16 ASCII letters and no backslash"),
        ("dicomweb:localhost:8042", "dicomweb: needs the URL of a service"),
        ("dicomweb:ftp://localhost", "dicomweb: needs the URL of a service"),
        ("dicomweb:http://host:port/", "dicomweb: needs the URL of a service"),
        ("dicomweb:http://me:secret@pacs/dicom-web", "the address of pacs must hold no password"),
    ],
)
def test_what_is_no_archive_is_said(text, sentence):
    with pytest.raises(LesionkitError, match=sentence) as raised:
        parse_address(text)
    assert "secret" not in str(raised.value)


def test_an_ae_title_loses_the_spaces_around_it():
    assert title("  A B ") == "A B"
    with pytest.raises(LesionkitError, match="got 'A"):
        title("A\\B")
