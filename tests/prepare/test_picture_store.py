import pickle

import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.prepare.picture_store import PictureFile, PictureStore, write_picture


@pytest.fixture
def store(tmp_path):
    return PictureStore(tmp_path / "cache")


def fill(store, key="abc", count=3, side=10, finished=(0, 2)):
    folder, _ = store.begin(key, count, side)
    for number in finished:
        write_picture(folder, number, np.full((side, side), number, np.uint8), np.eye(side, dtype=bool))
    return folder


def cut_short(file):
    file.write_bytes(file.read_bytes()[:-1])


def test_a_picture_comes_back_as_it_was_written_also_in_another_process(store):
    pictures = pickle.loads(pickle.dumps(PictureFile(fill(store), 3, 10)))
    assert len(pictures) == 3
    np.testing.assert_array_equal(pictures.image(2), np.full((10, 10), 2))
    np.testing.assert_array_equal(pictures.mask(2), np.eye(10))
    assert not pictures.mask(1).any()


def test_a_set_that_was_begun_is_gone_on_with(store):
    fill(store)
    assert store.begin("abc", 3, 10)[1] == [1]


def test_a_set_whose_file_is_cut_short_is_begun_again(store, caplog):
    cut_short(fill(store) / "images.npy")
    assert store.begin("abc", 3, 10)[1] == [0, 1, 2]
    assert "prepared pictures abc are damaged" in caplog.text


def test_a_set_of_another_size_under_the_same_key_is_begun_again(store, caplog):
    fill(store)
    assert store.begin("abc", 3, 12)[1] == [0, 1, 2]
    assert "3 pictures of 10 pixels instead of 3 of 12" in caplog.text


def test_ls_tells_how_many_are_prepared_and_leaves_out_what_is_damaged(store):
    fill(store)
    (entry,) = store.ls()
    assert (entry.key, entry.count, entry.finished, entry.side) == ("abc", 3, 2, 10)
    assert entry.size_bytes > 3 * 100
    (store.root / "abc.pictures/state.npy").unlink()
    assert store.ls() == []


def test_verify_finds_a_changed_byte_of_a_finished_picture_only(store):
    folder = fill(store)
    for number, damage in ((1, {}), (2, {"abc": "picture 2 does not fit its checksum"})):
        images = np.load(folder / "images.npy", "r+")
        images[number, 0, 0] = 99
        images.flush()
        assert store.verify() == damage


def test_verify_finds_missing_and_foreign_files_and_removes_if_asked(store):
    (fill(store, "gone") / "masks.npy").unlink()
    np.save(fill(store, "foreign") / "state.npy", np.zeros(3, np.uint8))
    found = store.verify(remove=True)
    assert found.keys() == {"gone", "foreign"}
    assert "masks.npy" in found["gone"]
    assert found["foreign"] == "its files do not belong together"
    assert store.verify() == {}


def test_clear_tells_what_it_freed_and_leaves_other_files_alone(store):
    fill(store)
    (store.root / "other.case").mkdir()
    (store.root / ".tmp-1-x.pictures").mkdir()
    size = store.ls()[0].size_bytes
    assert store.clear() == size
    assert [path.name for path in store.root.iterdir()] == ["other.case"]


def test_no_folder_is_an_empty_store(store):
    assert (store.ls(), store.verify(), store.clear()) == ([], {}, 0)


def test_a_key_that_would_leave_the_folder_is_refused(store):
    with pytest.raises(LesionkitError, match=r"a key of the store is made of letters and digits, got '\.\./x'"):
        store.begin("../x", 1, 8)
