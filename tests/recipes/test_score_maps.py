import numpy as np
import pytest
import tifffile

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes.score_camelyon import Camelyon16Files
from lesionkit.recipes.score_maps import camelyon16_maps_scorer

GIVEN = {"level_0_um": 0.5, "bootstrap": 20}


@pytest.fixture
def data(tmp_path):
    """Slides a (a square of 1 mm of tumour), b (healthy) of 4 mm at 0.5 µm: masks at 1/32, maps of 64 µm."""
    for folder in ("masks", "maps"):
        (tmp_path / folder).mkdir()
    for name, has_tumour in (("a", True), ("b", False)):
        mask = np.zeros((250, 250), np.uint8)
        mask[62:124, 62:124] = has_tumour
        np.save(tmp_path / "masks" / f"{name}.npy", mask)
        belief = np.full((63, 63), 0.1, np.float32)
        belief[16:31, 16:31] = 0.9 if has_tumour else 0.1
        belief[50, 50] = 0.4
        write(tmp_path / "maps" / f"{name}.ome.tif", belief)
    return tmp_path


def write(path, belief, um=64.0):
    tifffile.imwrite(path, belief, ome=True, metadata={"PhysicalSizeX": um, "PhysicalSizeY": um})


def score(data, protocol="exact", **more):
    files = Camelyon16Files(data / "masks")
    return camelyon16_maps_scorer(files, protocol, GIVEN, mask_downsample=32, **more)(data / "maps")


def test_peaks_hit_lesions_and_a_slide_is_as_suspect_as_its_highest_peak(data):
    found = score(data)
    assert (found.counts["lesions"], found.counts["hits"], found.counts["false_positives"]) == (1, 1, 2)
    assert found.figures["cpm"].value == 1.0
    assert found.figures["slide AUC"].value == 1.0
    assert found.facts["maps"]["threshold"] == 0.5


def test_lesions_and_area_above_the_threshold_are_compared_with_the_true_ones(data):
    told = score(data).facts["found_and_true"]
    assert told["a"]["lesions"] == [1, 1]
    assert told["a"]["area_mm2"] == pytest.approx([0.9216, 0.984064])
    assert told["b"] == {"lesions": [0, 0], "area_mm2": [0.0, 0.0]}
    loose = score(data, threshold=0.3).facts["found_and_true"]
    assert loose["b"]["area_mm2"][0] == pytest.approx(0.064**2)


def test_a_slide_without_map_counts_as_searched_with_nothing_found(data):
    (data / "maps" / "a.ome.tif").unlink()
    found = score(data)
    assert found.counts["hits"] == 0
    assert found.facts["found_and_true"]["a"]["lesions"] == [0, 1]


def test_a_map_of_another_slide_or_size_is_refused(data):
    write(data / "maps" / "a.ome.tif", np.zeros((63, 40), np.float32))
    with pytest.raises(
        LesionkitError, match="the heat map of 'a' must cover its slide of 4000 x 4000 µm, got 2560 x 4032"
    ):
        score(data)


def test_cells_that_are_not_square_or_finer_than_the_slide_are_refused(data):
    metadata = {"PhysicalSizeX": 64.0, "PhysicalSizeY": 32.0}
    tifffile.imwrite(data / "maps" / "a.ome.tif", np.zeros((126, 63), np.float32), ome=True, metadata=metadata)
    with pytest.raises(LesionkitError, match="the cells of the heat map of 'a' must be square, got 64 x 32 µm"):
        score(data)
    write(data / "maps" / "a.ome.tif", np.zeros((63, 63), np.float32), um=0.25)
    with pytest.raises(LesionkitError, match=r"at least as large as the slide's pixels of 0\.5 µm, got 0\.25"):
        score(data)
