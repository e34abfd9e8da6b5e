"""What a user is told of input that cannot be used: one sentence, exit code 2, nothing half-written."""

import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from PIL import Image as Picture

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.write.dicom import write_series
from lesionkit.write.volume import write_volume

HEADER = "seriesuid,coordX,coordY,coordZ,diameter_mm\n"


def body(shape=(12, 24, 24)) -> ArrayImage:
    """A block of tissue in air: a CT, but without lungs."""
    hu = np.random.default_rng(0).integers(-1000, -960, shape).astype(np.int16)
    hu[:, 4:20, 4:20] = 40
    return ArrayImage(Grid.upright(shape, (2.0, 1.0, 1.0)), hu)


WIDE = Grid.upright((12, 24, 24), (10.0, 5.0, 5.0))
"""As wide as a chest."""


def series(folder: Path, change=None, files=slice(None)) -> Path:
    """A DICOM series of 12 slices, some of them changed; `change` gets the tags of a slice."""
    write_series(Case("1.2.3.40", "p", body()), folder)
    for path in sorted(folder.glob("*.dcm"))[files] if change else ():
        tags = pydicom.dcmread(path)
        change(tags)
        tags.save_as(path)
    return folder


def without(folder: Path, files: slice) -> Path:
    for path in sorted(series(folder).glob("*.dcm"))[files]:
        path.unlink()
    return folder


def truncated(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def volume(path: Path, array: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(sitk.GetImageFromArray(array), str(path))
    return path


def time_series(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(sitk.JoinSeries([sitk.GetImageFromArray(body().array)] * 3), str(path))
    return path


def photo(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Picture.new("RGB", (8, 8)).save(path)
    return path


def setting(**tags):
    return lambda slice_: [setattr(slice_, name, value) for name, value in tags.items()]


def strip_rescale(tags):
    del tags.RescaleSlope, tags.RescaleIntercept


CONSTANT = bytes(2 * 24 * 24)
BAD_SCANS = {
    "a missing slice": (lambda p: without(p / "s", slice(5, 6)), "(one is missing); pass --allow-gaps to interpolate"),
    "two slices at one place": (
        lambda p: series(p / "s", setting(ImagePositionPatient=[0, 0, 6]), slice(4, 5)),
        "duplicate slices: '0004.dcm' and '0005.dcm' lie at the same position",
    ),
    "no rescale tags": (lambda p: series(p / "s", strip_rescale), "needs RescaleSlope and RescaleIntercept"),
    "a radiograph": (lambda p: series(p / "s", setting(Modality="DX")), "holds no CT series to read"),
    "a photo": (lambda p: photo(p / "s.png"), "a CT is a DICOM folder or a"),
    "4-D": (lambda p: time_series(p / "s.nii.gz"), "a CT volume is 3-D, got 4-D"),
    "a constant series": (lambda p: series(p / "s", setting(PixelData=CONSTANT)), "a scan must show something"),
    "a constant volume": (
        lambda p: volume(p / "s.mha", np.zeros((12, 24, 24), np.int16)),
        "a scan must show something, but all samples are 0",
    ),
    "NaN": (
        lambda p: volume(p / "s.nrrd", np.full((12, 24, 24), np.nan, np.float32)),
        "every sample must be a number, but 100.00% are NaN",
    ),
    "a mask": (lambda p: volume(p / "s.mha", body().array // 2000 + 1), "samples must be Hounsfield units"),
    "three slices": (lambda p: without(p / "s", slice(3, None)), "a CT volume needs at least 10 slices, got 3"),
    "a truncated slice": (
        lambda p: truncated(series(p / "s") / "0006.dcm").parent,
        "first '0006.dcm'",
    ),
    "a truncated volume": (lambda p: truncated(write_volume(body(), p / "s.nii.gz")), "the file is truncated"),
    "no lungs in view": (lambda p: write_volume(ArrayImage(WIDE, body().array), p / "s.mha"), "no lungs in view"),
}
"""What is wrong -> a function that makes such a scan in a folder, and a part of the sentence."""


@pytest.fixture(params=BAD_SCANS.items(), ids=lambda item: item[0].replace(" ", "-"))
def bad(request, tmp_path):
    make, sentence = request.param[1]
    return make(tmp_path / "bad"), sentence


def refused(result, sentence: str) -> None:
    assert sentence in result.stderr
    assert result.stderr.startswith("lesionkit: ")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.output
    assert result.exit_code == 2


def test_find_refuses_a_bad_scan_and_leaves_nothing_behind(lesionkit, model, bad):
    scan, sentence = bad
    refused(lesionkit("find", scan, "--model", model, "--out", "r"), sentence)
    assert not Path("r").exists()


def test_index_tells_what_is_wrong_with_each_scan(lesionkit, bad, request):
    scan, sentence = bad
    result = lesionkit("index", scan, "--out", "t.parquet", "--set", "engine.backend=here")
    if "no-lungs" in request.node.name:
        # Whether there are lungs is known when the scan is prepared.
        assert result.exit_code == 0
        return
    assert result.stderr.startswith("failed: ")
    assert sentence in result.stderr
    assert result.exit_code == 2


def test_run_refuses_a_data_set_without_a_usable_scan_and_leaves_nothing_behind(lesionkit, bad, tmp_path, request):
    sentence = "the folder holds no scan" if "photo" in request.node.name else bad[1]
    refused(lesionkit("run", "ct-nodule", tmp_path / "bad", "--out", "r"), sentence)
    # The table of the data set was finished before lungs were looked for.
    assert Path("r").exists() == ("no-lungs" in request.node.name)


def test_a_gantry_tilt_is_undone_and_told(lesionkit, tmp_path):
    def tilt(tags):
        tags.ImagePositionPatient[1] += 1.0 * (tags.InstanceNumber - 1)

    result = lesionkit("index", series(tmp_path / "s", tilt), "--out", "t.parquet")
    assert result.exit_code == 0
    assert "warning: 1.2.3.40: the slices are sheared by 26.6 degrees (gantry tilt)" in " ".join(result.stderr.split())


@pytest.fixture
def one(chests, tmp_path):
    """A data set of one scan with its tables."""
    data = tmp_path / "one"
    (data / "scans").mkdir(parents=True)
    shutil.copy(chests / "scans/ct-phantom-00001.mha", data / "scans")
    (data / "annotations.csv").write_text(HEADER + "ct-phantom-00001,1,1,1,5\nct-phantom-00001,900,1,1,5\n")
    return data


OUTSIDE = "annotations.csv: row 3: the lesion at (900.0, 1.0, 1.0) mm lies outside its scan 'ct-phantom-00001'"


def test_a_nodule_outside_its_volume_is_named_by_its_row(lesionkit, model, one):
    refused(lesionkit("find", one, "--model", model, "--out", "r"), OUTSIDE)
    refused(lesionkit("find", one / "scans/ct-phantom-00001.mha", "--model", model, "--out", "r"), OUTSIDE)
    refused(lesionkit("index", one, "--out", "t.parquet"), OUTSIDE)
    refused(lesionkit("run", "ct-nodule", one, "--out", "r"), OUTSIDE)
    assert not Path("r").exists()
    assert not Path("t.parquet").exists()


def test_a_table_without_a_column_is_refused_before_anything_is_searched(lesionkit, model, one):
    table = one / "annotations.csv"
    table.write_text(table.read_text().replace("diameter_mm", "size"))
    sentence = "annotations.csv: the table needs the columns seriesuid, coordX, coordY, coordZ, diameter_mm"
    refused(lesionkit("find", one, "--model", model, "--out", "r"), sentence)
    refused(lesionkit("index", one, "--out", "t.parquet"), sentence)
    refused(lesionkit("run", "ct-nodule", one, "--out", "r"), sentence)
    assert not Path("r").exists()


def test_an_output_that_cannot_be_written_is_refused(lesionkit, model, one):
    (one / "annotations.csv").unlink()
    Path("file").write_text("")
    refused(lesionkit("find", one, "--model", model, "--out", "file/r"), "cannot write into file/r")
    refused(lesionkit("find", one, "--model", model, "--out", "file"), "--out must be a folder, but file is a file")
    refused(lesionkit("index", one, "--out", "file/t.parquet"), "cannot write file/t.parquet")
    refused(lesionkit("phantom", "ct", "--out", "file/d", "--count", 1), "cannot write file/d/phantoms.json")


def test_a_cache_that_cannot_be_written_fails_the_preparation_not_the_machine(lesionkit, one, monkeypatch):
    (one / "annotations.csv").unlink()
    Path("file").write_text("")
    monkeypatch.setenv("LESIONKIT_CACHE", "file/cache")
    refused(lesionkit("prepare", one, "--out", "r"), "cannot write file/cache/")


def test_an_output_folder_that_holds_a_different_run_is_refused_and_kept(lesionkit, model, one):
    (one / "annotations.csv").unlink()
    words = ["find", one, "--model", model, "--out", "r"]
    assert lesionkit(*words).exit_code == 0
    before = Path("r/run.json").read_bytes()
    refused(lesionkit(*words, "--set", "infer.limit=7"), "r holds a different run: infer.limit was 100 and is 7 now")
    refused(lesionkit("find", one / "scans", "--model", model, "--out", "r"), "r holds a different run: input")
    assert Path("r/run.json").read_bytes() == before


def test_a_model_that_is_none_is_refused(lesionkit, one):
    refused(
        lesionkit("find", one, "--model", "no-such", "--out", "r"),
        "--model must name a run folder, a .safetensors file or a MONAI bundle, got no-such",
    )
    Path("text.safetensors").write_text("no weights")
    refused(lesionkit("find", one, "--model", "text.safetensors", "--out", "r"), "must be a safetensors model")
    assert not Path("r").exists()


def test_in_a_folder_of_many_one_bad_scan_is_reported_and_the_rest_go_on(lesionkit, model, chests, tmp_path):
    scans = tmp_path / "many"
    scans.mkdir()
    for number in (1, 4):
        shutil.copy(chests / f"scans/ct-phantom-{number:05d}.mha", scans)
    truncated(write_volume(body(), scans / "b.nii.gz"))
    words = ["find", scans, "--model", model, "--out", "r", "--set", "engine.backend=here"]
    result = lesionkit(*words)
    assert result.exit_code == 3
    assert f"failed: {scans}/b.nii.gz: the file is truncated" in result.stderr
    assert result.stderr.endswith("1 of 3 cases failed\n")
    assert ["scans", "searched", "2"] in [line.split() for line in result.stdout.splitlines()]
    assert "b.nii.gz" in Path("r/report.html").read_text()


def test_where_every_scan_is_bad_nothing_is_left_behind(lesionkit, model, tmp_path):
    for name in ("a.mha", "b.mha"):
        volume(tmp_path / "many" / name, np.zeros((12, 24, 24), np.int16))
    words = ["find", tmp_path / "many", "--model", model, "--out", "r", "--set", "engine.backend=here"]
    refused(lesionkit(*words), "none of 2 scans can be searched; the first: ")
    assert not Path("r").exists()


def test_a_data_set_of_too_few_patients_is_refused_before_anything_is_trained(lesionkit, one):
    (one / "annotations.csv").unlink()
    refused(lesionkit("run", "ct-nodule", one, "--out", "r"), "a run scores scans that are kept out of training")
    assert not Path("r/checkpoints").exists()
