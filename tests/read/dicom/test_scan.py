import json
import shutil
import zlib

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.read.dicom.scan import read_series
from lesionkit.read.options import ScanOptions
from lesionkit.write.dicom import write_series

GAPS = ScanOptions(allow_gaps=True)


def warnings_of(case) -> str:
    return " | ".join(case.facts["warnings"])


def test_a_series_comes_back_as_it_was_written(scan, folder):
    case = read_series(folder)
    np.testing.assert_array_equal(case.image.array, scan.image.array)
    assert case.image.grid == scan.image.grid
    assert (case.case_id, case.patient_id) == ("1.2.3.40", "patient 1")
    assert case.image.array.dtype == np.int16
    assert case.truth is None


def test_facts_hold_what_later_stages_want(folder):
    facts = read_series(folder).facts
    assert facts["kernel"] == "B50f"
    assert facts["series_description"] == "Thorax"
    assert facts["slice_thickness_mm"] == 2.0
    assert facts["native_spacing_mm"] == [2.0, 0.5, 0.5]
    assert facts["kvp"] == 120
    assert facts["modality"] == "CT"
    assert facts["warnings"] == []
    assert json.loads(json.dumps(facts)) == facts


def test_slices_are_sorted_by_position_not_by_name_or_number(scan, folder, change):
    files = sorted(folder.iterdir())
    for i, path in enumerate(files):
        path.rename(folder / f"x{(7 * i) % 12}.dcm")
    change(folder, lambda tags: setattr(tags, "InstanceNumber", 1))
    np.testing.assert_array_equal(read_series(folder).image.array, scan.image.array)


def test_subfolders_belong_to_the_series(scan, folder):
    (folder / "more").mkdir()
    for path in sorted(folder.glob("*.dcm"))[:5]:
        path.rename(folder / "more" / path.name)
    np.testing.assert_array_equal(read_series(folder).image.array, scan.image.array)


@pytest.mark.parametrize("compressor", ["JPEG", "JPEGLS", "JPEG2000"])
def test_compressed_slices_are_decoded(scan, folder, change, tmp_path, compressor):
    def compress(tags):
        writer = sitk.ImageFileWriter()
        writer.SetFileName(str(tmp_path / "frame.dcm"))
        writer.SetImageIO("GDCMImageIO")
        writer.UseCompressionOn()
        writer.SetCompressor(compressor)
        writer.Execute(sitk.GetImageFromArray(tags.pixel_array))
        frame = pydicom.dcmread(tmp_path / "frame.dcm")
        tags.file_meta.TransferSyntaxUID = frame.file_meta.TransferSyntaxUID
        tags.PixelData = frame.PixelData
        tags["PixelData"].is_undefined_length = True
        tags["PixelData"].VR = "OB"

    change(folder, compress)
    assert pydicom.dcmread(folder / "0001.dcm").file_meta.TransferSyntaxUID.is_compressed
    np.testing.assert_array_equal(read_series(folder).image.array, scan.image.array)


@pytest.mark.parametrize("coding", ["implicit", "deflated", "rle"])
def test_other_transfer_syntaxes_give_the_same_samples(scan, tmp_path, coding):
    case = read_series(write_series(scan, tmp_path / "s", coding))
    np.testing.assert_array_equal(case.image.array, scan.image.array)


def test_big_endian_slices_are_swapped(scan, folder):
    for path in sorted(folder.glob("*.dcm")):
        tags = pydicom.dcmread(path)
        tags.PixelData = np.frombuffer(tags.PixelData, "<u2").astype(">u2").tobytes()
        tags.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRBigEndian
        pydicom.dcmwrite(path, tags, little_endian=False, implicit_vr=False, force_encoding=True)
    np.testing.assert_array_equal(read_series(folder).image.array, scan.image.array)


def test_each_slice_has_its_own_rescale(scan, folder, change):
    def double_slope(tags):
        tags.RescaleSlope, tags.RescaleIntercept = 2, -2048

    change(folder, double_slope, slice(3, 4))
    expected = scan.image.array.copy()
    expected[3] = np.maximum(2 * (expected[3].astype(int) + 1024) - 2048, -1024)
    np.testing.assert_array_equal(read_series(folder).image.array, expected)


def test_signed_values_below_minus_1024_are_clipped_and_do_not_wrap_around(folder, change):
    def store(tags):
        tags.PixelRepresentation = 1
        tags.RescaleIntercept = -1024
        pixels = np.full((6, 8), 24, "<i2")
        pixels[0, :3] = [-32768, -2000, 32767]
        tags.PixelData = pixels.tobytes()

    change(folder, store)
    row = read_series(folder).image.array[0, 0]
    assert row[:4].tolist() == [-1024, -1024, 31743, -1000]


def test_unused_high_bits_are_cleared(scan, folder, change):
    def soil(tags):
        tags.BitsStored, tags.HighBit = 12, 11
        tags.PixelData = (np.frombuffer(tags.PixelData, "<u2") | 0xF000).tobytes()

    change(folder, soil)
    np.testing.assert_array_equal(read_series(folder).image.array, scan.image.array)


def test_padding_becomes_air(folder, change):
    def pad(tags):
        pixels = np.frombuffer(tags.PixelData, "<u2").copy()
        pixels[:2] = [3000, 3001]
        tags.PixelData = pixels.tobytes()
        tags.add_new("PixelPaddingValue", "US", 3000)

    change(folder, pad)
    assert read_series(folder).image.array[5, 0, :2].tolist() == [-1024, 3001 - 1024]


def test_a_fractional_slope_is_rounded_to_whole_hu(folder, change):
    def scale(tags):
        tags.RescaleSlope, tags.RescaleIntercept = 0.5, -1000

    change(folder, scale)
    # Stored 24 is -988 and stored 25 is -987.5, rounded to even.
    assert read_series(folder).image.array[0, 0, :2].tolist() == [-988, -988]


def test_a_missing_slice_is_named(folder):
    (folder / "0006.dcm").unlink()
    message = (
        r"slice gap: 11 slices are 2 mm apart but slices 5 and 6 are 4 mm apart \(one is missing\); "
        "pass --allow-gaps to interpolate"
    )
    with pytest.raises(LesionkitError, match=message):
        read_series(folder)


def test_a_missing_slice_is_interpolated_where_that_is_allowed(scan, folder):
    (folder / "0006.dcm").unlink()
    case = read_series(folder, GAPS)
    # Values grow linearly along z, so interpolation restores them.
    np.testing.assert_array_equal(case.image.array, scan.image.array)
    assert case.image.grid == scan.image.grid
    assert "(one is missing); interpolated" in warnings_of(case)


def test_uneven_spacing_is_refused_or_interpolated(scan, folder, change):
    def stretch(tags):
        tags.ImagePositionPatient[2] += 0.7

    change(folder, stretch, slice(6, 12))
    with pytest.raises(LesionkitError, match=r"slices 6 and 7 are 2.7 mm apart \(the spacing is uneven\)"):
        read_series(folder)
    case = read_series(folder, GAPS)
    assert case.image.grid.spacing_mm == (2.0, 0.5, 0.5)
    np.testing.assert_array_equal(case.image.array[:6], scan.image.array[:6])


def test_positions_rounded_to_a_tenth_of_a_millimetre_are_even(folder, change):
    def rounded(tags):
        tags.ImagePositionPatient[2] = round((tags.InstanceNumber - 1) * 0.625, 1)

    change(folder, rounded)
    case = read_series(folder)
    np.testing.assert_allclose(case.image.grid.spacing_mm[0], 0.625, atol=0.01)
    assert case.facts["warnings"] == []


def test_two_slices_at_one_position_are_refused(folder, change):
    def move(tags):
        tags.ImagePositionPatient[2] = -296.0

    change(folder, move, slice(3, 4))
    with pytest.raises(LesionkitError, match=r"duplicate slices: '0003.dcm' and '0004.dcm' lie at the same position"):
        read_series(folder)


def test_a_second_copy_of_a_file_is_left_out(scan, folder):
    shutil.copy(folder / "0003.dcm", folder / "copy.dcm")
    case = read_series(folder)
    np.testing.assert_array_equal(case.image.array, scan.image.array)
    assert "1 files are second copies of a slice and were left out" in warnings_of(case)


def test_slices_of_another_orientation_are_another_scan(scan, folder, change):
    def turn(tags):
        tags.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]

    change(folder, turn, slice(0, 2))
    case = read_series(folder)
    np.testing.assert_array_equal(case.image.array, scan.image.array[2:])
    assert 'the folder also holds series 1: CT "Thorax", 2 slices of 6x8' in warnings_of(case)


def test_a_gap_that_turned_slices_leave_is_told_as_such(folder, change):
    change(folder, lambda tags: setattr(tags, "ImageOrientationPatient", [1, 0, 0, 0, 0, -1]), slice(5, 6))
    with pytest.raises(LesionkitError, match=r"slice gap: .*1 images of the series have another orientation"):
        read_series(folder)


def test_spacing_that_differs_by_less_than_a_micrometre_is_one_grid(folder, change):
    change(folder, lambda tags: setattr(tags, "PixelSpacing", [0.5 + 1e-4 * (tags.InstanceNumber % 3), 0.5]))
    np.testing.assert_allclose(read_series(folder).image.grid.spacing_mm, [2, 0.5001, 0.5], atol=1e-9)


@pytest.mark.parametrize("type_", ["f4", "f8"])
def test_floating_point_pixels_are_read(scan, folder, change, type_):
    def as_floats(tags):
        values = np.frombuffer(tags.PixelData, "<u2").astype(f"<{type_}") + 0.25
        del tags.PixelData, tags.BitsStored, tags.HighBit, tags.PixelRepresentation
        name, tags.BitsAllocated = ("FloatPixelData", 32) if type_ == "f4" else ("DoubleFloatPixelData", 64)
        setattr(tags, name, values.tobytes())

    change(folder, as_floats)
    np.testing.assert_array_equal(read_series(folder).image.array, scan.image.array)


@pytest.mark.parametrize(
    ("store", "message"),
    [
        (lambda hu: ((hu + 1024).astype("<u2"), 0, 0), "stored values without rescale"),
        (lambda hu: (np.where(hu < -995, -2000, hu + 1024).astype("<i2"), 1, 0), "beside padding they are"),
        (lambda hu: (hu.astype("<i2").view("<u2"), 0, 0), "negative values were stored as large positive ones"),
        (lambda hu: (hu.astype("<i2").view("<u2") & 0xFFF, 0, 0), "negative values were stored as large positive ones"),
    ],
)
def test_stored_values_that_give_no_hu_are_refused_by_the_reason(folder, change, store, message):
    def spoil(tags):
        values, tags.PixelRepresentation, tags.RescaleIntercept = store(
            np.frombuffer(tags.PixelData, "<u2").astype(int) - 1024
        )
        tags.PixelData = values.tobytes()

    change(folder, spoil)
    with pytest.raises(LesionkitError, match=f"Hounsfield units.*{message}"):
        read_series(folder)


def test_an_image_without_modality_or_series_is_told_by_its_class(scan, folder, change):
    def strip(tags):
        del tags.Modality, tags.SeriesInstanceUID

    change(folder, strip)
    case = read_series(folder)
    np.testing.assert_array_equal(case.image.array, scan.image.array)
    assert case.case_id == "patient 1"


def test_slices_of_two_shapes_are_refused(folder, change):
    def cut(tags):
        tags.Rows, tags.PixelData = 3, tags.PixelData[: 3 * 8 * 2]

    change(folder, cut, slice(4, 5))
    with pytest.raises(LesionkitError, match="slices of two shapes in one series: 11 have 6x8 but 1 have 3x8"):
        read_series(folder)


def test_slices_of_two_pixel_spacings_are_refused(folder, change):
    change(folder, lambda tags: setattr(tags, "PixelSpacing", [0.7, 0.7]), slice(4, 5))
    with pytest.raises(LesionkitError, match="slices of two pixel spacings"):
        read_series(folder)


def test_a_gantry_tilt_is_undone_by_shifting_slices(scan, folder, change):
    def tilt(tags):
        tags.ImagePositionPatient[1] += 0.5 * (tags.InstanceNumber - 1)  # one row per slice: 14 degrees

    change(folder, tilt)
    case = read_series(folder)
    assert case.image.grid.shape == (12, 6 + 11, 8)
    assert "sheared by 14.0 degrees (gantry tilt)" in warnings_of(case)
    for k in (0, 5, 11):
        np.testing.assert_array_equal(case.image.array[k, k : k + 6], scan.image.array[k])
        np.testing.assert_allclose(case.image.grid.index_to_world([k, k, 0]), [-10, 20 + 0.5 * k, -300 + 2 * k])
    assert case.image.array[11, 0, 0] == -1024


def test_a_backward_tilt_extends_the_volume_to_the_other_side(scan, folder, change):
    def tilt(tags):
        tags.ImagePositionPatient[1] -= 0.5 * (tags.InstanceNumber - 1)

    change(folder, tilt)
    case = read_series(folder)
    np.testing.assert_allclose(case.image.grid.origin_mm, [-10, 20 - 5.5, -300])
    np.testing.assert_array_equal(case.image.array[11, :6], scan.image.array[11])


def test_a_tilt_tag_that_the_positions_contradict_is_told(folder, change):
    change(folder, lambda tags: setattr(tags, "GantryDetectorTilt", 15))
    assert "GantryDetectorTilt says 15 degrees but the slice positions show none" in warnings_of(read_series(folder))


def test_a_rescale_type_other_than_hu_is_told(folder, change):
    change(folder, lambda tags: setattr(tags, "RescaleType", "mgml"))
    assert "RescaleType says 'mgml', taken as HU" in warnings_of(read_series(folder))


def test_unreadable_values_of_lesser_tags_do_no_harm(folder):
    for path in folder.iterdir():
        content = path.read_bytes()
        assert b"120.0 " in content
        path.write_bytes(content.replace(b"120.0 ", b"a.bcd "))
    assert read_series(folder).facts["kvp"] is None


@pytest.mark.parametrize("files", [slice(None), slice(2, 3)])
def test_slices_without_rescale_tags_are_refused(folder, change, files):
    def strip(tags):
        del tags.RescaleSlope, tags.RescaleIntercept

    change(folder, strip, files)
    with pytest.raises(
        LesionkitError, match=r"every slice needs RescaleSlope and RescaleIntercept .* have none, first"
    ):
        read_series(folder)


def test_fewer_than_ten_slices_are_refused(folder):
    for path in sorted(folder.iterdir())[3:]:
        path.unlink()
    with pytest.raises(LesionkitError, match="a CT volume needs at least 10 slices, got 3"):
        read_series(folder)


def test_strays_are_skipped_with_a_warning(scan, folder):
    (folder / "notes.txt").write_text("hello")
    (folder / "empty.dcm").write_bytes(b"")
    (folder / "junk.dcm").write_bytes(zlib.compress(b"no image" * 100))
    (folder / ".DS_Store").write_bytes(b"hidden")
    case = read_series(folder)
    np.testing.assert_array_equal(case.image.array, scan.image.array)
    assert "2 files are no readable DICOM images, first 'empty.dcm'" in warnings_of(case)


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_slice_that_leaves_a_gap_is_refused_with_its_name(folder, share):
    victim = folder / "0006.dcm"
    content = victim.read_bytes()
    victim.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(LesionkitError, match=r"slice gap: .*first '0006.dcm'"):
        read_series(folder)


def test_a_truncated_slice_at_the_end_is_left_out_with_a_warning(folder):
    victim = folder / "0012.dcm"
    victim.write_bytes(victim.read_bytes()[:-20])
    case = read_series(folder)
    assert case.image.grid.shape == (11, 6, 8)
    assert "1 truncated slice files were left out, first '0012.dcm'" in warnings_of(case)


def test_a_damaged_compressed_slice_is_named(scan, tmp_path):
    folder = write_series(scan, tmp_path / "s", "rle")
    tags = pydicom.dcmread(folder / "0004.dcm")
    tags.PixelData = pydicom.encaps.encapsulate([b"\x01\x02" * 40])
    tags.save_as(folder / "0004.dcm")
    with pytest.raises(LesionkitError, match=r"the pixels of slice 0004.dcm must be readable.*RLE Lossless"):
        read_series(folder)


def test_a_constant_series_is_refused(folder, change):
    change(folder, lambda tags: setattr(tags, "PixelData", bytes(6 * 8 * 2)))
    with pytest.raises(LesionkitError, match="a scan must show something, but all samples are -1024 HU"):
        read_series(folder)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(LesionkitError, match=r"a DICOM scan is a folder, but .*nowhere is missing"):
        read_series(tmp_path / "nowhere")


def test_the_real_scan_agrees_with_simpleitk_and_its_nodule_is_where_the_readers_say(data):
    folder = data / "ct/LIDC-IDRI-0001/dicom"
    case = read_series(folder)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    np.testing.assert_array_equal(case.image.array, np.maximum(sitk.GetArrayViewFromImage(image), -1024))
    there = image.TransformIndexToPhysicalPoint((316, 367, 90))
    np.testing.assert_allclose(case.image.grid.index_to_world([90, 367, 316]), there)
    z, y, x = np.round(case.image.grid.world_to_index([56.4, 86.34, -115.96])).astype(int)
    assert (z, y, x) == (90, 367, 316)
    core = case.image.array[z - 1 : z + 2, y - 3 : y + 4, x - 3 : x + 4]
    assert 0 < core.mean() < 150  # soft tissue
    assert case.image.array.min() == -1024  # padding of -2048 is clipped


@given(grid=st.from_type(Grid).filter(lambda grid: min(grid.shape) > 1))
@settings(max_examples=12)
def test_a_series_of_any_orientation_keeps_every_sample_at_its_place(tmp_path_factory, grid):
    grid = Grid((10, *grid.shape[1:]), grid.spacing_mm, grid.origin_mm, grid.direction)
    hu = np.random.default_rng(0).integers(-1024, 3000, grid.shape, dtype=np.int16)
    read = read_series(write_series(Case("a", "p", ArrayImage(grid, hu)), tmp_path_factory.mktemp("s") / "out")).image
    for index in [(0, 0, 0), (3, 1, 1), tuple(n - 1 for n in grid.shape)]:
        place = read.grid.world_to_index(grid.index_to_world(index))
        np.testing.assert_allclose(place, np.round(place), atol=1e-3)
        assert read.array[tuple(np.round(place).astype(int))] == hu[index]
