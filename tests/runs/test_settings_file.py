from typing import Literal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, model_validator

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.runs.settings_file import change, differences, parse_assignment, resolve, show


class Smooth(Settings):
    """How the image is smoothed."""

    sigma_mm: float = 1.0
    """Width of the Gaussian."""

    axes: tuple[int, ...] = (0, 1, 2)


class Learn(Settings):
    epochs: int = Field(default=10, ge=1)
    """Passes over the training cases."""

    batch: int | Literal["auto"] = 8
    lr: float = 1e-3
    name: str = "adamw"
    schedule: Literal["cosine", "flat"] = "cosine"
    nothing: str | None = None
    warm_epochs: int = 1

    @model_validator(mode="after")
    def _warm_up_ends(self) -> "Learn":
        if self.warm_epochs > self.epochs:
            raise ValueError("warm_epochs must be at most epochs")
        return self


class Lung(Settings):
    """A preset, and values that follow it."""

    preset: Literal["fast", "slow"] = "fast"
    spacing_mm: float = 2.0
    closing_mm: float = 1.0

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, values: dict) -> dict:
        if values.get("spacing_mm") == 13:
            raise LesionkitError("spacing_mm must not be 13")
        return ({"spacing_mm": 0.5} if values.get("preset") == "slow" else {}) | values


class Everything(Settings):
    seed: int = 0
    smooth: Smooth = Smooth()
    learn: Learn = Learn()
    lung: Lung = Lung(closing_mm=3.0)


def test_a_shown_file_has_a_comment_and_a_value_for_every_setting():
    text = show(Everything(), "Every setting.")
    assert text.startswith("# Every setting.\n\nseed: 0\n")
    assert (
        "# How the image is smoothed.\nsmooth:\n  # Width of the Gaussian.\n  sigma_mm: 1.0\n  axes: [0, 1, 2]\n"
        in text
    )
    assert "  # One of: cosine, flat.\n  schedule: cosine\n" in text


def test_a_shown_file_read_again_is_the_same(tmp_path):
    file = tmp_path / "my.yaml"
    file.write_text(show(Everything(), "title"))
    assert resolve(Everything(), [file]) == Everything()


@given(
    sigma=st.floats(allow_nan=False),
    axes=st.lists(st.integers(), max_size=4),
    name=st.text(),
    nothing=st.none() | st.text(st.characters(codec="utf-8")),
    epochs=st.integers(1, 10**9),
)
def test_what_is_shown_and_read_is_what_it_was(tmp_path_factory, sigma, axes, name, nothing, epochs):
    settings = Everything(
        smooth=Smooth(sigma_mm=sigma, axes=tuple(axes)),
        learn=Learn(name=name, nothing=nothing, epochs=epochs, lr=1e-5),
    )
    assert change(Everything(), yaml.safe_load(show(settings))) == settings


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("learn.epochs=3", ("learn", "epochs"), 3),
        ("learn.lr=1e-4", ("learn", "lr"), "1e-4"),
        ("learn.batch=auto", ("learn", "batch"), "auto"),
        ("learn.name=3", ("learn", "name"), "3"),
        ("learn.name=a=b", ("learn", "name"), "a=b"),
        ("learn.nothing=null", ("learn", "nothing"), None),
        ("smooth.axes=0,1", ("smooth", "axes"), [0, 1]),
        ("smooth.axes=[2]", ("smooth", "axes"), [2]),
        ("seed=7", ("seed",), 7),
    ],
)
def test_a_text_is_read_by_the_type_of_its_field(text, path, value):
    assert parse_assignment(Everything(), text) == (path, value)


def test_a_number_written_with_an_exponent_becomes_a_number():
    assert resolve(Everything(), assignments=["learn.lr=1e-4"]).learn.lr == 0.0001


def test_texts_win_over_files_and_later_over_earlier(tmp_path):
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("learn: {epochs: 3, lr: 0.5}\nseed: 1")
    second.write_text("learn:\n  epochs: 4\n")
    settings = resolve(Everything(), [first, second], ["seed=2", "seed=3"])
    assert (settings.learn.epochs, settings.learn.lr, settings.seed) == (4, 0.5, 3)


def test_values_that_fit_only_together_are_checked_together():
    settings = resolve(Everything(), assignments=["learn.warm_epochs=20", "learn.epochs=30"])
    assert settings.learn.warm_epochs == 20


def test_another_preset_brings_its_own_values():
    slow = resolve(Everything(), assignments=["lung.preset=slow"])
    assert slow.lung == Lung(preset="slow", spacing_mm=0.5, closing_mm=1.0)
    assert resolve(slow, assignments=["lung.preset=fast"]).lung == Lung()
    assert resolve(slow, assignments=["lung.preset=slow", "lung.closing_mm=7"]).lung.spacing_mm == 0.5


def test_one_changed_value_leaves_the_others_of_its_group():
    assert resolve(Everything(), assignments=["lung.spacing_mm=4"]).lung == Lung(spacing_mm=4, closing_mm=3)


def test_what_a_group_says_of_its_own_values_is_passed_on_with_its_source(tmp_path):
    (tmp_path / "my.yaml").write_text("seed: 1\nlung: {spacing_mm: 13}\n")
    with pytest.raises(LesionkitError, match=r"my.yaml, line 2: spacing_mm must not be 13"):
        resolve(Everything(), [tmp_path / "my.yaml"])


def test_an_empty_file_changes_nothing(tmp_path):
    file = tmp_path / "empty.yaml"
    file.write_text("# nothing\n")
    assert resolve(Everything(), [file]) == Everything()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("learn.epoks=3", r"^--set learn.epoks=3: unknown setting 'learn.epoks'; did you mean 'learn.epochs'\?$"),
        ("lern.epochs=3", r"unknown setting 'lern'; did you mean 'learn'\?"),
        ("zzz=3", r"unknown setting 'zzz'; the recipe has seed, smooth, learn, lung"),
        ("learn.zzzzzz=3", r"unknown setting 'learn.zzzzzz'; learn has epochs, batch"),
        ("learn.epochs", r"--set needs stage.field=value, got 'learn.epochs'"),
        ("=3", r"--set needs stage.field=value, got '=3'"),
        ("seed.x=3", r"'seed' is one value, not a group"),
        ("learn.epochs=many", r"--set learn.epochs=many: setting 'learn.epochs': .*valid integer.*got 'many'"),
        ("learn.epochs=0", r"setting 'learn.epochs': Input should be greater than or equal to 1, got 0"),
        ("learn.schedule=linear", r"setting 'learn.schedule': Input should be 'cosine' or 'flat', got 'linear'"),
        ("learn.warm_epochs=11", r"setting 'learn': warm_epochs must be at most epochs$"),
        ("learn=3", r"setting 'learn': .*Learn.*got 3"),
    ],
)
def test_a_text_that_does_not_fit_is_refused_by_name(text, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        resolve(Everything(), assignments=[text])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            "seed: 1\nlearn:\n  epoks: 3\n",
            r"my.yaml, line 3: unknown setting 'learn.epoks'; did you mean 'learn.epochs'",
        ),
        ("seed: 1\nlearn:\n  epochs: x\n", r"my.yaml, line 3: setting 'learn.epochs': .*got 'x'"),
        ("smooth:\n  axes: [0, 1, q]\n", r"my.yaml, line 2: setting 'smooth.axes.2': .*got 'q'"),
        ("learn:\n  warm_epochs: 90\n", r"my.yaml, line 1: setting 'learn': warm_epochs must be at most epochs"),
        ("seed: 1\nseed: 2\n", r"my.yaml, line 2: 'seed' is given twice"),
        ("seed: [1\n", r"my.yaml, line 2: not valid YAML"),
        ("- 1\n- 2\n", r"my.yaml: must hold 'field: value' lines in groups, got one list"),
        ("seed: \x01\n", r"my.yaml: not valid YAML"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_its_line(tmp_path, content, sentence):
    file = tmp_path / "my.yaml"
    file.write_text(content)
    with pytest.raises(LesionkitError, match=sentence):
        resolve(Everything(), [file])


def test_a_missing_settings_file_is_named(tmp_path):
    with pytest.raises(LesionkitError, match=r"cannot read settings file .*none.yaml: No such file"):
        resolve(Everything(), [tmp_path / "none.yaml"])


def test_a_settings_file_that_is_no_text_is_refused(tmp_path):
    file = tmp_path / "scan.yaml"
    file.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(LesionkitError, match="must be UTF-8 text; is it a settings file"):
        resolve(Everything(), [file])


def test_differences_name_what_is_new_and_what_is_gone():
    assert differences({"a": 1, "b": {"c": [1]}}, {"b": {"c": [1], "d": "x"}}) == [
        "a was 1 and is null now",
        "b.d was null and is x now",
    ]
