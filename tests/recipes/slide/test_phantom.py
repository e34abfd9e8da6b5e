import csv

import numpy as np
import pytest
import tifffile
from PIL import Image

from lesionkit.core.errors import LesionkitError
from lesionkit.engine.map import EngineSettings
from lesionkit.phantoms.slide.quota import quota
from lesionkit.phantoms.slide.whole import SlidePhantomSettings, make_slide
from lesionkit.read.slide.whole import open_slide
from lesionkit.read.truth.camelyon import read_lesion_annotations, read_slide_labels
from lesionkit.recipes.slide import phantom as subject
from lesionkit.recipes.slide.phantom import PhantomSlide, make_slides, tumour_mask

SMALL = PhantomSlide(
    phantom=SlidePhantomSettings(size_mm=1.0, spacing_um=1.0, normal_share=0.5, macro_share=0.0, itc_share=0.3),
    engine=EngineSettings(backend="here"),
    slides_per_patient=2,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("slides") / "data"
    return out, make_slides(out, 4, 1, SMALL)


def rows(file):
    return list(csv.DictReader(file.read_text().splitlines()))


def test_a_data_set_has_slides_masks_outlines_and_tables(made):
    out, summary = made
    names = [f"slide-{n:05d}" for n in range(4)]
    for folder, suffix in (("slides", "tif"), ("masks", "png"), ("annotations", "xml")):
        assert sorted(p.name for p in (out / folder).iterdir()) == [f"{name}.{suffix}" for name in names]
    assert summary.facts["slides"] == 4
    assert sum(summary.facts[stage] for stage in ("negative", "itc", "micro", "macro")) == 4
    assert [row["patient_id"] for row in rows(out / "patients.csv")] == ["phantom-patient-00000"] * 2 + [
        "phantom-patient-00001"
    ] * 2


def test_labels_outlines_and_masks_agree_when_they_are_read_back(made):
    out, _ = made
    labels = read_slide_labels(out / "labels.csv")
    outlines = read_lesion_annotations(out / "annotations")
    masks = read_lesion_annotations(out / "masks")
    assert 0 < sum(labels.values()) < 4
    for name, has_tumour in labels.items():
        assert outlines[name].has_tumour == masks[name].has_tumour == has_tumour
    stages = {row["slide"]: row["stage"] for row in rows(out / "labels.csv")}
    assert {name for name, stage in stages.items() if stage != "negative"} == {n for n, t in labels.items() if t}


def test_a_slide_is_a_pyramid_that_tells_its_pixel_size(made):
    out, _ = made
    slide = open_slide(out / "slides" / "slide-00000.tif")
    assert slide.grid.shape == (1000, 1000)
    assert slide.grid.spacing_mm == pytest.approx((0.001, 0.001), rel=1e-3)
    assert len(slide.levels) == 2
    painted = make_slide(1_000_003, SMALL.phantom, *quota(0, SMALL.phantom)).image
    difference = slide.read(slide.grid.whole).astype(float) - painted.read(painted.grid.whole)
    assert np.abs(difference).mean() < 12
    with tifffile.TiffFile(out / "slides" / "slide-00000.tif") as file:
        assert "synthetic" in file.pages[0].description


def test_masks_are_a_sixteenth_of_the_slide_rounded_up(made):
    out, _ = made
    with Image.open(out / "masks" / "slide-00001.png") as mask:
        assert mask.size == (63, 63)


def test_a_mask_holds_the_outlines_of_all_metastases():
    case = make_slide(2, SlidePhantomSettings(size_mm=2.0), "micro")
    whole = case.regions["tumour"].read(case.image.grid.whole)
    mask = tumour_mask(case)
    assert mask.shape == (250, 250)
    assert mask.sum() * 256 == pytest.approx(whole.sum(), rel=0.05)
    assert whole[8::16, 8::16][mask].mean() > 0.97


def test_more_of_the_same_keeps_what_is_there(made, monkeypatch):
    out, _ = made
    asked = []
    monkeypatch.setattr(subject, "_make_one", lambda *given: asked.append(given[-1]))
    before = (out / "slides" / "slide-00000.tif").stat().st_mtime_ns
    make_slides(out, 6, 1, SMALL)
    assert asked == [4, 5]
    assert (out / "slides" / "slide-00000.tif").stat().st_mtime_ns == before


def test_other_slides_in_the_folder_are_refused(made):
    with pytest.raises(LesionkitError, match="holds other phantoms: seed was 1 and is 2 now; name another --out"):
        make_slides(made[0], 4, 2, SMALL)


def test_a_folder_with_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("")
    with pytest.raises(LesionkitError, match="holds something else than phantoms; name a new or an empty folder"):
        make_slides(tmp_path, 1, 0, SMALL)


def test_a_slide_that_fails_is_reported_and_the_rest_go_on(tmp_path, monkeypatch):
    real = subject.make_slide

    def make(seed, *asked):
        if seed == 0:
            raise LesionkitError("no room")
        return real(seed, *asked)

    monkeypatch.setattr(subject, "make_slide", make)
    summary = make_slides(tmp_path / "data", 2, 0, SMALL)
    assert summary.failed == {"slide 0": "no room"}
    assert (summary.facts["slides"], summary.cases) == (1, 2)
