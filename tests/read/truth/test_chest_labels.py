import os
from pathlib import Path

import pandas as pd
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.read.truth.chest_labels import NIH_FINDINGS, read_chest_labels

DATA = Path(os.environ.get("LESIONKIT_DATA", Path(__file__).parents[3] / "../shared/data"))
NIH = DATA / "xray/nih/Data_Entry_rows.csv"

NIH_TABLE = """Image Index,Finding Labels,Visit,Patient ID,Patient Age,Patient Gender,View Position,Px[w,h],Mm[x,y]
00000013_004.png,Effusion|Pneumothorax,29,13,60,M,AP,3056,2544,0.139,0.139
00000013_019.png,No Finding,44,13,61,M,PA,2021,2021,0.194,0.194
"""
CHEXPERT_TABLE = """Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Pneumothorax,Lung Lesion
CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg,Female,68,Frontal,AP,1.0,,
CheXpert-v1.0-small/train/patient00002/study2/view1_frontal.jpg,Male,87,Frontal,PA,,-1.0,0.0
CheXpert-v1.0-small/train/patient00002/study2/view2_lateral.jpg,Male,87,Lateral,,,1.0,
"""


def written(folder, text):
    path = folder / "labels.csv"
    path.write_text(text)
    return path


def test_nih_names_what_is_present_and_the_rest_is_absent(tmp_path):
    table = read_chest_labels(written(tmp_path, NIH_TABLE))
    assert table["image_id"].tolist() == ["00000013_004", "00000013_019"]
    assert table["patient_id"].tolist() == ["00000013", "00000013"]
    assert table["view"].tolist() == ["AP", "PA"]
    assert table["Pneumothorax"].tolist() == [1, 0]
    assert table.loc[0, [*NIH_FINDINGS]].sum() == 2


def test_chexpert_keeps_uncertain_and_unspoken_labels_apart(tmp_path):
    table = read_chest_labels(written(tmp_path, CHEXPERT_TABLE))
    assert table["image_id"].tolist()[0] == "patient00001/study1/view1_frontal"
    assert table["patient_id"].tolist() == ["patient00001", "patient00002", "patient00002"]
    assert table["view"].tolist() == ["AP", "PA", "lateral"]
    assert table["Pneumothorax"].isna().tolist() == [True, False, False]
    assert table["Pneumothorax"].tolist()[1:] == [-1, 1]
    assert table["Lung_Lesion"].tolist()[1] == 0


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must have the columns Image Index, .*, got an empty file"),
        ("a,b\n1,2\n", "must have the columns .*, got a, b"),
        (NIH_TABLE.splitlines()[0] + "\n", "must hold at least one image, got a header and no rows"),
        (NIH_TABLE.replace("Effusion|", "Efusion|"), "a finding must be one of Atelectasis, .*, got 'Efusion'"),
        (NIH_TABLE + "x.png,No Finding\n", "row 4 must have 11 values like the header, got 2"),
        (NIH_TABLE.replace("_019", "_004"), "must name every image once, but '00000013_004' stands there twice"),
        (CHEXPERT_TABLE.replace("-1.0", "2.0"), r"row 3: a label must be 1, 0, -1 \(uncertain\) or blank, got '2'"),
        (CHEXPERT_TABLE.replace("patient00001", "somebody"), "a Path of CheXpert must name a folder like patient00001"),
    ],
)
def test_other_tables_are_refused(tmp_path, text, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        read_chest_labels(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(LesionkitError, match=r"cannot read .*none.csv.*give a label table of NIH or CheXpert"):
        read_chest_labels(tmp_path / "none.csv")


@pytest.mark.skipif(not NIH.is_file(), reason="needs the NIH rows in ../shared/data")
def test_three_of_the_nine_nih_rows_show_pneumothorax_and_are_one_patients():
    table = read_chest_labels(NIH)
    positive = table[table["Pneumothorax"] == 1]
    assert (len(table), len(positive), set(positive["patient_id"])) == (9, 3, {"00000013"})
    assert pd.api.types.is_integer_dtype(table["Pneumothorax"])


def test_a_wrong_label_is_named_by_its_row_as_a_spreadsheet_counts(tmp_path):
    lines = CHEXPERT_TABLE.replace("-1.0,0.0", "maybe,0.0").splitlines()
    path = written(tmp_path, "\n".join(["", lines[0], "", lines[1], ",,,", lines[2]]) + "\n")
    with pytest.raises(LesionkitError, match=r"row 6: a label must be 1, 0, -1 .* got 'maybe' for Pneumothorax"):
        read_chest_labels(path)
