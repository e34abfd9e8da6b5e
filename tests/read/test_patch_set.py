import numpy as np
import pytest
import tifffile
from PIL import Image

from lesionkit.core.errors import LesionkitError
from lesionkit.read.patch_set import holds_patches, is_patch_set, joined_sets, list_patches, read_patch_set


def put(file, grey=100):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 8, 3), grey, np.uint8)).save(file)


def test_a_table_beside_pictures_labels_them(tmp_path):
    put(tmp_path / "x.png", 10)
    put(tmp_path / "y.png", 20)
    (tmp_path / "labels.csv").write_text("id,label\ny,1\nx,0\n")
    patches = read_patch_set(tmp_path)
    assert is_patch_set(tmp_path)
    assert (patches.names, patches.labels.tolist(), len(patches)) == (("y", "x"), [True, False], 2)
    assert patches.image(0)[0, 0].tolist() == [20, 20, 20]


def test_pictures_in_folders_of_the_two_classes_are_labelled_by_them(tmp_path):
    put(tmp_path / "normal" / "x.png")
    put(tmp_path / "tumor" / "y.png")
    assert is_patch_set(tmp_path)
    assert read_patch_set(tmp_path).labels.tolist() == [False, True]


def test_folders_of_slides_are_no_patches(tmp_path):
    for name in ("normal", "tumor"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.tif").write_text("")
    assert not is_patch_set(tmp_path)
    (tmp_path / "labels.csv").write_text("slide,label\na,1\n")
    assert not is_patch_set(tmp_path)


@pytest.mark.parametrize(
    ("row", "says"), [("x,2", "row 2: a label must be 0 or 1, got '2'"), ("z,1", "none of its 1 rows names a picture")]
)
def test_a_row_that_cannot_be_used_is_named(tmp_path, row, says):
    put(tmp_path / "x.png")
    (tmp_path / "labels.csv").write_text(f"id,label\n{row}\n")
    with pytest.raises(LesionkitError, match=says):
        read_patch_set(tmp_path)


def test_patches_of_one_class_are_refused(tmp_path):
    put(tmp_path / "x.png")
    (tmp_path / "labels.csv").write_text("id,label\nx,1\n")
    with pytest.raises(LesionkitError, match="got 1 with and 0 without"):
        read_patch_set(tmp_path)


def test_a_broken_picture_is_named_when_it_is_read(tmp_path):
    put(tmp_path / "x.png")
    (tmp_path / "y.png").write_text("no picture")
    (tmp_path / "labels.csv").write_text("id,label\nx,1\ny,0\n")
    with pytest.raises(LesionkitError, match=r"y\.png must be a readable picture"):
        read_patch_set(tmp_path).image(1)


def test_a_row_without_a_picture_is_left_out_and_said(tmp_path):
    put(tmp_path / "x.png")
    put(tmp_path / "y.png")
    (tmp_path / "labels.csv").write_text("id,label\nx,1\nz,0\ny,0\n")
    patches = read_patch_set(tmp_path)
    assert patches.names == ("x", "y")
    assert patches.notes[0].endswith("labels.csv: 1 of 3 rows name no picture that is there, the first 'z'")


def test_kaggles_folder_of_small_tiff_is_one_of_patches(tmp_path):
    put(tmp_path / "train" / "f38a.tif", 10)
    put(tmp_path / "train" / "c18f.tif", 20)
    put(tmp_path / "test" / "0b2e.tif", 20)
    (tmp_path / "train_labels.csv").write_text("id,label\nf38a,0\nc18f,1\n")
    (tmp_path / "sample_submission.csv").write_text("id,label\n0b2e,0\n")
    assert is_patch_set(tmp_path)
    patches = read_patch_set(tmp_path)
    assert (patches.names, patches.labels.tolist()) == (("f38a", "c18f"), [False, True])
    assert patches.image(1)[0, 0].tolist() == [20, 20, 20]


def test_small_tiff_in_folders_of_the_two_classes_are_patches_and_keep_their_class_where_names_are_alike(tmp_path):
    put(tmp_path / "0" / "1.tif")
    put(tmp_path / "1" / "1.tif")
    assert is_patch_set(tmp_path)
    assert read_patch_set(tmp_path).names == ("0/1", "1/1")


@pytest.mark.parametrize("words", [{"tile": (16, 16)}, {}])
def test_a_tiff_with_tiles_or_a_large_one_is_a_slide(tmp_path, words):
    side = 64 if words else 1200
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((side, side, 3), np.uint8), photometric="rgb", **words)
    (tmp_path / "labels.csv").write_text("slide,label\na,1\n")
    assert not is_patch_set(tmp_path)


def test_a_folder_of_pictures_without_labels_is_one_of_patches_but_not_of_labelled_ones(tmp_path):
    put(tmp_path / "x.png")
    put(tmp_path / "y.jpg")
    assert holds_patches(tmp_path)
    assert holds_patches(tmp_path / "x.png")
    assert not is_patch_set(tmp_path)
    assert list(list_patches(tmp_path).paths) == ["x", "y"]
    assert list_patches(tmp_path).labels == {}


def test_pictures_beside_slides_are_no_patches(tmp_path):
    put(tmp_path / "x.png")
    (tmp_path / "a.svs").write_text("")
    assert not holds_patches(tmp_path)
    (tmp_path / "a.svs").unlink()
    (tmp_path / "slides").mkdir()
    assert not holds_patches(tmp_path)


def test_labels_and_patches_that_do_not_meet_are_counted(tmp_path):
    for name in "xyz":
        put(tmp_path / f"{name}.png")
    (tmp_path / "labels.csv").write_text("id,label\nx,1\na,0\n")
    found = list_patches(tmp_path)
    assert found.labels == {"x": True}
    assert "1 of 2 rows name no picture that is there, the first 'a'" in found.notes[0]
    assert "2 of 3 patches have no label" in found.notes[1]


def test_several_folders_become_one_set_whose_names_tell_them_apart(tmp_path):
    for folder in ("a", "b"):
        put(tmp_path / folder / "x.png")
        put(tmp_path / folder / "y.png")
        (tmp_path / folder / "labels.csv").write_text("id,label\nx,1\ny,0\n")
    joined = joined_sets([read_patch_set(tmp_path / folder) for folder in ("a", "b")])
    assert joined.names == ("0/x", "0/y", "1/x", "1/y")
    assert joined.labels.tolist() == [True, False, True, False]
