import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes.data_set import link_image


def test_a_file_is_linked_with_the_samples_beside_it(tmp_path):
    for name in ("a.mhd", "a.raw"):
        (tmp_path / name).write_text(name)
    link = link_image(tmp_path / "a.mhd", tmp_path / "out")
    assert (link.read_text(), (tmp_path / "out" / "a.raw").read_text()) == ("a.mhd", "a.raw")
    assert link_image(tmp_path / "a.mhd", tmp_path / "out") == link


def test_of_a_scan_that_shares_its_folder_the_folder_is_linked(tmp_path):
    (tmp_path / "folder").mkdir()
    assert link_image(tmp_path / "folder" / "1.2.3", tmp_path / "out").name == "folder"


def test_two_images_of_one_name_are_refused(tmp_path):
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").touch()
    link_image(tmp_path / "x" / "a.png", tmp_path / "out")
    with pytest.raises(LesionkitError, match=r"two images are called a.png: .*x/a.png and .*y/a.png; rename one"):
        link_image(tmp_path / "y" / "a.png", tmp_path / "out")
