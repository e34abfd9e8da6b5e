"""What a user of the recipes for radiographs types and reads."""

from pathlib import Path

from lesionkit.recipes import RECIPES


def test_the_winners_are_listed_and_shown_with_every_setting(lesionkit):
    listed = lesionkit("recipes").stdout
    assert all(name in listed for name in RECIPES)
    shown = lesionkit("recipes", "show", "xray-pneumothorax-4th").stdout
    assert "folds: 8\n" in shown
    Path("my.yaml").write_text(shown)
    assert lesionkit("recipes", "show", "xray-pneumothorax-4th", "--config", "my.yaml").exit_code == 0


def test_find_writes_where_it_is_told_and_says_what_it_found(lesionkit, radiographs, xray_run):
    words = ("find", radiographs / "dicom/x00.dcm", "--recipe", "xray-pneumothorax", "--model", xray_run, "--out", "f")
    result = lesionkit(*words)
    assert result.exit_code == 0
    assert ["radiographs", "searched", "1"] in [line.split() for line in result.stdout.splitlines()]
    assert Path("f/masks/x00.png").is_file()
    assert Path("f/submission.csv").read_text().startswith("ImageId,EncodedPixels\nx00,")


def test_find_without_a_model_says_which_there_are(lesionkit, radiographs):
    result = lesionkit("find", radiographs / "dicom/x00.dcm", "--recipe", "xray-pneumothorax-5th")
    assert result.exit_code == 2
    assert result.stderr.startswith("lesionkit: no model is shipped for xray-pneumothorax-5th (shipped: ")


def test_a_mistyped_setting_is_refused_with_a_suggestion(lesionkit, radiographs):
    result = lesionkit("run", "xray-pneumothorax", radiographs, "--set", "learn.minuts=5")
    assert (result.exit_code, result.stderr) == (
        2,
        "lesionkit: --set learn.minuts=5: unknown setting 'learn.minuts'; did you mean 'learn.minutes'?\n",
    )


def test_a_folder_without_masks_cannot_be_trained_on(lesionkit, radiographs):
    result = lesionkit("run", "xray-pneumothorax", radiographs / "dicom", "--out", "r")
    assert result.exit_code == 2
    assert "must hold a table of masks (train-rle.csv, " in result.stderr
    assert not Path("r").exists()
