from lesionkit.report.patch_page import write_patch_page

ROWS = [
    {"slide": "a", "patches": 100, "tumour": 20, "boundary": 5, "normal": 75, "ratio": 3.75, "few_tumour": True},
    {"slide": "b", "patches": 300, "tumour": 0, "boundary": 0, "normal": 300, "ratio": None, "few_tumour": False},
]
TOTAL = {"slide": "all", "patches": 400, "tumour": 20, "boundary": 5, "normal": 375, "ratio": 18.75}


def test_the_page_counts_draws_and_lists_the_slides(tmp_path):
    page = write_patch_page(tmp_path / "statistics.html", ROWS, TOTAL, "Slides", "Patches of 96 samples.").read_text()
    for told in ("<b>400</b>", "18.8 : 1", "slides with little tumour", "Patches of 96 samples.", "<svg", ">b<"):
        assert told in page
    assert "not a medical device" in page


def test_a_set_without_slides_has_a_page_too(tmp_path):
    assert "There is no slide to show" in write_patch_page(tmp_path / "p.html", [], {}).read_text()
