import dataclasses
import logging
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Lesion
from lesionkit.prepare.case import PrepareSettings
from lesionkit.prepare.store import Store, content_of, measure_read_rate

KEY = "0123abcd"


TRUTH = (Lesion((1.0, 2.0, 3.0), 6.5, facts={"votes": 3}),)


def small_case(seed=0, shape=(70, 80, 90), truth=TRUTH):
    grid = Grid.upright(shape, (1.0, 1.0, 1.0), (-3.0, 4.0, 5.5))
    hu = np.random.default_rng(seed).integers(-1024, 1000, shape).astype(np.int16)
    lung = ArrayImage(grid, hu > 0)
    return Case("series", "patient", ArrayImage(grid, hu), truth, (), {"lung": lung}, {"kernel": "B30f"})


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "cache")


def test_what_is_put_is_what_is_got(store):
    case = small_case()
    stored = store.put(KEY, case)
    assert stored.truth == case.truth
    assert stored.facts == case.facts
    assert (stored.case_id, stored.patient_id, stored.excluded) == ("series", "patient", ())
    assert stored.image.grid == case.image.grid
    np.testing.assert_array_equal(stored.image.read(stored.image.grid.whole), case.image.array)
    np.testing.assert_array_equal(stored.regions["lung"].read(stored.image.grid.whole), case.regions["lung"].array)


def test_truth_that_nobody_looked_for_stays_none(store):
    assert store.put(KEY, small_case(truth=None)).truth is None
    assert store.put(KEY + "e", small_case(truth=())).truth == ()


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_box_reads_what_numpy_slices(tmp_path_factory, data):
    case = small_case()
    stored = Store(tmp_path_factory.getbasetemp() / "boxes").put(KEY, case)
    box = []
    for n in case.image.grid.shape:
        start = data.draw(st.integers(0, n - 1))
        box.append(slice(start, data.draw(st.integers(start + 1, n))))
    np.testing.assert_array_equal(stored.image.read(tuple(box)), case.image.array[tuple(box)])


def test_an_absent_key_gives_none(store):
    assert store.get(KEY) is None


def test_the_key_follows_content_settings_and_type():
    plain, other = PrepareSettings(), PrepareSettings(spacing_mm=0.8)
    assert Store.key("a", plain) == Store.key("a", PrepareSettings())
    assert len({Store.key("a", plain), Store.key("b", plain), Store.key("a", other)}) == 3


def test_the_key_follows_the_version(monkeypatch):
    before = Store.key("a", PrepareSettings())
    monkeypatch.setattr("lesionkit.__version__", "999")
    assert Store.key("a", PrepareSettings()) != before


def test_content_is_the_samples_the_grid_and_the_truth():
    case = small_case()
    assert content_of(case) == content_of(dataclasses.replace(case, case_id="another name", facts={}))
    assert content_of(case) != content_of(small_case(seed=1))
    assert content_of(case) != content_of(small_case(truth=()))
    moved = ArrayImage(Grid.upright(case.image.grid.shape, (1, 1, 1)), case.image.array)
    assert content_of(case) != content_of(dataclasses.replace(case, image=moved))


@pytest.mark.parametrize("name", ["image.b2nd", "lung.b2nd", "case.json"])
def test_a_flipped_bit_is_found_told_and_removed(store, name, caplog):
    store.put(KEY, small_case())
    file = store.root / f"{KEY}.case" / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert Store(store.root).get(KEY) is None
    assert f"stored case {KEY} is damaged" in caplog.text
    assert "will be prepared again" in caplog.text
    assert not file.parent.exists()


def test_a_file_that_is_cut_short_or_missing_is_found(store):
    store.put(KEY, small_case())
    file = store.root / f"{KEY}.case" / "image.b2nd"
    file.write_bytes(file.read_bytes()[:-7])
    assert "bytes instead of" in store.verify()[KEY]
    file.unlink()
    assert "image.b2nd" in store.verify()[KEY]


def test_a_damaged_case_is_stored_again(store):
    store.put(KEY, small_case())
    (store.root / f"{KEY}.case" / "lung.b2nd").unlink()
    fresh = Store(store.root)
    assert fresh.put(KEY, small_case()).image.read((slice(0, 1),) * 3).shape == (1, 1, 1)
    assert fresh.verify() == {}


def test_verify_can_remove(store):
    store.put(KEY, small_case())
    store.put(KEY + "f", small_case(1))
    (store.root / f"{KEY}.case" / "case.json").write_text("nonsense")
    assert list(store.verify(remove=True)) == [KEY]
    assert [entry.key for entry in store.ls()] == [KEY + "f"]


def test_ls_tells_names_and_sizes(store):
    store.put(KEY, small_case())
    (entry,) = store.ls()
    assert (entry.key, entry.case_id, entry.patient_id) == (KEY, "series", "patient")
    assert entry.raw_bytes == 70 * 80 * 90 * 3
    assert 0 < entry.size_bytes < entry.raw_bytes * 1.1


def test_clear_frees_and_leaves_other_files(store):
    store.put(KEY, small_case())
    (store.root / "notes.txt").write_text("mine")
    assert store.clear() > 10_000
    assert store.ls() == []
    assert (store.root / "notes.txt").exists()


def test_clear_removes_what_a_killed_process_left(store):
    store.put(KEY, small_case())
    (store.root / f".tmp-abc-{KEY}.case").mkdir()
    assert [entry.key for entry in store.ls()] == [KEY]
    store.clear()
    assert list(store.root.iterdir()) == []


def test_an_image_that_was_read_before_reads_what_was_stored_anew(store):
    image = store.put(KEY, small_case()).image
    box = (slice(0, 3),) * 3
    image.read(box)
    store.remove(KEY)
    store.put(KEY, small_case(seed=1))
    np.testing.assert_array_equal(image.read(box), small_case(seed=1).image.array[box])


def test_nothing_half_written_stays_when_writing_fails(store):
    case = dataclasses.replace(small_case(), facts={"not json": object()})
    with pytest.raises(TypeError):
        store.put(KEY, case)
    assert list(store.root.iterdir()) == []


def test_a_stored_image_can_be_sent_to_another_process(store):
    case = small_case()
    image = store.put(KEY, case).image
    assert len(pickle.dumps(image)) < 1000
    box = (slice(5, 9), slice(60, 80), slice(31, 33))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        np.testing.assert_array_equal(pool.submit(image.read, box).result(), case.image.array[box])


def test_many_may_put_the_same_key_at_once(store):
    with ThreadPoolExecutor(4) as pool:
        stored = list(pool.map(lambda _: Store(store.root).put(KEY, small_case()), range(8)))
    assert all(case.case_id == "series" for case in stored)
    assert [path.name for path in store.root.iterdir()] == [f"{KEY}.case"]


def test_the_read_rate_is_measured(store):
    store.put(KEY, small_case())
    rate = measure_read_rate(store, patch=64, seconds=0.05)
    assert rate.patches >= 1
    assert rate.mb_per_s == pytest.approx(rate.patches_per_s * 64**3 * 2 / 1e6)


def test_an_empty_store_has_no_read_rate(store):
    with pytest.raises(LesionkitError, match="holds no case; prepare at least one"):
        measure_read_rate(store)


def test_a_key_must_be_a_plain_name(store):
    with pytest.raises(LesionkitError, match=r"letters and digits, got '\.\./x'; use Store\.key"):
        store.get("../x")


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LesionkitError, match="cannot write"):
        Store(tmp_path / "file" / "cache").put(KEY, small_case())
