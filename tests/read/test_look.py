import numpy as np
import pytest
from PIL import Image

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.read.look import look
from lesionkit.write.dicom import write_series
from lesionkit.write.pyramid import PyramidSettings, write_pyramid
from lesionkit.write.radiograph import write_radiograph
from lesionkit.write.volume import write_volume

HU = np.random.default_rng(0).integers(-1000, -960, (12, 24, 20)).astype(np.int16)


@pytest.fixture
def mixed(tmp_path):
    """A folder with one image of each kind and form, and with what is none."""
    scan = Case("1.2.3", "p", ArrayImage(Grid.upright(HU.shape, (2.5, 0.8, 0.7)), HU))
    write_series(scan, tmp_path / "dicom")
    write_volume(scan.image, tmp_path / "volume.nii.gz")
    grey = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)
    write_radiograph(Case("x", "p", ArrayImage(Grid.upright((64, 64), (1, 1)), grey)), tmp_path / "x.dcm")
    Image.fromarray(grey).save(tmp_path / "y.png")
    colours = np.full((512, 512, 3), 200, np.uint8)
    grid = Grid.upright((512, 512), (0.0005, 0.0005), (0.00025, 0.00025))
    write_pyramid(ArrayImage(grid, colours), tmp_path / "z.tif", PyramidSettings(coarsest=256))
    (tmp_path / "notes.txt").write_text("hello")
    return tmp_path


def test_a_folder_of_all_kinds_is_told_image_by_image(mixed):
    found = {one.path.relative_to(mixed).as_posix(): one for one in look(mixed)}
    kinds = {name: (one.kind, one.size) for name, one in found.items()}
    assert kinds == {
        "dicom": ("ct", (12, 24, 20)),
        "volume.nii.gz": ("ct", (12, 24, 20)),
        "x.dcm": ("radiograph", (64, 64)),
        "y.png": ("radiograph", (64, 64)),
        "z.tif": ("slide", (512, 512)),
    }
    assert [level["um"] for level in found["z.tif"].facts["levels"]] == [0.5, 1.0]


def test_one_file_tells_the_same_as_its_folder(mixed):
    for one in look(mixed):
        path = one.path if one.path.is_file() else sorted(one.path.glob("*.dcm"))[3]
        assert look(path) == (one,)


@pytest.mark.parametrize(("name", "sentence"), [("nothing", "there is no such"), ("notes.txt", "of unknown kind")])
def test_what_is_no_image_is_refused(mixed, name, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        look(mixed / name)


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(LesionkitError, match="no scan, radiograph or slide"):
        look(tmp_path)
