import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.guest.described_settings import read_description

GOOD = {"kind": "ct-nodule", "file": "a.ts", "spacing": 1.0, "output": "logits"}


def write(folder, **values):
    path = folder / "lesionkit.yaml"
    rows = {**GOOD, "intensity": "{range: [-1000, 400]}", **values}
    path.write_text("".join(f"{name}: {value}\n" for name, value in rows.items() if value is not None))
    return path


def test_five_lines_describe_a_model(tmp_path):
    given = read_description(write(tmp_path))
    assert (given.spacing, given.intensity.to, given.axes, given.multiple) == (1.0, (0.0, 1.0), "zyx", 32)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"kind": "mri"}, "setting 'kind'"),
        ({"file": "../a.ts"}, "must name a file beside lesionkit.yaml"),
        ({"file": "a.pkl"}, "that ends in .ts, .pt, .pth, .onnx"),
        ({"spacing": None}, "setting 'spacing': Field required"),
        ({"spacing": -1}, "spacing must be positive"),
        ({"intensity": "{range: [5, 5]}"}, "range must rise"),
        ({"kind": "slide-metastasis", "output": "boxes"}, "has one spacing in µm per pixel, and a map"),
        ({"kind": "slide-metastasis", "spacing": "[1, 1, 1]"}, "has one spacing in µm per pixel, and a map"),
        ({"window": "[32, 32, 32]"}, "window must be larger than twice the halo of 16"),
        ({"colour": "red"}, "unknown setting 'colour'"),
    ],
)
def test_what_does_not_fit_is_named_with_the_file(tmp_path, values, said):
    with pytest.raises(LesionkitError, match=f"lesionkit.yaml: .*{said}"):
        read_description(write(tmp_path, **values))


def test_what_is_no_yaml_is_one_sentence(tmp_path):
    (tmp_path / "a.yaml").write_text("[")
    (tmp_path / "b.yaml").write_text("3")
    with pytest.raises(LesionkitError, match="must describe a model in YAML"):
        read_description(tmp_path / "a.yaml")
    with pytest.raises(LesionkitError, match="must hold kind, file, spacing, intensity and output, got int"):
        read_description(tmp_path / "b.yaml")
