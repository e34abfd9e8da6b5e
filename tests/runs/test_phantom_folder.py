import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.runs.phantom_folder import PhantomFolder


def test_the_same_phantoms_are_gone_on_with_and_finished_ones_are_known(tmp_path):
    folder = PhantomFolder(tmp_path / "data")
    for _ in range(2):
        folder.begin("phantom ct", {"seed": 1})
    folder.finish(2, {"case_id": "b"})
    folder.finish(1, {"case_id": "a"})
    assert [folder.is_done(number) for number in (0, 1, 2)] == [False, True, True]
    assert folder.done() == [{"case_id": "a"}, {"case_id": "b"}]


def test_other_phantoms_are_refused_with_what_differs(tmp_path):
    PhantomFolder(tmp_path).begin("phantom ct", {"seed": 1})
    with pytest.raises(LesionkitError, match=r"holds other phantoms: .*seed.*; name another --out"):
        PhantomFolder(tmp_path).begin("phantom ct", {"seed": 2})


def test_a_folder_of_other_things_is_refused(tmp_path):
    (tmp_path / "letter.txt").write_text("")
    for path in (tmp_path, tmp_path / "letter.txt"):
        with pytest.raises(LesionkitError, match="holds something else than phantoms; name a new or an empty folder"):
            PhantomFolder(path).begin("phantom ct", {})
