from pathlib import Path

import pytest
from PIL import Image

from lesionkit.core.errors import LesionkitError
from lesionkit.read.slide.set import find_slides, read_slide_set, slide_set_notes
from lesionkit.read.slide.suffixes import SUFFIXES


def put(folder: Path, *names: str) -> Path:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("" if file.suffix != ".csv" else file.name)
    return folder


def test_camelyon_slides_meet_their_outlines_masks_labels_and_patients_by_name(tmp_path):
    put(tmp_path, "slides/a.tif", "slides/b.svs", "annotations/a.xml", "masks/a_mask.png")
    (tmp_path / "labels.csv").write_text("slide,label\na.tif,tumor\nb,normal\n")
    (tmp_path / "patients.csv").write_text("slide,patient_id\na,p1\nb.svs,p1\n")
    a, b = read_slide_set(tmp_path)
    assert (a.slide_id, a.patient_id, a.label, a.annotation) == ("a", "p1", True, tmp_path / "annotations/a.xml")
    assert a.mask == tmp_path / "masks/a_mask.png"
    assert (b.slide_id, b.patient_id, b.label, b.annotation) == ("b", "p1", False, None)
    assert a.looked_at
    assert b.looked_at


def test_in_the_layout_of_help_the_folder_tells_the_label_and_masks_lie_beside_images(tmp_path):
    put(
        tmp_path,
        *("train/image/positive/Slide001.mrxs", "train/image/negative/Slide002.mrxs"),
        *("train/image/positive/Slide001/Data0001.dat", "train/mask/positive/Slide001.png", "test/Slide003.mrxs"),
    )
    one, two = read_slide_set(tmp_path)
    assert (one.slide_id, one.label, one.mask) == ("Slide001", True, tmp_path / "train/mask/positive/Slide001.png")
    assert (two.slide_id, two.label, two.looked_at) == ("Slide002", False, True)


def test_a_slide_that_is_labelled_tumour_but_not_drawn_was_not_looked_at(tmp_path):
    put(tmp_path, "slides/a.tif", "slides/b.tif")
    (tmp_path / "labels.csv").write_text("slide,label\na,tumor\n")
    a, b = read_slide_set(tmp_path)
    assert (a.label, a.looked_at) == (True, False)
    assert (b.label, b.looked_at) == (None, False)


def test_slides_in_folders_of_the_two_classes_are_found_without_a_table(tmp_path):
    put(tmp_path, "normal/n.tif", "tumor/t.tif", "lesion_annotations/t.xml")
    normal, tumour = read_slide_set(tmp_path)
    assert (normal.label, tumour.label) == (False, True)
    assert tumour.outline == tmp_path / "lesion_annotations/t.xml"


def test_a_folder_of_slides_does_not_count_masks_and_hidden_files(tmp_path):
    put(tmp_path, "a.tif", "masks/a.tif", "b_mask.tif", ".trash/c.tif", "deep/d.ndpi")
    assert [file.name for file in find_slides(tmp_path)] == ["a.tif", "d.ndpi"]
    assert find_slides(tmp_path / "a.tif") == [tmp_path / "a.tif"]


def test_the_files_of_a_dicom_folder_are_one_slide_named_after_it(tmp_path):
    put(tmp_path, "slides/s1/level0.dcm", "slides/s1/level1.dcm", "slides/s2/level0.dcm")
    assert [entry.slide_id for entry in read_slide_set(tmp_path)] == ["s1", "s2"]


def test_two_slides_of_one_name_are_refused(tmp_path):
    put(tmp_path, "slides/1/a.tif", "slides/2/a.svs")
    with pytest.raises(LesionkitError, match=r"every slide has one slide, but .*a\.tif and .*a\.svs are both 'a'"):
        read_slide_set(tmp_path)


def test_a_folder_without_slides_and_a_folder_that_is_not_there_are_refused(tmp_path):
    with pytest.raises(LesionkitError, match="must hold whole slides"):
        read_slide_set(tmp_path)
    with pytest.raises(LesionkitError, match="check the spelling"):
        find_slides(tmp_path / "nowhere")


def test_a_table_of_patients_with_other_columns_is_refused(tmp_path):
    put(tmp_path, "slides/a.tif")
    (tmp_path / "patients.csv").write_text("slide,age\na,70\n")
    with pytest.raises(LesionkitError, match="must have the columns slide,patient_id, got slide, age"):
        read_slide_set(tmp_path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_slides_of_every_format_meet_what_is_known_of_them(tmp_path, suffix):
    name = f"a/level0{suffix}" if suffix == ".dcm" else f"a{suffix}"
    put(tmp_path, f"slides/{name}", "annotations/a.geojson", "masks/a.npy")
    (tmp_path / "labels.csv").write_text(f"slide,label\na{suffix.upper()},tumor\n")
    (entry,) = read_slide_set(tmp_path)
    assert (entry.slide_id, entry.label, entry.outline) == ("a", True, tmp_path / "annotations/a.geojson")
    assert slide_set_notes(tmp_path) == ()


def test_a_slide_called_ome_loses_that_too(tmp_path):
    put(tmp_path, "slides/a.ome.tif", "annotations/a.xml")
    (entry,) = read_slide_set(tmp_path)
    assert (entry.slide_id, entry.outline) == ("a", tmp_path / "annotations/a.xml")


def test_rows_and_drawings_that_belong_to_no_slide_are_counted_and_named(tmp_path):
    put(tmp_path, "slides/a.tif", "slides/Tumor_1.scn", "annotations/b.xml")
    (tmp_path / "labels.csv").write_text("slide,label\na,tumor\ntumor_1,normal\nc,normal\n")
    labels, drawn = slide_set_notes(tmp_path)
    assert labels.endswith(
        "labels.csv: 2 of 3 rows name no slide that is there, the first 'tumor_1'; 'tumor_1' may mean 'Tumor_1'"
    )
    assert drawn.endswith("annotations: 1 of 1 files belong to no slide that is there, the first 'b'")


def test_a_table_of_labels_that_names_cases_tells_the_patients_too(tmp_path):
    (tmp_path / "slides").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / "slides" / f"{name}.tif").touch()
    (tmp_path / "labels.csv").write_text("case_id,slide_id,label\np1,a,tumor_tissue\np1,b,normal_tissue\np2,c,0\n")
    found = {one.slide_id: (one.patient_id, one.label) for one in read_slide_set(tmp_path)}
    assert found == {"a": ("p1", True), "b": ("p1", False), "c": ("p2", False)}
    (tmp_path / "patients.csv").write_text("slide,patient_id\nb,other\n")
    assert {one.slide_id: one.patient_id for one in read_slide_set(tmp_path)} == {"a": "p1", "b": "other", "c": "p2"}


def test_a_folder_of_labelled_patches_is_no_folder_of_slides(tmp_path):
    for name in ("a", "b"):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{name}.tif")
    (tmp_path / "labels.csv").write_text("id,label\na,1\nb,0\n")
    with pytest.raises(LesionkitError, match="must hold whole slides, but holds labelled patches"):
        read_slide_set(tmp_path)
