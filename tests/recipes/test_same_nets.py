from pathlib import Path

import pytest
from typer.testing import CliRunner

from lesionkit.cli.main import app
from lesionkit.core.errors import LesionkitError
from lesionkit.recipes import load_recipe
from lesionkit.recipes.same_nets import refuse_other_nets
from lesionkit.runs.settings_file import resolve

CHANGED = [
    ("ct-nodule", "net.channels", "[8, 8, 8, 8]", "net.channels must be "),
    ("ct-nodule-rpn", "net.dropout", "0.5", "net.dropout must be 0.1, got 0.5"),
    ("ct-nodule-slices", "net.norm", "false", "net.norm must be True, got False"),
    (
        "ct-nodule-two-stage",
        "classify.nets",
        "[{architecture: vgg simple}]",
        "classify.nets.0.architecture must be resnet",
    ),
    ("slide-metastasis", "net.encoder", "narrow", "net.encoder must be tf_efficientnet_lite0, got narrow"),
    ("xray-pneumothorax", "net.architecture", "unet", "members.small.net.architecture must be "),
]


@pytest.mark.parametrize(("recipe", "name", "value", "message"), CHANGED)
def test_a_training_that_goes_on_goes_on_with_the_network_of_its_model(recipe, name, value, message):
    given = load_recipe(recipe).model_settings(None)
    refuse_other_nets(given, given, Path(recipe))
    with pytest.raises(LesionkitError) as caught:
        refuse_other_nets(resolve(given, assignments=[f"{name}={value}"]), given, Path(recipe))
    assert message in str(caught.value)
    assert str(caught.value).endswith("leave it as it is, or train without --from")


def test_what_the_model_has_not_begins_anew_and_how_it_began_is_no_matter():
    given = load_recipe("ct-nodule-two-stage").model_settings(None)
    more = {"classify.nets": "[{architecture: resnet}, {architecture: vgg simple}]", "net.pretrained": "false"}
    refuse_other_nets(resolve(given, assignments=[f"{name}={value}" for name, value in more.items()]), given, Path("m"))


@pytest.mark.parametrize("recipe", ["ct-nodule", "slide-metastasis", "xray-pneumothorax"])
def test_it_is_refused_before_anything_is_read(recipe, tmp_path):
    (tmp_path / "data").mkdir()
    words = ["train", recipe, tmp_path / "data", "--from", recipe, "--out", tmp_path / "out"]
    name, value = next((name, value) for one, name, value, _ in CHANGED if one == recipe)
    result = CliRunner().invoke(app, [*map(str, words), "--set", f"{name}={value}"])
    assert result.exit_code == 2
    assert "goes on with its network" in " ".join(result.output.split())
