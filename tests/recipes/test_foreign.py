import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.infer.detect_settings import InferSettings
from lesionkit.nets.model_file import complete_card, read_arrays, read_card
from lesionkit.nets.nodule_net import NoduleNet
from lesionkit.nets.nodule_net_settings import NoduleNetSettings
from lesionkit.nets.weights import save_model
from lesionkit.recipes.foreign import familiar_of, foreign_allowed, learn_foreign, spaced, tell_foreign

FAR_AWAY = np.full((1, 4), 50, np.float32)


def images():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(1, 4)).astype(np.float32) for _ in range(20)]


@pytest.fixture
def plain(tmp_path):
    net = NoduleNet(NoduleNetSettings(channels=(16, 16, 16, 16), blocks=(1, 1, 1, 1)))
    familiar_of.cache_clear()
    return save_model(tmp_path / "m.safetensors", net, {"recipe": "ct-nodule"})


@pytest.fixture
def model(plain):
    learn_foreign(plain, images())
    return plain


def test_a_model_that_remembers_nothing_says_that_it_cannot_tell(plain):
    told = tell_foreign(plain, FAR_AWAY, "refuse", "scan", "a")
    assert (told.facts["unlikeness"], list(told.warnings)) == (None, [])


def test_the_card_says_what_the_limit_is_made_of(model):
    entry = read_card(model)["foreign"]
    assert (entry["images"], entry["quantile"], entry["refused from"]) == (20, 0.99, 2.5)


def test_near_ones_pass_farther_ones_are_warned_of_and_far_ones_refused_unless_allowed(model):
    near = tell_foreign(model, np.zeros((1, 4), np.float32), "refuse", "scan", "a")
    assert near.facts["unlikeness"] < 1
    assert not near.warnings
    limit = familiar_of(model).limit
    farther = tell_foreign(model, np.full((1, 4), 1.5 * limit, np.float32), "refuse", "scan", "a")
    assert "times as far from the scans that the model learned from as 99% of such lie" in farther.warnings[0]
    with pytest.raises(LesionkitError, match=r"a lies .*insist with --set infer.foreign=allow"):
        tell_foreign(model, FAR_AWAY, "refuse", "scan", "a")
    assert len(tell_foreign(model, FAR_AWAY, "allow", "scan", "a").warnings) == 1


def test_an_image_of_which_nothing_was_seen_is_not_judged(model):
    assert tell_foreign(model, np.zeros((0, 0), np.float32), "refuse", "slide", "a").facts == {"unlikeness": None}


def test_what_is_of_another_network_is_refused(model):
    with pytest.raises(LesionkitError, match=r"cannot be used \(4 features are expected and the network has 3\)"):
        tell_foreign(model, np.zeros((1, 3), np.float32), "refuse", "scan", "a")
    complete_card(model, {"foreign": read_card(model)["foreign"] | {"weights": "0"}})
    familiar_of.cache_clear()
    with pytest.raises(LesionkitError, match="it is of other weights"):
        familiar_of(model)


def test_what_is_damaged_is_refused(model):
    complete_card(model, {}, {"foreign.limit": np.array([np.nan], np.float32)})
    familiar_of.cache_clear()
    with pytest.raises(LesionkitError, match=r"cannot be used .*not finite.*; copy the model again"):
        familiar_of(model)


def test_too_few_images_leave_a_model_as_it_was(plain):
    assert "3 or more" in learn_foreign(plain, images()[:2])["reason"]
    assert read_arrays(plain) == {}


def test_a_run_scores_all_of_its_own_images():
    class Recipe(Settings):
        infer: InferSettings = InferSettings()

    assert foreign_allowed(Recipe()).infer.foreign == "allow"
    assert foreign_allowed(InferSettings()) == InferSettings()


def test_some_of_many_are_evenly_spaced():
    assert spaced([1, 2, 3], 5) == [1, 2, 3]
    assert spaced(list(range(100)), 2) == [0, 99]
