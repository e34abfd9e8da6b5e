import os
from pathlib import Path

import numpy as np
import pytest

from lesionkit.read.itk_name import itk_name
from lesionkit.read.volume import read_volume
from lesionkit.write.volume import write_volume

NAMES = ["plain", "blank, comma 'and' quote", "Müller", "胸部", os.fsdecode(b"M\xfcller"), os.fsdecode(b"\xff\xfe")]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("suffix", [".nii.gz", ".mha", ".nrrd", ".mhd"])
def test_a_volume_of_any_name_in_any_folder_is_read(big, tmp_path, name, suffix):
    made = write_volume(big, tmp_path / f"made/a{suffix}")
    folder = tmp_path / name
    folder.mkdir()
    for file in made.parent.iterdir():
        file.rename(folder / file.name.replace("a.", f"{name}.", 1) if file == made else folder / file.name)
    np.testing.assert_array_equal(read_volume(folder / f"{name}{suffix}").image.array, big.array)


def test_a_path_of_4000_characters_is_read(big, tmp_path):
    made = write_volume(big, tmp_path / "a.mha")
    before, deep = Path.cwd(), 0
    os.chdir(tmp_path)
    try:
        while deep + len(str(tmp_path)) < 3800:
            os.mkdir("d" * 200)  # noqa: PTH102
            os.chdir("d" * 200)
            deep += 201
        Path("a.mha").write_bytes(made.read_bytes())
        path = Path(os.getcwd(), "a.mha")  # noqa: PTH109
    finally:
        os.chdir(before)
    assert len(str(path)) > 3800
    np.testing.assert_array_equal(read_volume(path).image.array, big.array)


def test_a_plain_name_is_used_as_it_is(tmp_path):
    with itk_name(tmp_path / "a.mha") as name:
        assert name == str(tmp_path / "a.mha") or len(str(tmp_path)) > 230
