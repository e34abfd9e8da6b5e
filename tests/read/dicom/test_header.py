from dataclasses import replace

import pydicom

from lesionkit.read.dicom.header import read_header


def test_tags_that_dicom_forbids_are_read_without_a_word_of_pydicom(folder):
    file = sorted(folder.glob("*.dcm"))[0]
    tags = pydicom.dcmread(file)
    with pydicom.config.disable_value_validation():
        tags.PatientID = "p" * 90
        tags.save_as(file)
    header = read_header(file)
    assert header is not None
    assert header.text("PatientID") == "p" * 90


def test_a_coding_is_named_in_words_and_what_is_none_as_it_is(folder):
    header = read_header(sorted(folder.glob("*.dcm"))[0])
    assert header is not None
    assert header.syntax_name == "Explicit VR Little Endian"
    assert replace(header, transfer_syntax="1.2.\x1b.1").syntax_name == "1.2.\x1b.1"
