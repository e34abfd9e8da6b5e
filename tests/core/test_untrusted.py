import pytest
import yaml

from lesionkit.core.errors import LesionkitError
from lesionkit.core.untrusted import parse_yaml, read_as, read_json, reads, told

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}]\n"
    for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "error",
    [
        KeyError("x"),
        TypeError("'int' object is not iterable"),
        RecursionError("too deep"),
        OverflowError(),
        Exception(),
    ],
)
def test_whatever_a_parser_trips_over_is_one_sentence_with_its_cause(error):
    @reads("an outline", "draw it again")
    def read(path):
        raise error

    with pytest.raises(
        LesionkitError, match=r"^a\.xml must be an outline, but is damaged .*; draw it again$"
    ) as caught:
        read("a.xml")
    assert caught.value.__cause__ is error
    assert "\n" not in str(caught.value)


def test_a_sentence_of_ours_and_want_of_memory_go_through():
    for error in (LesionkitError("a slice is missing"), MemoryError()):
        with pytest.raises(type(error)), read_as("a", "a scan"):
            raise error


def test_a_file_that_is_not_there_or_may_not_be_read_is_said_so(tmp_path):
    with pytest.raises(LesionkitError, match=r"cannot read .*x\.json: No such file or directory; check the path"):
        read_json(tmp_path / "x.json", "splits")


@pytest.mark.parametrize("text", [b"{", b"\xff\xfe", b"[" * 100_000, b'{"a": 1e}', b""])
def test_what_is_no_json_is_one_sentence_however_deep_it_is(tmp_path, text):
    (tmp_path / "x.json").write_bytes(text)
    with pytest.raises(LesionkitError, match=r"x\.json must be splits, but is damaged or of another form"):
        read_json(tmp_path / "x.json", "splits")


def test_json_with_a_mark_of_its_coding_is_read(tmp_path):
    (tmp_path / "x.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(tmp_path / "x.json", "splits") == {"a": 1}


def test_a_bomb_of_aliases_and_one_that_holds_itself_are_refused():
    for text in (BOMB, "a: &a [*a]"):
        with pytest.raises(ValueError, match="its aliases stand for more than 1000000 values"):
            parse_yaml(text)


def test_yaml_gives_values_and_places_and_runs_nothing():
    values, node = parse_yaml("a: &x [1, 2]\nb: *x\n")
    assert values == {"a": [1, 2], "b": [1, 2]}
    assert [key.value for key, _ in node.value] == ["a", "b"]
    with pytest.raises(yaml.YAMLError):
        parse_yaml("!!python/object/apply:os.system ['true']")
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_yaml("[" * 5000)


def test_what_an_error_says_is_short_and_on_one_line():
    assert told(ValueError("a\nb")) == "ValueError: a"
    assert len(told(ValueError("x" * 5000))) < 200
    assert told(KeyError()) == "KeyError"
