import json
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from lesionkit.core.errors import LesionkitError
from lesionkit.core.outline import Outline
from lesionkit.read.truth.camelyon import read_lesion_annotations
from lesionkit.write.siim import write_mask

DATA = Path(os.environ.get("LESIONKIT_DATA", Path(__file__).parents[3] / "../shared/data"))
POLYGONS = DATA / "slide" / "camelyon16_polygons"

SQUARE = [[100, 200], [500, 200], [500, 600], [100, 600]]
HOLE = [[200, 300], [300, 300], [300, 400]]


def asap(*annotations):
    """An ASAP file of (group, vertices)."""
    parts = []
    for group, vertices in annotations:
        corners = "".join(f'<Coordinate Order="{i}" X="{x}" Y="{y}" />' for i, (x, y) in enumerate(vertices))
        parts.append(f'<Annotation Name="a" Type="Polygon" PartOfGroup="{group}">{corners}</Annotation>')
    return f"<ASAP_Annotations>{''.join(parts)}</ASAP_Annotations>"


def test_asap_groups_tell_tumour_from_holes(tmp_path):
    (tmp_path / "Tumor_001.xml").write_text(asap(("_0", SQUARE), ("Tumor", SQUARE), ("_2", HOLE)), encoding="utf-8")
    outline = read_lesion_annotations(tmp_path)["Tumor_001"]
    assert [ring.tolist() for ring in outline.rings] == [SQUARE, SQUARE]
    assert [hole.tolist() for hole in outline.holes] == [HOLE]


def test_asap_coordinates_are_sorted_by_their_order(tmp_path):
    text = asap(("metastases", SQUARE)).replace('Order="0"', 'Order="9"')
    (tmp_path / "a.xml").write_text(text, encoding="utf-8")
    assert read_lesion_annotations(tmp_path)["a"].rings[0].tolist() == [*SQUARE[1:], SQUARE[0]]


def test_json_has_positive_rings_and_negative_holes(tmp_path):
    held = {"positive": [{"name": "A", "vertices": SQUARE}], "negative": [{"name": "B", "vertices": HOLE}]}
    (tmp_path / "Tumor_001.json").write_text(json.dumps(held), encoding="utf-8")
    outline = read_lesion_annotations(tmp_path / "Tumor_001.json")["Tumor_001"]
    assert outline.rings[0].tolist() == SQUARE
    assert outline.holes[0].tolist() == HOLE


def where(mask):
    """Level-0 extents of the tumour that a mask holds: left, top, right, bottom."""
    row, column = mask.corner
    rows, columns = mask.mask.shape
    return [n * mask.downsample for n in (column, row, column + columns, row + rows)]


def lesion_mask(downsample):
    """A slide of 6400 x 3200 with tumour from (640, 1280) to (1280, 1600)."""
    mask = np.zeros((3200 // downsample, 6400 // downsample), dtype=np.uint8)
    mask[1280 // downsample : 1600 // downsample, 640 // downsample : 1280 // downsample] = 255
    return mask


def test_png_and_numpy_masks_are_reduced_as_told(tmp_path):
    Image.fromarray(lesion_mask(32)).save(tmp_path / "Tumor_001_Mask.png")
    np.save(tmp_path / "Tumor_002.npy", lesion_mask(32) > 0)
    np.save(tmp_path / "Normal_001.npy", np.zeros((100, 200), dtype=bool))
    found = read_lesion_annotations(tmp_path, downsample=32)
    for slide in ("Tumor_001", "Tumor_002"):
        assert where(found[slide]) == [640, 1280, 1280, 1600]
        assert found[slide].size_xy == (6400, 3200)
    assert not found["Normal_001"].has_tumour


def write_pyramid(path, levels):
    with tifffile.TiffWriter(path) as file:
        file.write(levels[0], tile=(64, 64), subifds=len(levels) - 1)
        for level in levels[1:]:
            file.write(level, tile=(64, 64), subfiletype=1)


def test_a_tiff_pyramid_is_read_at_the_nearest_level(tmp_path):
    write_pyramid(tmp_path / "Test_001.tif", [lesion_mask(n) for n in (1, 8, 32)])
    mask = read_lesion_annotations(tmp_path)["Test_001"]
    assert mask.downsample == 32
    assert where(mask) == [640, 1280, 1280, 1600]
    assert mask.size_xy == (6400, 3200)


def test_a_pyramid_without_the_wanted_level_is_thinned_out(tmp_path):
    write_pyramid(tmp_path / "Test_001.tif", [lesion_mask(n) for n in (1, 8)])
    mask = read_lesion_annotations(tmp_path)["Test_001"]
    assert mask.downsample == 32
    assert where(mask) == [640, 1280, 1280, 1600]


def test_a_plain_tiff_is_a_reduced_mask(tmp_path):
    tifffile.imwrite(tmp_path / "Test_001.tif", lesion_mask(32))
    assert where(read_lesion_annotations(tmp_path, 32)["Test_001"]) == [640, 1280, 1280, 1600]


def test_a_png_that_says_how_much_smaller_it_is_need_not_be_told(tmp_path):
    write_mask(tmp_path / "a.png", lesion_mask(16) > 0, 16)
    for told in (None, 32):
        assert where(read_lesion_annotations(tmp_path, told)["a"]) == [640, 1280, 1280, 1600]


@pytest.mark.parametrize("name", ["a.png", "a.npy", "a.tif"])
def test_a_mask_of_which_nobody_says_how_much_smaller_it_is_is_refused(tmp_path, name):
    mask = lesion_mask(32)
    {
        "a.png": Image.fromarray(mask).save,
        "a.npy": lambda p: np.save(p, mask),
        "a.tif": lambda p: tifffile.imwrite(p, mask),
    }[name](tmp_path / name)
    with pytest.raises(LesionkitError, match=r"one of its 200 x 100 samples covers, .* give --mask-downsample"):
        read_lesion_annotations(tmp_path)


def test_what_a_png_says_must_be_a_number(tmp_path):
    words = PngInfo()
    words.add_text("downsample", "level 5")
    Image.fromarray(lesion_mask(32)).save(tmp_path / "a.png", pnginfo=words)
    with pytest.raises(LesionkitError, match="'downsample' of a mask must be a number, got 'level 5'"):
        read_lesion_annotations(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.xml", "<ASAP_Annotations>", r"a\.xml: ASAP annotations must be well-formed XML"),
        ("a.xml", '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "must be well-formed XML, got EntitiesForbidden"),
        ("a.xml", asap(("stroma", SQUARE)), "must be tumour .* or holes .*, got 'stroma'"),
        ("a.json", "{", "outlines must be JSON"),
        ("a.json", '{"rings": []}', "outlines need the key 'positive', got rings"),
        ("a.json", '{"positive": [{"name": "A"}]}', "rings with 'vertices', got KeyError"),
        ("a.json", '{"positive": [{"vertices": [[1, "x"]]}]}', "must be pairs of numbers x and y"),
        ("a.png", "no picture", "a mask must be a readable picture"),
        ("a.npy", "no array", "a mask must be a NumPy array"),
        ("a.tif", "no TIFF", "a mask must be a readable TIFF"),
    ],
)
def test_a_file_that_cannot_be_is_refused_by_name(tmp_path, name, text, sentence):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(LesionkitError, match=sentence):
        read_lesion_annotations(tmp_path)


def test_a_volume_is_no_mask(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((3, 3, 5)))
    with pytest.raises(LesionkitError, match=r"a\.npy: a mask has rows and columns, got an array of shape \(3, 3, 5\)"):
        read_lesion_annotations(tmp_path)


def test_two_annotations_of_one_slide_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", lesion_mask(32))
    np.save(tmp_path / "a_mask.npy", lesion_mask(32))
    with pytest.raises(LesionkitError, match=r"slide 'a' is annotated twice in .*, again by a_mask\.npy"):
        read_lesion_annotations(tmp_path, 32)


def test_nothing_to_read_is_refused(tmp_path):
    with pytest.raises(LesionkitError, match=r"must be a folder of outlines .* or masks"):
        read_lesion_annotations(tmp_path)
    with pytest.raises(LesionkitError, match="none is there"):
        read_lesion_annotations(tmp_path / "nowhere")
    (tmp_path / "a.txt").write_text("", encoding="utf-8")
    with pytest.raises(LesionkitError, match=r"a\.txt must be one of \.xml, \.json"):
        read_lesion_annotations(tmp_path / "a.txt")


@pytest.mark.skipif(not POLYGONS.is_dir(), reason="needs the CAMELYON16 polygons of LESIONKIT_DATA")
def test_six_real_slides_have_their_rings_and_holes():
    found = read_lesion_annotations(POLYGONS)
    assert {name: (len(outline.rings), len(outline.holes)) for name, outline in found.items()} == {
        "Tumor_081": (1, 0),
        "Tumor_083": (2, 3),
        "Tumor_091": (6, 1),
        "Tumor_093": (1, 0),
        "Tumor_098": (5, 0),
        "Tumor_107": (2, 3),
    }
    assert all(isinstance(outline, Outline) for outline in found.values())
