import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.prepare.keyed_folders import KeyedFolders, first_wins


def filled(root):
    for name, size in (("a.case", 3), ("b.case", 4), ("a.pictures", 5), (".tmp-1-c.case", 6)):
        (root / name).mkdir()
        (root / name / "x").write_bytes(bytes(size))
    return KeyedFolders(root, ".case")


def test_stores_of_other_suffixes_in_the_same_root_are_left_alone(tmp_path):
    kept = filled(tmp_path)
    assert [folder.name for folder in kept.all()] == ["a.case", "b.case"]
    assert kept.clear() == 7
    assert [path.name for path in tmp_path.iterdir()] == ["a.pictures"]


def test_one_folder_is_removed_by_its_key_and_an_absent_one_is_no_error(tmp_path):
    kept = filled(tmp_path)
    kept.remove("a")
    kept.remove("a")
    assert [folder.stem for folder in kept.all()] == ["b"]


def test_damage_is_told_by_key(tmp_path):
    found = filled(tmp_path).damaged(lambda folder: "short" if (folder / "x").stat().st_size < 4 else None)
    assert found == {"a": "short"}


def test_a_key_cannot_lead_out_of_the_root(tmp_path):
    with pytest.raises(LesionkitError, match="letters and digits"):
        KeyedFolders(tmp_path, ".case").folder("../a")


def test_who_comes_second_is_content_with_what_the_first_made(tmp_path):
    proof = tmp_path / "x"
    with pytest.raises(OSError, match="not empty"), first_wins(proof):
        raise OSError("not empty")
    proof.touch()
    with first_wins(proof):
        raise OSError("not empty")
