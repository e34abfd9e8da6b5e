from pathlib import Path

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.guest.config import BundleConfig, numbers, read_config


def config(**values) -> BundleConfig:
    return BundleConfig(Path("inference.json"), values)


def test_references_are_followed_to_plain_values_and_expressions_are_not_run(tmp_path):
    mark = tmp_path / "run"
    given = config(a="@b", b=[1, "@c"], c=3, code=f"$open({str(mark)!r}, 'w')")
    assert given.plain("@a") == [1, 3]
    assert given.plain("@code") is None
    assert given.calls(given.values["code"])[0].positional == (str(mark), "w")
    assert not mark.exists()


def test_a_circle_of_references_ends():
    given = config(a="@b", b="@a")
    assert given.plain("@a") is None


@pytest.mark.parametrize("text", [3, None, "no expression", "$f(", "$" + "(" * 300, "$\0"])
def test_what_is_no_expression_makes_no_calls(text):
    assert config().calls(text) == []


def test_a_component_is_found_wherever_it_stands_by_the_end_of_its_name():
    given = config(preprocessing={"transforms": [{"_target_": "monai.transforms.Spacingd", "pixdim": [1, 2, 3]}]})
    assert given.component("Spacingd")["pixdim"] == [1, 2, 3]
    assert given.component("Orientationd") is None
    assert given.targets() == ["Spacingd"]


def test_yaml_is_read_too_and_damage_is_one_sentence(tmp_path):
    (tmp_path / "a.yaml").write_text("size: [1, 2]\n")
    assert read_config(tmp_path / "a.yaml").values == {"size": [1, 2]}
    for name, text, said in (
        ("b.json", "{", "must be JSON or YAML, but is damaged"),
        ("c.yaml", "a: [", "must be JSON or YAML, but is damaged"),
        ("d.json", "[]", "must hold names with values, got list"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(LesionkitError, match=said):
            read_config(tmp_path / name)
    with pytest.raises(LesionkitError, match="cannot be read"):
        read_config(tmp_path / "none.json")


def test_numbers_are_a_list_of_plain_numbers():
    assert numbers([1, 2.5], 2) == (1.0, 2.5)
    assert [numbers(value, 2) for value in ([1], "12", [1, None], [1, True], None)] == [None] * 5
