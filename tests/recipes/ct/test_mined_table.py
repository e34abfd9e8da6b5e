import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes.ct.mined_table import (
    COLUMNS,
    KINDS,
    Example,
    counts_of,
    mined_file,
    places_of,
    read_examples,
    write_examples,
)

ALARM = Example("a", (1.0, 2.0, 3.0), 5.0, 0.75, "false positive", 1)
MISSED = Example("a", (7.0, 8.0, 9.0), None, None, "missed", 1, "fold0")
NUMBERS = st.integers(-500_000, 500_000).map(lambda n: n / 1000)


@given(
    names=st.lists(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1), max_size=4),
    place=st.tuples(NUMBERS, NUMBERS, NUMBERS),
    kind=st.sampled_from(KINDS),
)
def test_what_is_written_is_read(tmp_path_factory, names, place, kind):
    file = tmp_path_factory.getbasetemp() / "examples.csv"
    examples = [Example(name, place, None, None, kind, 2, "fold1") for name in names]
    assert read_examples(write_examples(file, examples)) == examples


def test_each_example_says_where_it_lies_and_who_found_it_when(tmp_path):
    text = write_examples(tmp_path / "m.csv", [ALARM, MISSED]).read_text()
    assert text.splitlines()[1:] == [
        "a,1.000,2.000,3.000,5.00,0.75,false positive,1,",
        "a,7.000,8.000,9.000,,,missed,1,fold0",
    ]


def test_a_run_has_a_table_per_round_and_network(tmp_path):
    assert mined_file(tmp_path, 2).name == "mined-2.csv"
    assert mined_file(tmp_path, 1, "fold0 a").name == "mined-fold0-a-1.csv"


def test_places_are_those_of_the_kinds_asked_for():
    assert {name: p.tolist() for name, p in places_of([ALARM, MISSED], "missed", "weak").items()} == {"a": [[7, 8, 9]]}
    assert counts_of([ALARM, MISSED]) == {"false positive": 1, "missed": 1, "weak": 0, "easy": 0}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must have the columns seriesuid, .*, but lacks all"),
        ("seriesuid,coordX\na,1\n", "lacks coordY, coordZ, diameter_mm, probability, kind, round, network"),
        (f"{','.join(COLUMNS)}\na,1,2,x,,,missed,1,\n", r"row 2: must be a mined example, but is not .*'x'"),
        (f"{','.join(COLUMNS)}\na,1,2,nan,,,missed,1,\n", "row 2: .*a number that is not finite"),
        (f"{','.join(COLUMNS)}\na,1,2,3,,,odd,1,\n", "row 2: .*kind 'odd'"),
    ],
)
def test_another_table_is_refused_in_a_sentence(tmp_path, text, sentence):
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(LesionkitError, match=sentence):
        read_examples(tmp_path / "m.csv")


def test_a_table_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(LesionkitError, match=r"m\.csv must be a table of mined examples, but cannot be read"):
        read_examples(tmp_path / "m.csv")
