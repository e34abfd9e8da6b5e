from dataclasses import dataclass
from pathlib import Path

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes.base import Item
from lesionkit.recipes.moved import found_again


@dataclass(frozen=True)
class Found:
    item: Item


def found(*paths):
    return [Found(Item(path.name, path)) for path in paths]


@pytest.mark.parametrize("place", ["b.mha", "p1/b.mha", "deep/er/b.mha", "old/p1/b.mha"])
def test_an_image_is_found_by_as_much_of_its_path_as_fits_or_by_its_name(tmp_path, place):
    new = tmp_path / "new" / place
    new.parent.mkdir(parents=True)
    new.touch()
    (one,), missing = found_again(found(Path("/old/p1/b.mha")), Path.exists, tmp_path / "new", "scan")
    assert (one.item.path, missing) == (new, {})


def test_the_folder_that_is_named_may_be_the_image_itself(tmp_path):
    (tmp_path / "series").mkdir()
    (one,), _ = found_again(found(Path("/old/series")), Path.exists, tmp_path / "series", "scan")
    assert one.item.path == tmp_path / "series"


def test_of_two_of_one_name_none_is_guessed(tmp_path):
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "b.mha").touch()
    with pytest.raises(LesionkitError, match=r"none of the 1 scans of the run is where it was, the first: /old/b.mha"):
        found_again(found(Path("/old/b.mha")), Path.exists, tmp_path, "scan")


def test_a_folder_that_is_none_is_refused(tmp_path):
    with pytest.raises(LesionkitError, match="--images must be a folder, but there is no folder"):
        found_again([], Path.exists, tmp_path / "none", "scan")
