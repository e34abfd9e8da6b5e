from lesionkit.report.gallery import LungView
from lesionkit.report.lung_page import write_gallery


def test_the_gallery_shows_numbers_failures_and_captions_oddest_first(tmp_path, chest, open_page):
    case = chest()
    views = (
        LungView("fine", case.image, case.lung, 4.5, 0.88, 0.17, caption="kernel B30f"),
        LungView("bad", case.image, None, failure="no air in view"),
    )
    page = open_page(write_gallery(tmp_path / "lungs.html", iter(views)))
    assert page.words.index("bad") < page.words.index("fine")
    assert "no air in view" in page.words
    assert "4.5 L · left/right 0.88 · cover ratio 0.17 · kernel B30f" in page.words
    assert len([a for a in page.of("path") if a.get("class") == "outline"]) == 4  # two lungs in two cuts
    assert "http" not in page.html


def test_an_empty_gallery_says_so(tmp_path, open_page):
    assert "There is no scan to show." in open_page(write_gallery(tmp_path / "lungs.html", [])).words
