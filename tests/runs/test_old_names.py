"""Who writes an old name is told the new one: on the command line, in a file, in a run folder, in a model."""

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes import RECIPES, load_recipe
from lesionkit.runs.old_names import NEW_NAMES, kept_settings
from lesionkit.runs.run_folder import open_run
from lesionkit.runs.settings_file import parse_assignment, resolve

SLIDES = "slide-metastasis"


@pytest.mark.parametrize("old", NEW_NAMES)
def test_an_old_name_is_refused_with_the_new_one_however_it_is_given(old, tmp_path):
    recipe = next(
        (r for r in map(load_recipe, RECIPES) if hasattr(r.settings(), old.split(".")[0])), load_recipe(SLIDES)
    )
    says = f"{old} is now called {NEW_NAMES[old]}"
    with pytest.raises(LesionkitError) as refused:
        resolve(recipe.settings(), (), [f"{old}=1"])
    assert says in str(refused.value)
    file, parts = tmp_path / "my.yaml", old.split(".")
    file.write_text("".join(f"{'  ' * depth}{part}:\n" for depth, part in enumerate(parts)).rstrip() + " 1\n")
    with pytest.raises(LesionkitError) as refused:
        resolve(recipe.settings(), [file])
    assert f"line {len(parts)}: {says}" in str(refused.value)


@pytest.mark.parametrize("old", NEW_NAMES)
def test_no_recipe_has_an_old_name(old):
    for name in RECIPES:
        with pytest.raises(LesionkitError):
            parse_assignment(load_recipe(name).settings(), f"{old}=1")


def test_old_names_are_found_in_members_of_an_ensemble():
    recipe = load_recipe("xray-pneumothorax")
    member = recipe.settings().members[0].model_dump(mode="json")
    member["learn"]["most_minutes"] = member["learn"].pop("minutes")
    with pytest.raises(LesionkitError, match=r"members\.learn\.most_minutes is now called members\.learn\.minutes"):
        resolve(recipe.settings(), (), [f"members={[member]}"])


def test_a_model_of_before_is_refused_with_what_to_do(tmp_path):
    recipe = load_recipe("xray-pneumothorax")
    with pytest.raises(LesionkitError, match=r"m\.safetensors was made by an earlier lesionkit: split\.test_share"):
        kept_settings(recipe.settings, {"split": {"test_share": 0.1}}, tmp_path / "m.safetensors")


def test_a_run_folder_of_before_is_refused_with_what_to_do(tmp_path):
    recipe = load_recipe("ct-nodule")
    with open_run(tmp_path / "run", recipe.name, recipe.settings(), {}):
        pass
    record = tmp_path / "run/run.json"
    record.write_text(record.read_text().replace('"every_fold"', '"trained"'))
    with (
        pytest.raises(LesionkitError, match=r"split\.trained is now called .* in a new folder \(--out NEW"),
        open_run(tmp_path / "run", recipe.name, recipe.settings(), {}),
    ):
        pass
