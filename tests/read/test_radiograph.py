import re

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, RLELossless

from lesionkit.core.errors import LesionkitError
from lesionkit.read.picture import read_picture

BRIGHT_SQUARE = np.full((32, 40), 40, np.uint8)
BRIGHT_SQUARE[10:20, 10:30] = 200
BRIGHT_SQUARE[0, :2] = 0, 255

_J = "1.2.840.10008.1.2.4."
LOSSLESS = {
    "RLE": (RLELossless, None),
    "JPEG lossless": (_J + "70", lambda a: imagecodecs.jpeg8_encode(a, lossless=True)),
    "JPEG-LS": (_J + "80", imagecodecs.jpegls_encode),
    "JPEG 2000": (_J + "90", lambda a: imagecodecs.jpeg2k_encode(a, level=0, codecformat="j2k")),
    "JPEG 2000 in a JP2 box": (_J + "90", lambda a: imagecodecs.jpeg2k_encode(a, level=0)),
    "HTJ2K": (_J + "201", imagecodecs.htj2k_encode),
    "JPEG XL": (_J + "110", lambda a: imagecodecs.jpegxl_encode(a, lossless=True)),
    "a wrong name": (_J + "50", imagecodecs.jpegls_encode),
    "plain frames": ("1.2.840.10008.1.2.1.98", lambda a: a.tobytes()),
}


def write(path, stored, bits=12, photometric="MONOCHROME2", coding=None, **tags):
    """A radiograph of stored values; tags are set before it is coded."""
    file = Dataset()
    file.file_meta = FileMetaDataset()
    file.preamble = bytes(128)
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.SOPClassUID = file.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    file.SOPInstanceUID = file.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    file.SeriesInstanceUID = file.StudyInstanceUID = "1.2"
    file.Modality, file.PatientID, file.ImagerPixelSpacing = "DX", "p", [0.5, 0.5]
    file.Rows, file.Columns = stored.shape[:2]
    file.SamplesPerPixel, file.PhotometricInterpretation = (stored.shape[2] if stored.ndim == 3 else 1), photometric
    file.BitsAllocated, file.BitsStored, file.HighBit = 8 * stored.itemsize, bits, bits - 1
    file.PixelRepresentation = int(stored.dtype.kind == "i")
    file.PixelData = stored.tobytes()
    for keyword, value in tags.items():
        setattr(file, keyword, value)
    if coding is not None:
        syntax, encode = LOSSLESS[coding]
        if encode is None:
            file.compress(syntax, generate_instance_uid=False)
        else:
            file.PixelData = encapsulate([bytes(encode(stored))])
            file["PixelData"].is_undefined_length = True
            file.file_meta.TransferSyntaxUID = syntax
    # pydicom does not know every coding it can carry.
    pydicom.dcmwrite(path, file, implicit_vr=False, little_endian=True, force_encoding=True)
    return path


def grey(path):
    """(square, background) as 0..1, to two digits."""
    samples = read_picture(path).image.array
    full = np.iinfo(samples.dtype).max
    return round(samples[15, 15] / full, 2), round(samples[5, 5] / full, 2)


def table(*entries, first=0, bits=16):
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries), first, bits])
    item.add_new("LUTData", "US", list(entries))
    return Sequence([item])


@pytest.mark.parametrize("coding", LOSSLESS)
@pytest.mark.parametrize("window", [{}, {"WindowCenter": 2048, "WindowWidth": 3000}])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_every_coding_gives_the_grey_of_native_pixels(tmp_path, coding, window, photometric):
    stored = BRIGHT_SQUARE.astype(np.uint16) * 16
    stored = 4095 - stored if photometric == "MONOCHROME1" else stored
    native = read_picture(write(tmp_path / "a.dcm", stored, photometric=photometric, **window))
    coded = read_picture(write(tmp_path / "b.dcm", stored, photometric=photometric, coding=coding, **window))
    np.testing.assert_array_equal(coded.image.array, native.image.array)
    assert coded.facts["shown_by"] == native.facts["shown_by"]
    assert coded.image.array[15, 15] > coded.image.array[5, 5]


@pytest.mark.parametrize("coding", ["RLE", "JPEG lossless", "JPEG-LS", "JPEG 2000", "HTJ2K"])
def test_negative_stored_values_keep_their_sign_in_every_coding(tmp_path, coding):
    stored = BRIGHT_SQUARE.astype(np.int16) * 16 - 2048
    if coding in ("JPEG lossless", "JPEG-LS"):
        # These have no sign: their encoders get the bits.
        path = write(tmp_path / "b.dcm", (stored & 0xFFF).astype(np.uint16), coding=coding)
        file = pydicom.dcmread(path)
        file.PixelRepresentation = 1
        file.save_as(path)
    else:
        path = write(tmp_path / "b.dcm", stored, coding=coding)
    native = read_picture(write(tmp_path / "a.dcm", stored))
    np.testing.assert_array_equal(read_picture(path).image.array, native.image.array)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(("bits", "syntax"), [(8, _J + "50"), (12, _J + "51")])
def test_lossy_jpeg_of_8_and_12_bits_is_as_bright_as_it_was(tmp_path, photometric, bits, syntax):
    stored = np.full((32, 32), 40 << (bits - 8), np.uint8 if bits == 8 else np.uint16)
    stored[8:24, 8:24] = 200 << (bits - 8)
    path = write(tmp_path / "a.dcm", stored, bits, photometric)
    file = pydicom.dcmread(path)
    file.PixelData = encapsulate([bytes(imagecodecs.jpeg8_encode(stored, level=98, bitspersample=bits))])
    file["PixelData"].is_undefined_length = True
    file.file_meta.TransferSyntaxUID = syntax
    file.save_as(path)
    bright_inside = read_picture(path).image.array[15, 15] > read_picture(path).image.array[2, 2]
    assert bright_inside == (photometric == "MONOCHROME2")


@pytest.mark.parametrize(
    ("photometric", "shape", "expected", "said"),
    [
        ("MONOCHROME2", None, (0.78, 0.16), ""),
        ("MONOCHROME2", "IDENTITY", (0.78, 0.16), ""),
        ("MONOCHROME2", "INVERSE", (0.22, 0.84), "MONOCHROME2, but PresentationLUTShape INVERSE"),
        ("MONOCHROME1", None, (0.22, 0.84), ""),
        ("MONOCHROME1", "INVERSE", (0.22, 0.84), ""),
        ("MONOCHROME1", "IDENTITY", (0.22, 0.84), "MONOCHROME1, but PresentationLUTShape IDENTITY"),
    ],
)
def test_a_picture_is_inverted_once_whoever_asks_for_it(tmp_path, photometric, shape, expected, said):
    tags = {} if shape is None else {"PresentationLUTShape": shape}
    path = write(tmp_path / "a.dcm", BRIGHT_SQUARE.astype(np.uint16) * 16, photometric=photometric, **tags)
    assert grey(path) == expected
    notes = read_picture(path).facts["warnings"]
    assert said in notes[0] if said else not notes


def test_a_modality_table_comes_before_the_window_and_may_fall(tmp_path):
    falling = table(*np.linspace(65535, 0, 4096).astype(int).tolist())
    stored = BRIGHT_SQUARE.astype(np.uint16) * 16
    assert grey(write(tmp_path / "a.dcm", stored, ModalityLUTSequence=falling)) == (0.22, 0.84)
    window = {"WindowCenter": 14392, "WindowWidth": 200}
    square_only = write(tmp_path / "b.dcm", stored, ModalityLUTSequence=falling, **window)
    assert grey(square_only)[1] == 1.0
    assert 0 < grey(square_only)[0] < 1


def test_a_falling_rescale_inverts_and_the_window_is_in_its_values(tmp_path):
    stored = BRIGHT_SQUARE.astype(np.uint16) * 16
    rescale = {"RescaleSlope": -1, "RescaleIntercept": 4080}
    assert grey(write(tmp_path / "a.dcm", stored, **rescale)) == (0.22, 0.84)
    window = {"WindowCenter": 2040.5, "WindowWidth": 4081}
    assert grey(write(tmp_path / "b.dcm", stored, **rescale, **window)) == (0.22, 0.84)


def test_a_voi_table_of_8_bits_serves_values_of_12(tmp_path):
    brightness = table(*(np.arange(4096) // 16).tolist(), bits=8)
    stored = BRIGHT_SQUARE.astype(np.uint16) * 16
    assert grey(write(tmp_path / "a.dcm", stored, VOILUTSequence=brightness)) == (0.78, 0.16)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_palette_gives_its_greys_and_a_coloured_one_is_refused(tmp_path, bits):
    falling = np.arange(255, -1, -1)
    data = falling.astype(np.uint8).tobytes() if bits == 8 else (falling * 257).astype("<u2").tobytes()
    tags = {f"{name}PaletteColorLookupTableDescriptor": [256, 0, bits] for name in ("Red", "Green", "Blue")}
    tags |= {f"{name}PaletteColorLookupTableData": data for name in ("Red", "Green", "Blue")}
    assert grey(write(tmp_path / "a.dcm", BRIGHT_SQUARE, 8, "PALETTE COLOR", **tags)) == (0.22, 0.84)
    tags["RedPaletteColorLookupTableData"] = bytes(len(data))
    with pytest.raises(LesionkitError, match="a radiograph is grey, but 100% of the pixels are coloured"):
        read_picture(write(tmp_path / "b.dcm", BRIGHT_SQUARE, 8, "PALETTE COLOR", **tags))


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_at_the_edge_is_black_and_leaves_the_range_to_the_picture(tmp_path, photometric):
    plain = BRIGHT_SQUARE.astype(np.uint16) * 16
    padded = np.pad(plain, 4, constant_values=4095)
    case = read_picture(write(tmp_path / "a.dcm", padded, photometric=photometric, PixelPaddingValue=4095))
    expected = read_picture(write(tmp_path / "b.dcm", plain, photometric=photometric)).image.array
    np.testing.assert_array_equal(case.image.array[4:-4, 4:-4], expected)
    assert not case.image.array[:4].any()


def test_bits_above_those_in_use_are_cleared_and_those_below_shifted_out(tmp_path):
    stored = BRIGHT_SQUARE.astype(np.uint16) * 16
    overlay = stored | (np.arange(40, dtype=np.uint16) % 2 << 15)
    assert grey(write(tmp_path / "a.dcm", overlay)) == (0.78, 0.16)
    assert grey(write(tmp_path / "b.dcm", stored << 4, HighBit=15)) == (0.78, 0.16)


def test_grey_stored_as_colours_is_read_in_ybr_too(tmp_path):
    ybr = np.stack([BRIGHT_SQUARE, np.full_like(BRIGHT_SQUARE, 128), np.full_like(BRIGHT_SQUARE, 128)], axis=2)
    assert grey(write(tmp_path / "a.dcm", ybr, 8, "YBR_FULL")) == (0.78, 0.16)
    rgb = np.repeat(BRIGHT_SQUARE[..., None], 3, axis=2)
    assert grey(write(tmp_path / "b.dcm", rgb, 8, "RGB", coding="JPEG-LS")) == (0.78, 0.16)


@pytest.mark.parametrize("coding", ["JPEG lossless", "JPEG-LS", "JPEG 2000", "HTJ2K", "RLE"])
def test_a_frame_that_is_cut_off_or_overwritten_is_refused_without_a_word_of_the_decoder(tmp_path, coding, capfd):
    path = write(tmp_path / "a.dcm", BRIGHT_SQUARE.astype(np.uint16) * 16, coding=coding)
    file = pydicom.dcmread(path)
    frame = bytes(pydicom.encaps.get_frame(file.PixelData, 0, number_of_frames=1))
    for broken in (frame[: len(frame) // 2], frame[:40] + bytes(len(frame) - 40)):
        file.PixelData = encapsulate([broken])
        file["PixelData"].is_undefined_length = True
        file.save_as(path)
        with pytest.raises(LesionkitError, match="the pixels must be readable, got a damaged or unknown coding"):
            read_picture(path)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"ViewPosition": "LL"}, r"no frontal view \(ViewPosition LL\)"),
        ({"ViewPosition": "LATERAL"}, r"no frontal view \(ViewPosition LATERAL\)"),
        ({"SeriesDescription": "Thorax lat."}, r"no frontal view \(SeriesDescription THORAX LAT\)"),
        ({"BodyPartExamined": "HAND"}, r"it shows HAND \(BodyPartExamined\)"),
        ({"BodyPartExamined": "CHEST", "ViewPosition": "PA"}, None),
        ({"BodyPartExamined": "PORT CHEST", "ViewPosition": "AP", "SeriesDescription": "AP and LAT"}, None),
        ({"BodyPartExamined": "TORAX"}, None),
        ({"BodyPartExamined": "", "ViewPosition": ""}, None),
    ],
)
def test_what_is_no_frontal_chest_is_warned_about(tmp_path, tags, said):
    notes = read_picture(write(tmp_path / "a.dcm", BRIGHT_SQUARE, 8, **tags)).facts["warnings"]
    if said is None:
        assert notes == []
    else:
        assert re.search(said, notes[0])


def test_a_file_without_preamble_and_header_is_read_and_one_without_photometric_interpretation_is_refused(tmp_path):
    path = write(tmp_path / "a.dcm", BRIGHT_SQUARE.astype(np.uint16) * 16)
    file = pydicom.dcmread(path)
    old = Dataset()
    for element in file:
        old.add(element)
    with (tmp_path / "old.dcm").open("wb") as out:
        pydicom.dcmwrite(out, old, implicit_vr=True, little_endian=True, enforce_file_format=False)
    assert grey(tmp_path / "old.dcm") == (0.78, 0.16)
    del file.PhotometricInterpretation
    file.save_as(tmp_path / "b.dcm")
    with pytest.raises(LesionkitError, match="must say by PhotometricInterpretation whether low values are black"):
        read_picture(tmp_path / "b.dcm")


@pytest.mark.parametrize(
    "keyword", ["BitsStored", "HighBit", "BitsAllocated", "PixelRepresentation", "SamplesPerPixel", "PatientID"]
)
def test_a_tag_that_careless_writers_leave_out_is_taken_for_what_it_nearly_always_is(tmp_path, keyword):
    path = write(tmp_path / "a.dcm", BRIGHT_SQUARE.astype(np.uint16) * 16)
    file = pydicom.dcmread(path)
    delattr(file, keyword)
    file.save_as(path)
    assert grey(path) == (0.78, 0.16)


def test_small_letters_say_the_same_and_an_unknown_word_is_refused(tmp_path):
    stored = BRIGHT_SQUARE.astype(np.uint16) * 16
    path = write(tmp_path / "a.dcm", stored, photometric="MONOCHROME1")
    path.write_bytes(path.read_bytes().replace(b"MONOCHROME1", b"monochrome1"))
    assert grey(path) == (0.22, 0.84)
    with pytest.raises(LesionkitError, match=r"are black .* or white .*, but says GRAY; correct the tag"):
        read_picture(write(tmp_path / "b.dcm", stored, photometric="GRAY"))
