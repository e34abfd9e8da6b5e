import numpy as np
import pytest
from PIL import Image

from lesionkit.report.about import About
from lesionkit.report.model_card import card_panel
from lesionkit.report.patch_sheet import write_patch_sheet


@pytest.fixture
def paths(tmp_path):
    named = {}
    for number in range(30):
        named[f"p{number:02d}"] = tmp_path / f"p{number:02d}.png"
        Image.fromarray(np.full((8, 8, 3), 8 * number, np.uint8)).save(named[f"p{number:02d}"])
    return named


def page(tmp_path, paths, labels, failed=None):
    scores = {name: number / 30 for number, name in enumerate(paths)}
    facts = {"failed": failed or {}}
    return write_patch_sheet(tmp_path, paths, scores, labels, None, facts, ["a warning"]).read_text()


def test_a_sheet_of_unlabelled_patches_shows_the_highest_and_all_ranks(tmp_path, paths):
    text = page(tmp_path, paths, {})
    assert "Scored highest" in text
    assert "Evenly over all ranks" in text
    assert "scored lowest" not in text
    assert text.count("<figure>") == 48
    assert "a warning" in text


def test_the_page_ends_with_what_the_model_says_of_itself(tmp_path, paths):
    about = About(sentence="nothing is decided", card=card_panel({"licence": "Apache-2.0"}))
    text = write_patch_sheet(tmp_path, paths, dict.fromkeys(paths, 0.5), {}, None, {}, (), about).read_text()
    assert text.index("nothing is decided.") < text.index("Scored highest") < text.index("Model card")
    assert "Apache-2.0" in text


def test_labels_put_the_most_telling_mistakes_first(tmp_path, paths):
    text = page(tmp_path, paths, {"p00": True, "p29": False})
    assert text.index("With tumour, scored lowest") < text.index("Without tumour, scored highest")
    assert text.index('alt="patch p00"') < text.index('alt="patch p29"')
    assert "· tumour" in text


def test_what_could_not_be_scored_is_listed(tmp_path, paths):
    assert "x.png is broken" in page(tmp_path, paths, {}, {"x": "x.png is broken"})
