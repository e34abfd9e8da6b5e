import numpy as np
import pytest
import tifffile

from lesionkit.core.errors import LesionkitError
from lesionkit.write import tiff_container
from lesionkit.write.tiff_container import DEFLATE, TiffContainer, TiffPage

PAGE = TiffPage((16, 32), 16, DEFLATE, np.dtype(np.uint8), 1, 0.25, "a slide")


@pytest.mark.parametrize("big", [False, True])
def test_pages_point_at_tiles_that_came_in_any_order(tmp_path, big):
    import zlib

    path = tmp_path / "a.tif"
    left, right = (zlib.compress(np.full((16, 16), value, np.uint8).tobytes()) for value in (1, 2))
    with TiffContainer(path, big) as file:
        places = [file.append(right), file.append(left)][::-1]
        file.add_page(PAGE, np.array([places]), np.array([[len(left), len(right)]]), reduced=False)
    with tifffile.TiffFile(path) as seen:
        page = seen.pages[0]
        assert page.asarray()[0, [0, 16]].tolist() == [1, 2]
        assert page.description == "a slide"
        assert page.tags["XResolution"].value[0] / page.tags["XResolution"].value[1] == 40_000


def test_tiles_begin_at_even_places(tmp_path):
    with TiffContainer(tmp_path / "a.tif", big=False) as file:
        assert [file.append(b"x") % 2 for _ in range(3)] == [0, 0, 0]


def test_a_classic_tiff_does_not_grow_beyond_its_offsets(tmp_path, monkeypatch):
    monkeypatch.setattr(tiff_container, "_CLASSIC_LIMIT", 100)
    with (
        TiffContainer(tmp_path / "a.tif", big=False) as file,
        pytest.raises(LesionkitError, match="would exceed 4 GB, the limit of classic TIFF; write a BigTIFF"),
    ):
        file.append(bytes(200))
