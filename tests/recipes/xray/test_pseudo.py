import csv
from types import SimpleNamespace

import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.read.chest_rows import ImageRow
from lesionkit.recipes.xray.members import with_values
from lesionkit.recipes.xray.pseudo import PseudoPictures, make_pseudo_labels, read_pseudo_labels
from lesionkit.recipes.xray.settings import SMALL, XrayPneumothorax
from lesionkit.runs.settings_file import change
from lesionkit.sample.pictures import Entry

SURE = {"filter": "confidence", "rounds": 1, "confident_positive": 0.9, "confident_negative": 0.1}
SETTINGS = change(XrayPneumothorax(), {"pseudo": SURE, "learn": {"side": 64}})
ROWS = [ImageRow(name, name, f"{name}.png") for name in ("sure", "healthy", "unsure")]
HEADS = {"sure": 0.99, "healthy": 0.01, "unsure": 0.5}


def ask(row):
    probability = np.zeros((64, 64), np.float32)
    probability[8:40, 8:40] = HEADS[row.case_id]
    return probability, HEADS[row.case_id]


def test_only_what_the_networks_are_sure_of_is_kept_and_says_where_it_is_from(tmp_path):
    facts = make_pseudo_labels(tmp_path, "fold-0", 1, ROWS, ask, {"net": "abc"}, SETTINGS)
    assert dict(facts) == {"asked": 3, "kept": 2, "positive": 1}
    rows = list(csv.DictReader((tmp_path / "pseudo/round-1/fold-0/provenance.csv").read_text().splitlines()))
    assert [(row["case_id"], row["positive"], row["models"]) for row in rows] == [
        *(("sure", "1", "net:abc"), ("healthy", "0", "net:abc")),
    ]


class Grey:
    def image(self, number):
        return np.full((64, 64), number, np.uint8)

    def mask(self, number):
        raise NotImplementedError


def test_the_masks_that_were_drawn_are_read_again(tmp_path):
    make_pseudo_labels(tmp_path, "", 1, ROWS, ask, {"net": "abc"}, SETTINGS)
    pictures = PseudoPictures([Entry(Grey(), 5)], [0], tmp_path / "pseudo/round-1/masks.npy", 64)
    expected = np.zeros((64, 64), bool)
    expected[8:40, 8:40] = True
    np.testing.assert_array_equal(pictures.mask(0), expected)
    assert pictures.image(0).max() == 5


def test_nothing_to_ask_and_nothing_kept_are_refused(tmp_path):
    with pytest.raises(LesionkitError, match="pseudo-labels need radiographs without masks; give --set unlabelled"):
        make_pseudo_labels(tmp_path, "f", 1, [], ask, {}, SETTINGS)
    with pytest.raises(LesionkitError, match="the filter 'confidence' kept none of 1 pseudo-labels; loosen it"):
        make_pseudo_labels(tmp_path, "f", 1, ROWS[2:], ask, {"net": "abc"}, SETTINGS)


@pytest.mark.parametrize(("whose", "names"), [("none", []), ("unlabelled", ["sure"]), ("all", ["sure", "nih"])])
def test_a_member_learns_from_the_pseudo_labels_it_asks_for(tmp_path, whose, names):
    # The second folder's are kept by confidence, although the filter believes labels alone.
    rows = [ImageRow("sure", "a", "/chexpert/sure.png", label=1), ImageRow("nih", "b", "/nih/b.png")]
    pseudo = {"filter": "label and area", "rounds": 1}
    settings = change(XrayPneumothorax(), {"further": {"images": "/nih"}, "pseudo": pseudo, "learn": {"side": 64}})
    make_pseudo_labels(tmp_path, "f", 1, rows, lambda _: ask(ROWS[0]), {"net": "abc"}, settings)
    images = SimpleNamespace(unlabelled=rows, images={})
    prepared = SimpleNamespace(images=images, entry=lambda row: row.case_id)
    read = read_pseudo_labels(tmp_path, "f", 1, prepared, settings, with_values(SMALL, pseudo=whose))
    assert [entry.pictures.entries[entry.number] for entry in read.entries] == names
    assert list(read.positive) == [True] * len(names)
