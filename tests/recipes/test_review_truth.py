"""What readers decide becomes a data set that the same recipe reads, and files of other programs."""

import json

import numpy as np
import pandas as pd
import pydicom
import pytest
from tests.recipes.reviewed_runs import ct_run, decided, exported, slide_run, xray_run

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes import load_recipe

NEW = {"centre_mm": (100.0, 50.0, 25.0), "diameter_mm": 7.0}
LARGER = {"centre_mm": (11.0, 20.0, 30.0), "diameter_mm": 12.0}
RING = ((2.0, 4.0), (6.0, 4.0), (6.0, 8.0), (2.0, 8.0))


def index(recipe, data, out):
    return load_recipe(recipe).index(data, out, load_recipe(recipe).settings())


def test_a_catalogue_of_corrected_scans_holds_what_readers_say(tmp_path):
    run = ct_run(tmp_path)
    decided(run, ("resize", "a", 0, LARGER), ("reject", "a", 1), ("add", "a", "added-1", NEW), ("done", "a"))
    summary = exported(run, out=tmp_path / "truth")
    assert summary.facts == {
        "scans": 1,
        "lesions": 2,
        "rejected findings": 1,
        "open, counted neither way": 0,
        "readers": "ann",
    }
    told = index("ct-nodule", tmp_path / "truth", tmp_path / "c.parquet")
    # One scan is there, the one that was finished; the other is not linked.
    assert (told.facts["cases"], told.facts["cases with known truth"], told.facts["lesions"]) == (1, 1, 2)
    lesions = pd.read_csv(tmp_path / "truth" / "annotations.csv")
    assert lesions["diameter_mm"].tolist() == [12.0, 7.0]
    assert lesions["how"].tolist() == ["resized", "added"]
    assert pd.read_csv(tmp_path / "truth" / "rejected.csv")["coordX"].tolist() == [60.0]
    assert (tmp_path / "truth" / "seriesuids.csv").read_text() == "a\n"
    assert (tmp_path / "truth" / "scans" / "a.mha").is_symlink()


def test_what_was_shown_and_not_decided_is_excluded_and_what_is_weaker_is_background(tmp_path):
    run = ct_run(tmp_path)
    decided(run, ("accept", "a", 0), ("done", "a"))
    assert exported(run).facts["open, counted neither way"] == 1
    excluded = pd.read_csv(run / "review" / "truth" / "annotations_excluded.csv")
    assert excluded["coordX"].tolist() == [60.0]


def test_provenance_holds_every_decision_also_those_that_were_undone(tmp_path):
    run = ct_run(tmp_path)
    decided(run, ("accept", "a", 0), ("reject", "a", 1), ("note", "a", 0, {"note": "spiculated"}), ("done", "a"))
    exported(run)
    told = json.loads((run / "review" / "truth" / "provenance.json").read_text())
    assert [row["action"] for row in told["decisions"]] == ["accept", "reject", "note", "done"]
    assert told["images"]["a"]["readers"] == ["ann"]
    assert told["recipe"] == "ct-nodule"


def test_a_radiograph_that_was_corrected_is_read_as_truth(tmp_path):
    run = xray_run(tmp_path)
    decided(
        run, ("reject", "a", 0), ("add", "a", "added-1", {"centre_mm": (4.0, 6.0), "outline_mm": RING}), ("done", "a")
    )
    decided(run, ("done", "b"))
    out = tmp_path / "truth"
    assert exported(run, out=out).facts["lesions"] == 1
    from lesionkit.read.chest_set import chest_mask, read_chest_set

    one, other = read_chest_set(out)
    expected = np.zeros((10, 10), bool)
    expected[4:8, 2:6] = True
    assert (chest_mask(one, (10, 10)) == expected).all()
    assert (other.looked_at, chest_mask(other, (10, 10)).any()) == (True, False)


def test_a_radiograph_with_open_findings_is_left_out_and_named(tmp_path):
    run = xray_run(tmp_path)
    decided(run, ("done", "a"), ("done", "b"))
    summary = exported(run)
    assert list(summary.failed) == ["a"]
    assert "1 findings are open" in summary.failed["a"]
    assert (run / "review" / "truth" / "train-rle.csv").read_text() == "ImageId,EncodedPixels\nb,-1\n"


def test_a_slide_that_was_accepted_is_read_as_truth(tmp_path):
    run = slide_run(tmp_path)
    decided(run, ("accept", "s", 0), ("done", "s"))
    exported(run, out=tmp_path / "truth")
    told = index("slide-metastasis", tmp_path / "truth", tmp_path / "c.parquet")
    assert (told.facts["slides with tumour"], told.facts["slides with drawn tumour"]) == (1, 1)
    from lesionkit.read.truth.outlines import read_outline

    outline = read_outline(tmp_path / "truth" / "annotations" / "s.geojson")
    assert outline.rings[0].max(axis=0).tolist() == pytest.approx([256, 256])


def test_decisions_go_to_the_formats_that_findings_go_to(tmp_path):
    run = ct_run(tmp_path)
    decided(run, ("accept", "a", 0), ("reject", "a", 1), ("done", "a"))
    (path,) = exported(run, to="luna16").paths
    table = pd.read_csv(path)
    assert table[["seriesuid", "coordX", "probability"]].to_numpy().tolist() == [["a", 10.0, 1.0]]
    (seg,) = exported(run, to="dicom-seg").paths
    segment = pydicom.dcmread(seg).SegmentSequence[0]
    assert segment.SegmentAlgorithmType == "SEMIAUTOMATIC"
    assert "ann" in str(segment.SegmentationAlgorithmIdentificationSequence[0].AlgorithmParameters)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"to": "coco"}, "coco holds nothing that is found on a scan"),
        ({"to": "onnx"}, "--to onnx holds networks and no decisions; use lesionkit export"),
        ({"readers": ("eve",)}, "--reader must be one who decided on this run, got 'eve'; there is ann"),
    ],
)
def test_what_cannot_be_exported_is_refused(tmp_path, words, sentence):
    run = ct_run(tmp_path)
    decided(run, ("accept", "a", 0), ("done", "a"))
    with pytest.raises(LesionkitError, match=sentence):
        exported(run, **words)


def test_nothing_is_exported_before_somebody_finished_an_image(tmp_path):
    run = ct_run(tmp_path)
    decided(run, ("accept", "a", 0))
    with pytest.raises(LesionkitError, match=r"nobody has finished a scan of .* open it with lesionkit view"):
        exported(run)


def test_a_folder_that_holds_something_is_refused(tmp_path):
    run = ct_run(tmp_path)
    decided(run, ("done", "a"))
    with pytest.raises(LesionkitError, match="holds something already"):
        exported(run, out=tmp_path)
