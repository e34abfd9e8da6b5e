from lesionkit.core.lesion import Lesion
from lesionkit.write.truth import write_annotations, write_patients, write_series_list


def test_unknown_diameters_are_minus_one_and_simple_facts_become_columns(tmp_path):
    lesions = {
        "1.2": [
            Lesion((1, 2, -3.5), 6.0, facts={"texture": "solid", "row": 7, "votes": [0, 1]}),
            Lesion((4, 5, 6), 0.0, facts={"attachment": "isolated"}),
        ],
        "1.3": [],
    }
    path = write_annotations(tmp_path / "annotations.csv", lesions)
    assert path.read_text().splitlines() == [
        "seriesuid,coordX,coordY,coordZ,diameter_mm,texture,attachment",
        "1.2,1.0,2.0,-3.5,6.0,solid,",
        "1.2,4.0,5.0,6.0,-1,,isolated",
    ]


def test_the_series_list_has_no_header(tmp_path):
    assert write_series_list(tmp_path / "seriesuids.csv", ["1.2", "1.3"]).read_text() == "1.2\n1.3\n"


def test_patients_stand_beside_their_series(tmp_path):
    assert write_patients(tmp_path / "patients.csv", {"1.2": "p"}).read_text() == "seriesuid,patient_id\n1.2,p\n"
