import json

import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.mask import decode_rle_siim, encode_rle_coco
from lesionkit.read.layout.coco import read_coco

SHAPE = (20, 30)


def mask(rows, columns) -> np.ndarray:
    held = np.zeros(SHAPE, bool)
    held[slice(*rows), slice(*columns)] = True
    return held


def write(folder, *annotations, names=("pneumothorax",), images=("a", "b"), file="coco.json"):
    told = {
        "images": [{"id": n, "file_name": f"{name}.png", "height": 20, "width": 30} for n, name in enumerate(images)],
        "categories": [{"id": n, "name": name} for n, name in enumerate(names, 1)],
        "annotations": [{"id": n, "category_id": 1, **one} for n, one in enumerate(annotations)],
    }
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).write_text(json.dumps(told))


def test_polygons_are_masks_and_an_image_without_any_is_healthy(tmp_path):
    write(tmp_path, {"image_id": 0, "segmentation": [[5, 2, 15, 2, 15, 10, 5, 10], [20, 0, 22, 0, 22, 3, 20, 3]]})
    found = read_coco(tmp_path).encoded
    expected = mask((2, 10), (5, 15)) | mask((0, 3), (20, 22))
    np.testing.assert_array_equal(decode_rle_siim(found["a"], SHAPE), expected)
    assert found["b"] == ("-1",)


@pytest.mark.parametrize("compressed", [False, True])
def test_run_lengths_are_masks_as_pycocotools_writes_them(tmp_path, compressed):
    coding = encode_rle_coco(mask((2, 10), (5, 15)), compressed)
    write(tmp_path, {"image_id": 1, "segmentation": coding, "iscrowd": 1}, file="annotations/instances_train.json")
    np.testing.assert_array_equal(decode_rle_siim(read_coco(tmp_path).encoded["b"], SHAPE), mask((2, 10), (5, 15)))


def test_only_categories_of_lesions_count_and_a_box_alone_is_no_mask(tmp_path):
    other = {"image_id": 0, "category_id": 2, "segmentation": [[0, 0, 9, 0, 9, 9]]}
    box = {"image_id": 1, "bbox": [1, 2, 3, 4], "segmentation": []}
    write(tmp_path, other, box, names=("pneumothorax", "heart"))
    found = read_coco(tmp_path)
    assert found.encoded == {"a": ("-1",)}
    assert found.notes == ("coco.json: 1 images have boxes and no outlines, first 'b'; not used",)


def test_several_files_are_one_set_and_other_json_is_passed_over(tmp_path):
    write(tmp_path, images=("a",), file="annotations/train.json")
    write(tmp_path, images=("c",), file="annotations/val.json")
    (tmp_path / "other.json").write_text("{}")
    assert sorted(read_coco(tmp_path).encoded) == ["a", "c"]
    (tmp_path / "annotations").rename(tmp_path / "elsewhere")
    assert read_coco(tmp_path) is None


def test_what_is_damaged_is_one_sentence(tmp_path):
    write(tmp_path, {"image_id": 0, "segmentation": {"size": [20, 30], "counts": [5, 5]}})
    with pytest.raises(LesionkitError, match=r"coco\.json must be annotations as COCO has them, got"):
        read_coco(tmp_path)
    write(tmp_path, names=("left", "right"))
    with pytest.raises(LesionkitError, match="one of the labels must be of lesions"):
        read_coco(tmp_path)


def test_an_image_that_says_it_is_gigantic_is_refused_before_it_is_painted(tmp_path):
    write(tmp_path, {"image_id": 0, "segmentation": [[5, 2, 15, 2, 15, 10, 5, 10]]})
    file = tmp_path / "coco.json"
    file.write_text(file.read_text().replace('"height": 20', '"height": 2000000000'))
    with pytest.raises(LesionkitError, match=r"coco\.json must be annotations as COCO has them, got ValueError: image"):
        read_coco(tmp_path)
