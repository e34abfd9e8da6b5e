from dataclasses import replace

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.read.dicom.choose import choose_series
from lesionkit.read.dicom.folder import list_series
from lesionkit.read.dicom.scan import read_series
from lesionkit.read.options import ScanOptions
from lesionkit.read.scan import open_scan
from lesionkit.write.dicom import write_series


@pytest.fixture
def add(scan, tmp_path, change):
    """add(uid, number, slices, **tags): one more series in the folder `all`."""

    def make(uid, number, slices=12, **values):
        image = type(scan.image)(
            scan.image.grid.crop((slice(0, slices), slice(0, 6), slice(0, 8))), scan.image.array[:slices]
        )
        facts = {"series_number": number, "series_description": values.pop("SeriesDescription", "")}
        folder = write_series(replace(scan, case_id=uid, image=image, facts=facts), tmp_path / "all" / uid)
        change(folder, lambda tags: [setattr(tags, name, value) for name, value in values.items()])
        return tmp_path / "all"

    return make


def test_every_series_gets_a_line(add):
    add("1.1", 1, SeriesDescription="Scout", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    folder = add("1.2", 2, SeriesDescription="Lung 2.0", ConvolutionKernel="B60f")
    scout, lung = map(str, list_series(folder))
    assert scout == ('series 1: CT "Scout", 12 slices of 6x8; skipped: a localiser or report, not a volume (1.1)')
    assert lung == 'series 2: CT "Lung 2.0", 12 slices of 6x8, 2 mm apart, kernel B60f (1.2)'


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"Modality": "PT"}, "modality PT, not CT"),
        ({"Modality": "CR"}, "modality CR, not CT"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "a secondary capture"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.481.2"}, "no CT image"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "a localiser"),
        ({"SeriesDescription": "Dose Report"}, "a localiser or report"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "a colour picture"),
        ({"ImagePositionPatient": None}, "no position"),
        ({"BitsAllocated": 12}, "12 bits per pixel, not 8, 16 or 32"),
        ({"PixelSpacing": None}, "no pixel spacing"),
    ],
)
def test_what_is_no_ct_volume_is_skipped_with_its_reason(add, tags, reason):
    folder = add("1.1", 1, **tags)
    with pytest.raises(
        LesionkitError, match=f"the folder holds no CT series to read, only series 1.*skipped: {reason}"
    ):
        read_series(folder)


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        ({"slices": 5, "BodyPartExamined": "CHEST"}, {"BodyPartExamined": "ABDOMEN"}),
        ({"BodyPartExamined": "HEAD"}, {"BodyPartExamined": "", "slices": 11}),
        ({"BodyPartExamined": ""}, {"BodyPartExamined": "THORAX", "slices": 11}),
        ({"BodyPartExamined": ""}, {"BodyPartExamined": "", "SeriesDescription": "Lung B60", "slices": 11}),
        ({"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}, {"slices": 11}),
        ({"ImageType": ["DERIVED", "SECONDARY", "AXIAL"]}, {"slices": 11}),
        ({"slices": 11}, {"slices": 12}),
    ],
)
def test_the_rule_prefers(add, worse, better):
    add("1.1", 1, **worse)
    folder = add("1.2", 2, **better)
    assert choose_series(list_series(folder)).uid == "1.2"


def test_of_equals_the_lower_series_number_is_read(add):
    add("1.8", 4)
    assert choose_series(list_series(add("1.9", 3))).uid == "1.9"


def test_what_was_not_read_is_told(add):
    add("1.1", 1, Modality="PT")
    add("1.2", 2, slices=11)
    warnings = read_series(add("1.3", 3)).facts["warnings"]
    assert "the folder also holds series 2: CT" in warnings[0]
    assert "choose with --series" in warnings[0]
    assert "skipped series 1: PT" in warnings[1]


@pytest.mark.parametrize("wanted", ["1.2.77", "7", "77"])
def test_a_series_is_chosen_by_uid_by_number_or_by_the_end_of_its_uid(add, wanted):
    add("1.2.76", 6)
    folder = add("1.2.77", 7, slices=11)
    assert read_series(folder, ScanOptions(series=wanted)).case_id == "1.2.77"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("9.9", "there is no series '9.9'; choose one of series 6.*series 7"),
        (".7", "series '.7' fits 2 series; give more of the UID"),
        ("8", "series '8' is no CT volume: modality PT, not CT"),
    ],
)
def test_a_wrong_choice_of_series_says_what_there_is(add, wanted, message):
    add("1.2.7", 6)
    add("1.3.7", 7)
    folder = add("1.4.5", 8, Modality="PT")
    with pytest.raises(LesionkitError, match=message):
        read_series(folder, ScanOptions(series=wanted))


def test_a_localiser_inside_a_series_is_left_out(scan, folder, change):
    def scout(tags):
        tags.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        tags.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]

    change(folder, scout, slice(0, 1))
    case = read_series(folder)
    assert case.image.grid.shape == (11, 6, 8)
    assert "1 images of the series were left out: a localiser" in case.facts["warnings"][0]


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "a.dcm").write_text("x")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(LesionkitError, match=r"the folder holds no DICOM image; .*1 files are no readable"):
        read_series(tmp_path)


def test_names_of_patients_that_are_longer_than_files_may_be_called_are_cut_and_stay_apart(add):
    for uid, last in (("1.1", "一"), ("1.2", "二")):
        folder = add(uid, 1, SpecificCharacterSet="ISO_IR 192", PatientID="患" * 63 + last, SeriesInstanceUID="1.1")
    series = list_series(folder)
    assert [len(one.case_id.encode()) <= 160 for one in series] == [True, True]
    assert len({one.case_id for one in series}) == 2
    assert open_scan(folder / series[0].name).image.grid.shape == (12, 6, 8)
