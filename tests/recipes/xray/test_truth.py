import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lesionkit.core.errors import LesionkitError
from lesionkit.core.mask import decode_rle_siim
from lesionkit.read.chest_rows import ImageRow
from lesionkit.recipes.base import Item
from lesionkit.recipes.xray.settings import XrayPneumothorax
from lesionkit.recipes.xray.truth import item_of_row, items_of, known_of


def listed(path, truth=None):
    return items_of(path, truth, XrayPneumothorax())


def test_radiographs_of_a_data_set_come_with_their_codes_and_patients(radiographs):
    items = {item.case_id: item for item in listed(radiographs).items}
    assert len(items) == 18
    assert items["x00"].patient_id == items["x02"].patient_id
    mask = decode_rle_siim(known_of(items["x00"], (64, 64)), (64, 64))
    assert mask.any()
    assert known_of(items["x01"], (64, 64)) == "-1"
    # A record keeps what is known.
    assert json.loads(json.dumps(items["x00"].known)) == items["x00"].known


def test_masks_beside_pictures_say_what_is_lesion(tmp_path):
    (tmp_path / "masks").mkdir()
    mask = np.zeros((8, 8), np.uint8)
    mask[2:4] = 255
    for folder, pixels in ((tmp_path, mask // 2), (tmp_path / "masks", mask)):
        Image.fromarray(pixels).save(folder / "a.png")
    (item,) = listed(tmp_path).items
    np.testing.assert_array_equal(decode_rle_siim(known_of(item, (8, 8)), (8, 8)), mask > 0)


def test_of_one_file_nothing_is_known_unless_a_table_is_given(radiographs):
    one = radiographs / "dicom/x00.dcm"
    (item,) = listed(one).items
    assert known_of(item, (64, 64)) is None
    listing = listed(one, radiographs / "train-rle.csv")
    assert known_of(listing.items[0], (64, 64)) not in (None, "-1")
    assert listing.notes == ()


def test_where_nobody_looked_nothing_is_known():
    assert known_of(item_of_row(ImageRow("a", "p", "a.png")), (4, 4)) is None
    assert known_of(item_of_row(ImageRow("a", "p", "a.png", encoded="-1")), (4, 4)) == "-1"


def test_a_code_that_does_not_fit_is_refused():
    with pytest.raises(LesionkitError, match="'a'"):
        known_of(Item("a", Path("a.png"), "", {"encoded": ["0 50"]}), (4, 4))
