import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes.slide.patches import Draws, Labelled, pack_labelled, re_encoded, usable_weights
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.runs.run_folder import open_run
from lesionkit.runs.settings_file import change

SETTINGS = change(SlideMetastasis(), {"patches": {"patch": 48}, "few": {"patch": 16}, "draw": {"per_epoch": 8}})


def table(*kinds):
    return pd.DataFrame({"row": range(len(kinds)), "column": 0, "kind": kinds})


def test_normal_tissue_that_a_data_set_does_not_have_is_not_drawn():
    ill, healthy, all_tumour = table("tumour", "normal"), table("normal"), table("tumour")
    assert usable_weights({"a": ill, "b": healthy}, (1.0, 2.0, 3.0)) == (1.0, 2.0, 3.0)
    assert usable_weights({"a": ill}, (1.0, 2.0, 3.0)) == (1.0, 2.0, 0.0)
    assert usable_weights({"a": all_tumour, "b": healthy}, (1.0, 2.0, 3.0)) == (1.0, 0.0, 3.0)


@pytest.fixture
def folder(tmp_path):
    """Twenty labelled patches of 64 pixels, of one grey each, darker ones with tumour."""
    patches = tmp_path / "patches"
    patches.mkdir()
    for number in range(20):
        Image.fromarray(np.full((64, 64, 3), 10 * number, np.uint8)).save(patches / f"{number:02d}.png")
    rows = "".join(f"{number:02d},{int(number < 10)}\n" for number in range(20))
    (patches / "labels.csv").write_text(f"id,label\n{rows}")
    return patches


def test_labelled_patches_are_cut_to_the_middle_and_each_is_on_one_side(folder, tmp_path):
    with open_run(tmp_path / "r", "slide-metastasis", SETTINGS, {"data": folder}) as run:
        packed = pack_labelled(run, folder, SETTINGS)
    assert packed.images.shape == (20, 48, 48, 3)
    assert packed.labels.sum() == 10
    assert sorted([*packed.train, *packed.validation]) == list(range(20))
    assert len(packed.validation) == 4


def test_patches_that_are_too_small_are_refused(folder, tmp_path):
    larger = change(SETTINGS, {"patches": {"patch": 96}})
    with (
        pytest.raises(LesionkitError, match="labelled patches must have 96 x 96 pixels or more"),
        open_run(tmp_path / "r", "slide-metastasis", larger, {"data": folder}) as run,
    ):
        pack_labelled(run, folder, larger)


def test_an_epoch_of_labelled_patches_is_of_those_that_learn_and_follows_from_its_number():
    images = np.arange(10, dtype=np.uint8)[:, None, None, None] * np.ones((1, 48, 48, 3), np.uint8)
    labelled = Labelled(images, np.arange(10) < 5, np.arange(6), np.arange(6, 10))
    draws = Draws({}, labelled, SETTINGS)
    first, again, other = ([int(draws(epoch).images[n].max()) for n in range(8)] for epoch in (0, 0, 1))
    assert first == again != other
    assert set(first) == set(range(6))


def test_every_labelled_patch_becomes_the_same_jpeg_unless_nobody_asks_for_it():
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    assert re_encoded(noise, None) is noise
    assert 0 < np.abs(re_encoded(noise, 90).astype(int) - noise).mean() < 20
    np.testing.assert_array_equal(re_encoded(noise, 90), re_encoded(noise, 90))
