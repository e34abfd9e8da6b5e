from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.runs.records import read_record, record_file, record_files, write_record

NAMES = st.text(min_size=1, max_size=300).filter(lambda name: "\0" not in name)


@given(st.lists(NAMES, min_size=2, max_size=2, unique=True))
def test_no_two_names_share_a_file_and_none_leaves_the_folder(names):
    one, other = (record_file(Path("run"), name) for name in names)
    assert one != other
    assert one.parent == Path("run/cases")
    assert not one.name.startswith(".")
    assert len(one.name.encode()) < 255


def test_a_record_is_the_same_after_it_was_written_and_they_are_listed_by_name(tmp_path):
    for name in ("c/d", "b", "a"):
        write_record(tmp_path, name, {"name": name, "score": 0.25})
    assert [read_record(file)["name"] for file in record_files(tmp_path)] == ["a", "b", "c/d"]
    assert list(record_files(tmp_path / "nowhere")) == []


@pytest.mark.parametrize("text", ["", "[1]", "{"])
def test_a_damaged_record_says_what_to_do(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(LesionkitError, match=r"a\.json is damaged .*; delete it and run the same command again"):
        read_record(tmp_path / "a.json")
