from lesionkit.read.truth.beside import tables_beside

HEADER = "seriesuid,coordX,coordY,coordZ,diameter_mm\n"


def test_a_listed_scan_without_a_row_is_healthy_and_one_that_is_not_listed_is_unknown(tmp_path):
    (tmp_path / "annotations.csv").write_text(HEADER + "a,5,5,5,6\na,9,9,9,4\n")
    (tmp_path / "seriesuids.csv").write_text("a\nb\n")
    tables = tables_beside(tmp_path, None)
    assert {name: len(lesions) for name, lesions in tables.lesions.items()} == {"a": 2, "b": 0}


def test_without_tables_nothing_is_known(tmp_path):
    tables = tables_beside(tmp_path, None)
    assert (tables.lesions, tables.excluded, tables.patients) == ({}, {}, {})


def test_tables_are_looked_for_two_folders_above_a_scan_and_no_further(tmp_path):
    (tmp_path / "annotations.csv").write_text(HEADER + "a,5,5,5,6\n")
    (tmp_path / "x/y/z").mkdir(parents=True)
    assert "a" in tables_beside(tmp_path / "x/y", None).lesions
    assert "a" not in tables_beside(tmp_path / "x/y/z", None).lesions
