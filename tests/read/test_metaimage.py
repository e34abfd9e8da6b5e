import zlib

import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.read.metaimage import packed_slices
from lesionkit.read.volume import read_grid_and_samples

SAMPLES = np.arange(3 * 4 * 5, dtype="<i2").reshape(3, 4, 5)


def packed(folder, content=None, **fields):
    text = {
        "ObjectType": "Image", "NDims": 3, "BinaryData": True, "BinaryDataByteOrderMSB": False, "CompressedData": True,
        "ElementSpacing": "1 1 1", "DimSize": "5 4 3", "ElementType": "MET_SHORT", "ElementDataFile": "a.zraw",
    } | fields  # fmt: skip
    content = zlib.compress(SAMPLES.tobytes()) if content is None else content
    head = "".join(f"{name} = {value}\n" for name, value in text.items()).encode()
    local = text["ElementDataFile"] == "LOCAL"
    (folder / "a.mhd").write_bytes(head + content * local)
    (folder / "a.zraw").write_bytes(content)
    return folder / "a.mhd"


@pytest.mark.parametrize(
    ("order", "fields"),
    [("<", {}), (">", {"BinaryDataByteOrderMSB": True}), ("<", {"ElementDataFile": "LOCAL"})],
)
def test_packed_samples_are_those_that_were_packed(order, fields, tmp_path):
    path = packed(tmp_path, zlib.compress(SAMPLES.astype(f"{order}i2").tobytes()), **fields)
    np.testing.assert_array_equal(np.stack(list(packed_slices(path))), SAMPLES)
    np.testing.assert_array_equal(read_grid_and_samples(path).array, SAMPLES)


def test_what_is_not_packed_is_left_to_the_usual_reader(tmp_path):
    assert packed_slices(packed(tmp_path, CompressedData=False)) is None
    assert packed_slices(tmp_path / "a.nrrd") is None


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (zlib.compress(SAMPLES.tobytes())[:-20], "of 120 bytes can be unpacked"),
        (zlib.compress(SAMPLES[:2].tobytes()), "80 of 120 bytes can be unpacked"),
        (zlib.compress(SAMPLES.tobytes() * 2), "121 of 120 bytes can be unpacked"),
        (b"no zlib at all", "damaged"),
    ],
)
def test_packed_samples_that_are_cut_off_or_damaged_are_refused(content, sentence, tmp_path):
    with pytest.raises(LesionkitError, match=rf"a.zraw: .*{sentence}.*copy it again"):
        list(packed_slices(packed(tmp_path, content)))
