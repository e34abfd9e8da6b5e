import json
from dataclasses import replace

import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.outline import Outline, SlideMask
from lesionkit.read.slide.set import SlideEntry
from lesionkit.read.slide.whole import open_slide
from lesionkit.recipes.slide.drawn import TruthSettings, read_truth
from lesionkit.write.camelyon import write_outline
from lesionkit.write.siim import write_mask

SQUARE = np.array([[100, 100], [200, 100], [200, 200], [100, 200]], float)


@pytest.fixture
def slide(slides):
    """One of 384 x 384 pixels at 1 µm."""
    return open_slide(slides / "slides" / "a.tif")


def entry(slide, label=None, outline=None, mask=None):
    return SlideEntry("a", "p", slide.path, label, outline, mask)


def test_a_mask_at_a_sixteenth_lies_on_the_slide(slide, slides):
    truth = read_truth(entry(slide, True, mask=slides / "masks" / "a.png"), slide, TruthSettings())
    assert truth.has_tumour
    assert isinstance(truth.tumour, SlideMask)
    assert truth.annotated.mask.mask.sum() == 12 * 12


def test_outlines_come_before_masks_unless_the_settings_say_otherwise(slide, slides, tmp_path):
    outline = write_outline(tmp_path / "a.xml", Outline((SQUARE,)))
    both = entry(slide, True, outline, slides / "masks" / "a.png")
    assert isinstance(read_truth(both, slide, TruthSettings()).tumour, Outline)
    assert isinstance(read_truth(both, slide, TruthSettings(outlines_first=False)).tumour, SlideMask)


def test_a_slide_that_is_labelled_healthy_has_a_truth_without_tumour(slide):
    assert not read_truth(entry(slide, False), slide, TruthSettings()).has_tumour


def test_nothing_is_known_of_a_slide_that_nobody_drew_on(slide):
    assert read_truth(entry(slide), slide, TruthSettings()) is None
    assert read_truth(entry(slide, True), slide, TruthSettings()) is None


def test_an_outline_beyond_the_slide_is_refused(slide, tmp_path):
    outline = write_outline(tmp_path / "a.xml", Outline((SQUARE, SQUARE * 10)))
    with pytest.raises(LesionkitError, match=r"outline of .*a\.xml reaches x, y = 2000, 2000, beyond its slide of 384"):
        read_truth(entry(slide, outline=outline), slide, TruthSettings())


def test_an_outline_that_reaches_a_little_beyond_the_slide_is_cut_and_said(slide, tmp_path):
    outline = write_outline(tmp_path / "a.xml", Outline((SQUARE, SQUARE + 200)))
    truth = read_truth(entry(slide, outline=outline), slide, TruthSettings())
    assert truth.tumour.rings[1].max(axis=0).tolist() == [384, 384]
    assert truth.notes == ("a.xml: cut off at the slide's right or lower edge: 1 of 2 outlines",)


def test_geojson_counts_from_the_corner_of_what_is_shown_and_xml_from_that_of_the_file(slide, tmp_path):
    geometry = {"type": "Polygon", "coordinates": [SQUARE.tolist()]}
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "Feature", "geometry": geometry, "properties": {}}))
    cropped = replace(slide, origin_xy=(16, 32))
    drawn = read_truth(entry(slide, outline=tmp_path / "a.geojson"), cropped, TruthSettings())
    assert drawn.tumour.rings[0][0].tolist() == [116, 132]
    xml = write_outline(tmp_path / "a.xml", Outline((SQUARE,)))
    assert read_truth(entry(slide, outline=xml), cropped, TruthSettings()).tumour.rings[0][0].tolist() == [100, 100]


def test_a_mask_of_another_size_is_refused_with_the_size_that_would_fit(slide, tmp_path):
    mask = write_mask(tmp_path / "a.png", np.ones((48, 48), bool))
    with pytest.raises(LesionkitError, match=r"must be 1/16 of its slide, 24 x 24 samples .* got 48 x 48"):
        read_truth(entry(slide, mask=mask), slide, TruthSettings())
    assert read_truth(entry(slide, mask=mask), slide, TruthSettings(mask_downsample=8)).has_tumour


def test_a_drawing_that_contradicts_the_label_is_refused(slide, slides, tmp_path):
    with pytest.raises(LesionkitError, match=r"a\.png holds tumour, but the slide 'a' is labelled healthy"):
        read_truth(entry(slide, False, mask=slides / "masks" / "a.png"), slide, TruthSettings())
    empty = write_mask(tmp_path / "a.png", np.zeros((24, 24), bool))
    with pytest.raises(LesionkitError, match="holds no tumour, but the slide 'a' is labelled tumour"):
        read_truth(entry(slide, True, mask=empty), slide, TruthSettings())
