import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.infer.screen import ScreenSettings
from lesionkit.nets.model_file import read_card
from lesionkit.recipes import load_recipe
from lesionkit.recipes.card import NOTICE, card_of_run, shareable, sources_of, without_path
from lesionkit.recipes.ct.settings import CtNodule
from lesionkit.runs.old_names import old_names
from lesionkit.runs.run_folder import open_run
from lesionkit.runs.settings_file import change

MADE = {
    "ct-nodule": {
        "read": {"series": "1.2.3", "allow_gaps": True},
        "partial_truth": True,
        "sample": {"nodules": "/home/me/bank"},
        "learn": {"workers": 77, "device": "cuda:3", "devices": 2, "steps": 5},
        "infer": {"device": "cuda:3"},
        "engine": {"backend": "here", "workers": 77},
    },
    "xray-pneumothorax-2nd": {
        "unlabelled": {"images": "/home/me/a", "labels": "/home/me/b"},
        "lung": {"model": "/home/me/c"},
        "learn": {"workers": 77, "device": "cuda:3", "devices": 2, "epochs": 5},
        "infer": {"device": "cuda:3"},
        "engine": {"backend": "here", "workers": 77},
    },
    "slide-metastasis": {
        "read": {"mpp": 0.4567},
        "score": {"level_0_um": 0.4567, "downsample": 77},
        "labelled": "/home/me/patches",
        "learn": {"workers": 77, "device": "cuda:3", "devices": 2, "steps": 5},
        "infer": {"device": "cuda:3", "threads": 77},
        "members": [{"name": "a", "learn": {"workers": 77, "device": "cuda:3"}}, {"name": "b"}],
        "engine": {"backend": "here", "workers": 77},
    },
}
"""Recipe -> settings of which all but steps and epochs are of the machine or the files of the maker."""


@pytest.mark.parametrize("name", MADE)
def test_a_model_carries_no_place_no_device_and_no_reading_of_its_maker(name):
    settings = change(load_recipe(name).settings(), MADE[name])
    told = shareable(settings)
    text = json.dumps(told)
    assert not [word for word in ("/home/me", "cuda:3", "1.2.3", "0.4567", "77") if word in text]
    plain = load_recipe(name).settings()
    assert told["engine"] == plain.engine.model_dump(mode="json")
    assert 5 in (told["learn"].get("steps"), told["learn"].get("epochs"))


@pytest.mark.parametrize("name", ["ct-nodule", "xray-pneumothorax", "xray-pneumothorax-4th", "slide-metastasis"])
def test_settings_that_say_only_what_the_model_is_are_carried_as_they_are(name):
    settings = load_recipe(name).settings()
    assert type(settings).parse(shareable(settings)) == settings


class Inner(Settings):
    rate: float = 0.1
    device: str = "auto"


class Outer(Settings):
    inner: Inner = Inner()
    several: tuple[Inner, ...] = ()
    sides: tuple[int, ...] = (1, 2)
    place: Path | None = None
    threads: int = 2


@given(st.builds(Outer, inner=st.builds(Inner), several=st.lists(st.builds(Inner), max_size=2).map(tuple)))
def test_what_is_carried_carries_nothing_more_when_it_is_carried_on(settings):
    once = Outer.parse(shareable(settings))
    assert shareable(once) == shareable(settings)
    assert [one.rate for one in once.several] == [one.rate for one in settings.several]
    assert (once.place, once.threads, once.sides) == (None, 2, settings.sides)
    assert {once.inner.device, *(one.device for one in once.several)} == {"auto"}


def test_inputs_are_told_by_content_and_not_by_place(tmp_path):
    (tmp_path / "data.csv").write_text("a\n")
    with open_run(tmp_path / "r", "toy", Outer(), {"data": tmp_path / "data.csv", "search": "rate"}) as run:
        card = card_of_run(run, Outer(place=tmp_path))
    assert (card["recipe"], card["notice"], card["inputs"]["search"]) == ("toy", NOTICE, "rate")
    assert card["inputs"]["data"]["files"] == 1
    assert str(tmp_path) not in json.dumps(card)
    assert without_path("rate") == "rate"


@pytest.mark.parametrize("name", ["ct-nodule", "xray-pneumothorax", "slide-metastasis"])
def test_shipped_models_hold_todays_settings_and_no_machine(name):
    card = read_card(load_recipe(name).shipped_models()[name])
    assert not list(old_names(card["settings"]))
    assert "platform" not in card["versions"]
    assert "lesionkit" in card["versions"]
    assert "path" not in json.dumps(card["inputs"])


def test_the_command_that_trains_alike_names_what_was_changed_and_no_place(tmp_path):
    recipe = load_recipe("ct-nodule")
    settings = change(recipe.settings(), {"learn": {"steps": 5}, "sample": {"nodules": str(tmp_path)}})
    with open_run(tmp_path / "r", recipe.name, settings, {}) as run:
        card = card_of_run(run, settings)
    assert card["command"] == "lesionkit train ct-nodule DATA --set learn.steps=5"


def test_phantoms_tell_that_they_are_synthetic_and_other_folders_what_is_written_beside_them(tmp_path):
    (tmp_path / "phantoms.json").write_text(
        '{"made_by": "lesionkit 1 phantom ct", "asked": {"seed": 3, "settings": {}}}'
    )
    (source,) = sources_of(tmp_path)
    assert (source["name"], source["synthetic"], source["note"]) == ("lesionkit 1 phantom ct", True, "seed 3")
    (tmp_path / "about.yaml").write_text("data: [{name: LIDC-IDRI-0001, synthetic: false, licence: CC BY 3.0}]")
    assert sources_of(tmp_path) == [{"name": "LIDC-IDRI-0001", "synthetic": False, "licence": "CC BY 3.0"}]


def test_of_other_folders_nothing_is_known(tmp_path):
    assert sources_of(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("owner: me", "but has an entry 'owner'"),
        ("data: [{licence: CC0}]", "but has a source without a name"),
        ("data: 7", "but is not"),
        ("[", "but is not"),
    ],
)
def test_what_is_written_of_data_has_known_entries(tmp_path, text, says):
    (tmp_path / "about.yaml").write_text(text)
    with pytest.raises(LesionkitError, match=f"must (have|be YAML with) entries of data, licence.*{says}"):
        sources_of(tmp_path)


def test_paths_of_several_folders_stay_with_their_maker_too():
    settings = load_recipe("slide-metastasis").settings().model_copy(update={"labelled": (Path("/a/b"), Path("/a/c"))})
    assert shareable(settings)["labelled"] is None


@pytest.mark.parametrize(("named", "kept"), [("ct-nodule", "ct-nodule"), ("runs/mine", None), (None, None)])
def test_a_faster_model_stays_in_a_card_where_every_user_has_it(named, kept):
    assert shareable(CtNodule(screen=ScreenSettings(model=named)))["screen"]["model"] == kept
