import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.core.names import file_in, path_from_text, path_to_text, printable


@pytest.mark.parametrize(
    ("name", "shown"),
    [(b"plain", "plain"), ("Müller 胸".encode(), "Müller 胸"), (b"M\xfcller", "Müller"), (b"\xff", "ÿ")],
)
def test_names_are_shown_as_their_writer_meant_them(name, shown):
    assert printable(os.fsdecode(name)) == shown


def test_what_no_file_takes_is_replaced():
    assert printable("a\ud800b") == "a\N{REPLACEMENT CHARACTER}b"


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name and b"/" not in name and name not in (b".", b"..")))
def test_any_path_survives_as_text(name):
    path = Path("/data") / os.fsdecode(name)
    text = path_to_text(path)
    assert text.encode("utf-8")
    assert Path(path_from_text(text)) == path


@pytest.mark.parametrize("name", ["../x.png", "/etc/x", "a/../../x", "..\\x", "C:\\x", "", "a\0b"])
def test_a_name_that_leads_out_of_its_folder_is_refused(name):
    with pytest.raises(LesionkitError, match="must have a name that stays in its folder"):
        file_in(Path("run"), name)


@pytest.mark.parametrize("name", ["a.png", "..a.png", "a b:c.png", "Müller.tif", "a/b.png"])
def test_other_names_are_files_of_the_folder(name):
    assert file_in(Path("run"), name) == Path("run") / name
