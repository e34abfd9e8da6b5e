from collections import Counter

import numpy as np

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Lesion
from lesionkit.sample.draw import PatchDraws
from lesionkit.sample.draw_settings import SampleSettings
from lesionkit.sample.mined_draws import MinedDraws, MinedPlaces

IMAGE = ArrayImage(Grid.upright((40, 40, 40), (1, 1, 1)), np.zeros((40, 40, 40), np.int16))
CASE = Case("c", "p", IMAGE, truth=(Lesion((10.0, 10.0, 10.0), 6.0), Lesion((30.0, 30.0, 30.0), 6.0)))
ALARM = {"c": np.array([[20.0, 20.0, 20.0]])}
SETTINGS = SampleSettings(patch=32, lesion_share=1.0, insert_share=0.0)


def deck(mined, kind=MinedDraws, **more):
    return kind([CASE], SETTINGS, lambda patch: {}, seed=0, length=100, **({"mined": mined} if mined else {}), **more)


def kinds(patches, count=1000):
    return Counter(patches.chosen_kind(np.random.default_rng([1, n])) for n in range(count))


def test_mined_places_have_their_shares_and_the_rest_is_drawn_as_ever():
    places = MinedPlaces(ALARM, {"c": np.array([[30.0, 30.0, 30.0]])}, alarm_share=0.2, lesion_share=0.5)
    found = kinds(deck(places))
    assert abs(found["hard"] - 200) < 50
    assert abs(found["again"] - 500) < 60
    assert abs(found["lesion"] - 300) < 50


def test_a_mined_lesion_is_the_one_at_the_place_and_no_other():
    patches = deck(MinedPlaces({}, {"c": np.array([[30.0, 30.0, 30.001]])}))
    assert {patches.lesion_again(np.random.default_rng(n)) for n in range(20)} == {(0, 1)}


def test_a_share_of_which_there_is_no_place_is_drawn_as_ever():
    assert set(kinds(deck(MinedPlaces()), 50)) == {"lesion"}
    # And a place where there is no lesion of the truth is none.
    assert set(kinds(deck(MinedPlaces({}, {"c": np.array([[1.0, 1.0, 1.0]])})), 50)) == {"lesion"}


def test_the_same_number_is_the_same_patch_and_the_deck_without_mining_is_unchanged():
    places = MinedPlaces(ALARM, {"c": np.array([[30.0, 30.0, 30.0]])})
    one, other = (deck(places).draw(7) for _ in range(2))
    assert (one.hu == other.hu).all()
    plain = deck(None, PatchDraws).draw(3)
    assert plain.hu.shape == (32, 32, 32)
