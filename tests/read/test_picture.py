import os
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.read.picture import find_pictures, picture_shape, read_mask, read_picture
from lesionkit.write.radiograph import write_radiograph

DATA = Path(os.environ.get("LESIONKIT_DATA", Path(__file__).parents[2] / "../shared/data"))
NIH = DATA / "xray/nih"

STEPS = np.arange(0, 240, 10, dtype=np.uint8).reshape(4, 6)


def dicom(folder, samples=STEPS, name="a.dcm", **tags):
    """A radiograph whose tags are then changed; None deletes one."""
    case = Case("1.2.3", "patient-1", ArrayImage(Grid.upright(samples.shape, (0.2, 0.3)), samples))
    path = write_radiograph(case, folder / name)
    file = pydicom.dcmread(path)
    for keyword, value in tags.items():
        if value is None:
            del file[keyword]
        else:
            setattr(file, keyword, value)
    file.save_as(path)
    return path


def png(folder, samples, name="a.png"):
    Image.fromarray(samples).save(folder / name)
    return folder / name


# --- DICOM ---------------------------------------------------------------------------------------------------------


def test_eight_bits_without_a_window_stay_as_they_are(tmp_path):
    case = read_picture(dicom(tmp_path))
    np.testing.assert_array_equal(case.image.array, STEPS)
    assert case.image.array.dtype == np.uint8
    assert (case.case_id, case.patient_id) == ("1.2.3", "patient-1")
    assert case.image.grid == Grid.upright((4, 6), (0.2, 0.3))
    assert case.facts["spacing_known"]
    assert case.facts["warnings"] == []


def test_monochrome1_is_inverted(tmp_path):
    case = read_picture(dicom(tmp_path, PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_array_equal(case.image.array, 255 - STEPS)


def test_more_bits_fill_the_sixteen_of_the_picture(tmp_path):
    samples = np.array([[100, 1100], [2100, 4100]], np.uint16)
    case = read_picture(dicom(tmp_path, samples, BitsStored=13, HighBit=12))
    np.testing.assert_array_equal(case.image.array, [[0, 16384], [32768, 65535]])


def test_a_window_clips_what_lies_outside(tmp_path):
    samples = np.array([[0, 999, 1500, 2000, 4000]], np.uint16)
    shown = read_picture(dicom(tmp_path, samples, WindowCenter=1500, WindowWidth=1001)).image.array[0]
    assert (shown[0], shown[1], shown[3], shown[4]) == (0, 0, 65535, 65535)
    assert abs(int(shown[2]) - 32768) < 64


def test_the_rescale_comes_before_the_window(tmp_path):
    samples = np.array([[0, 10, 20]], np.uint16)
    path = dicom(tmp_path, samples, RescaleSlope=2, RescaleIntercept=-20, WindowCenter=0, WindowWidth=21)
    shown = read_picture(path).image.array[0]
    assert (shown[0], shown[2]) == (0, 65535)
    assert abs(int(shown[1]) - 32768) < 3300


def test_a_voi_table_is_applied_before_a_window(tmp_path):
    table = Dataset()
    table.LUTDescriptor = [3, 0, 16]
    table.add_new("LUTData", "OW", np.array([0, 60000, 65535], "<u2").tobytes())
    samples = np.array([[0, 1, 2, 9]], np.uint16)
    path = dicom(tmp_path, samples, VOILUTSequence=Sequence([table]), WindowCenter=0, WindowWidth=1)
    np.testing.assert_array_equal(read_picture(path).image.array, [[0, 60000, 65535, 65535]])


def test_a_window_that_misses_the_picture_is_told_and_left_out(tmp_path):
    case = read_picture(dicom(tmp_path, WindowCenter=9000, WindowWidth=2))
    assert case.image.array.max() == 65535
    assert "the file's window cannot be applied" in case.facts["warnings"][0]


def test_an_image_compressed_as_jpeg_is_decoded(tmp_path):
    smooth = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    image = sitk.GetImageFromArray(smooth[None])
    for tag, text in {"0008|0060": "CR", "0010|0020": "p", "0028|0004": "MONOCHROME2"}.items():
        image.SetMetaData(tag, text)
    writer = sitk.ImageFileWriter()
    writer.SetFileName(str(tmp_path / "j.dcm"))
    writer.UseCompressionOn()
    writer.SetImageIO("GDCMImageIO")
    writer.SetCompressor("JPEG")
    writer.Execute(image)
    assert pydicom.dcmread(tmp_path / "j.dcm").file_meta.TransferSyntaxUID.is_encapsulated
    case = read_picture(tmp_path / "j.dcm")
    assert np.abs(case.image.array.astype(int) - smooth).max() <= 2


@pytest.mark.parametrize(
    ("tags", "spacing", "source"),
    [
        ({"ImagerPixelSpacing": [0.1, 0.1]}, (0.2, 0.3), "PixelSpacing"),
        ({"PixelSpacing": None, "ImagerPixelSpacing": [0.1, 0.4]}, (0.1, 0.4), "ImagerPixelSpacing"),
        ({"PixelSpacing": None}, (1.0, 1.0), ""),
        ({"PixelSpacing": [0, 0]}, (1.0, 1.0), ""),
    ],
)
def test_spacing_is_the_patients_then_the_detectors_then_unknown(tmp_path, tags, spacing, source):
    case = read_picture(dicom(tmp_path, **tags))
    assert case.image.grid.spacing_mm == spacing
    assert case.facts["spacing_from"] == source
    assert case.facts["spacing_known"] is bool(source)
    assert any("no pixel spacing" in note for note in case.facts["warnings"]) is not bool(source)


@pytest.mark.parametrize(
    ("tags", "sentence"),
    [
        ({"Modality": "CT"}, "a radiograph has modality CR or DX, got CT; give CT scans to a CT recipe"),
        ({"Modality": "MR"}, "a radiograph has modality CR or DX, got MR"),
        ({"NumberOfFrames": 2}, "a radiograph is one picture, got 2 frames"),
        ({"Rows": 0}, "has rows and columns of pixels, but the file holds none"),
        ({"PixelData": bytes(10)}, "the file must hold 24 bytes of pixels, got 10; it is cut off"),
        ({"SamplesPerPixel": 3}, "a pixel must be one value, got 3"),
    ],
)
def test_what_is_no_radiograph_is_refused(tmp_path, tags, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        read_picture(dicom(tmp_path, **tags))


def test_a_damaged_coding_is_named(tmp_path):
    path = dicom(tmp_path)
    file = pydicom.dcmread(path)
    file.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
    file.PixelData = pydicom.encaps.encapsulate([b"no pixels here"])
    file.save_as(path)
    with pytest.raises(LesionkitError, match=r"got a damaged or unknown coding \(RLE Lossless\)"):
        read_picture(path)


# --- PNG and JPEG --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
def test_a_grey_picture_is_read_in_any_mode(tmp_path, mode):
    Image.fromarray(STEPS).convert(mode).save(tmp_path / "a.png")
    case = read_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(case.image.array, STEPS)
    assert (case.case_id, case.patient_id, case.facts["spacing_known"]) == ("a", "a", False)


def test_sixteen_bits_stay_and_fewer_are_stretched(tmp_path):
    whole = np.array([[0, 65535]], np.uint16)
    np.testing.assert_array_equal(read_picture(png(tmp_path, whole)).image.array, whole)
    case = read_picture(png(tmp_path, np.array([[0, 4095]], np.uint16)))
    np.testing.assert_array_equal(case.image.array, whole)
    assert "use 12 of 16 bits" in case.facts["warnings"][0]


def test_a_jpeg_turned_by_its_camera_is_turned_back(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    bright_left = np.repeat([[250, 250, 10, 10]], 8, axis=0).astype(np.uint8)
    Image.fromarray(bright_left).save(tmp_path / "a.jpg", exif=exif, quality=95)
    array = read_picture(tmp_path / "a.jpg").image.array
    assert array.shape == picture_shape(tmp_path / "a.jpg") == (4, 8)
    assert array[0].min() > 200


def test_a_colour_photograph_is_refused(tmp_path):
    photo = np.zeros((8, 8, 3), np.uint8)
    photo[..., 0] = np.arange(0, 256, 4).reshape(8, 8)
    with pytest.raises(LesionkitError, match=r"a radiograph is grey, but \d+% of the pixels are coloured"):
        read_picture(png(tmp_path, photo))


def test_values_beyond_sixteen_bits_are_refused(tmp_path):
    Image.fromarray(np.array([[0, 70000]], np.int32)).save(tmp_path / "a.tiff")
    (tmp_path / "a.tiff").rename(tmp_path / "a.png")
    with pytest.raises(LesionkitError, match="samples must be whole numbers from 0 to 65535, got 0 to 70000"):
        read_picture(tmp_path / "a.png")


def test_several_frames_are_refused(tmp_path):
    frames = [Image.fromarray(STEPS), Image.fromarray(STEPS[::-1].copy())]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    with pytest.raises(LesionkitError, match="a radiograph is one picture, got 2 frames"):
        read_picture(tmp_path / "a.png")


def test_a_picture_of_one_value_is_refused(tmp_path):
    with pytest.raises(LesionkitError, match="a radiograph must show something, but all samples are 7"):
        read_picture(png(tmp_path, np.full((4, 4), 7, np.uint8)))


def test_a_cut_off_picture_is_refused(tmp_path):
    path = png(tmp_path, np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(LesionkitError, match="damaged or cut off"):
        read_picture(path)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.png", b"no picture", "not a readable picture"),
        ("a.txt", b"words", "is a DICOM, PNG or JPEG file, got a file of unknown kind"),
        ("a.png", None, "is one DICOM, PNG or JPEG file, got nothing"),
    ],
)
def test_other_files_are_refused(tmp_path, name, content, sentence):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(LesionkitError, match=sentence):
        read_picture(tmp_path / name)


def test_a_folder_is_not_one_radiograph(tmp_path):
    with pytest.raises(LesionkitError, match="got a folder; give one file"):
        read_picture(tmp_path)


# --- folders and masks ---------------------------------------------------------------------------------------------


def test_pictures_are_found_below_a_folder_but_masks_are_not(tmp_path):
    (tmp_path / "b" / "masks").mkdir(parents=True)
    wanted = [png(tmp_path, STEPS), dicom(tmp_path / "b"), dicom(tmp_path, name="IM0001")]
    png(tmp_path / "b" / "masks", STEPS)
    (tmp_path / "labels.csv").write_text("")
    (tmp_path / "no.dcm").write_text("no DICOM")
    assert find_pictures(tmp_path) == sorted(wanted)
    assert find_pictures(wanted[0]) == [wanted[0]]
    assert picture_shape(wanted[1]) == picture_shape(wanted[0]) == STEPS.shape


def test_a_folder_without_pictures_is_told(tmp_path):
    with pytest.raises(LesionkitError, match="the folder holds no radiograph"):
        find_pictures(tmp_path)
    with pytest.raises(LesionkitError, match="there is no such file or folder"):
        find_pictures(tmp_path / "none")


def test_a_mask_is_what_is_not_zero_and_has_its_images_shape(tmp_path):
    path = png(tmp_path, np.array([[0, 1], [255, 0]], np.uint8))
    assert read_mask(path, (2, 2)).tolist() == [[False, True], [True, False]]
    with pytest.raises(LesionkitError, match=r"a mask must have its image's shape \(4, 4\), got \(2, 2\)"):
        read_mask(path, (4, 4))


@pytest.mark.skipif(not NIH.is_dir(), reason="needs the NIH radiographs in ../shared/data")
def test_the_nih_radiographs_are_read():
    cases = [read_picture(path) for path in find_pictures(NIH)]
    assert len(cases) == 9
    assert {case.image.array.shape for case in cases} == {(1024, 1024), (512, 512)}
    # Lungs are darker than the belly below them.
    first = cases[0].image.array.astype(int)
    assert first[250, 120] < first[480, 256]


@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_exif_that_is_damaged_is_passed_over_without_a_word(tmp_path, ending):
    file = tmp_path / f"a.{ending}"
    exif = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x03\x00\x12\x01\x03\x00"
    Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6)).save(file, exif=exif)
    assert picture_shape(file) == (4, 6)
    assert read_picture(file).image.grid.shape == (4, 6)
