import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.infer.foreign import FAR, Familiar, learn_familiar

RNG = np.random.default_rng(0)


def images(count, centre, blocks=5, channels=4):
    return [(RNG.normal(centre, 1.0, (blocks, channels))).astype(np.float32) for _ in range(count)]


def test_images_of_the_same_source_lie_within_the_limit_and_others_far_beyond():
    familiar = learn_familiar(images(40, 0.0))
    near = [familiar.unlikeness(rows) for rows in images(100, 0.0)]
    assert np.mean(np.array(near) <= 1) >= 0.9
    assert min(familiar.unlikeness(rows) for rows in images(20, 10.0)) > FAR


def test_two_sources_that_lie_apart_are_both_familiar_and_what_lies_between_them_is_not():
    familiar = learn_familiar([*images(20, -20.0), *images(20, 20.0)])
    assert len(familiar.means) == 2
    both = [familiar.unlikeness(rows) for centre in (-20.0, 20.0) for rows in images(20, centre)]
    assert np.mean(np.array(both) <= 1) >= 0.9
    assert min(familiar.unlikeness(rows) for rows in images(5, 0.0)) > FAR


def test_a_few_images_that_lie_apart_are_no_group_of_their_own():
    assert len(learn_familiar([*images(20, 0.0), *images(3, 20.0)]).means) == 1


def test_the_distance_is_the_one_of_mahalanobis_per_channel_and_of_many_blocks_the_median():
    familiar = Familiar(np.zeros((1, 2), np.float32), np.diag([1.0, 0.5]).astype(np.float32)[None], limit=2.0)
    assert familiar.distance(np.array([[3.0, 8.0]], np.float32)) == pytest.approx(np.sqrt((9 + 16) / 2))
    rows = np.array([[0, 0], [2, 0], [100, 0]], np.float32)
    assert familiar.distance(rows) == pytest.approx(np.sqrt(2))
    assert familiar.unlikeness(rows) == pytest.approx(np.sqrt(2) / 2)


def test_channels_that_never_change_and_images_that_are_all_alike_make_no_trouble():
    still = [np.concatenate([rows, np.ones((5, 1), np.float32)], axis=1) for rows in images(12, 0.0)]
    assert np.isfinite(learn_familiar(still).unlikeness(still[0]))
    alike = [np.ones((1, 3), np.float32)] * 4
    assert learn_familiar(alike).means.shape == (1, 3)


def test_what_is_not_finite_lies_infinitely_far():
    familiar = learn_familiar(images(12, 0.0))
    assert familiar.unlikeness(np.full((1, 4), np.nan, np.float32)) == float("inf")


def test_it_survives_being_kept_as_arrays():
    familiar = learn_familiar(images(12, 0.0))
    again = Familiar.of_arrays(familiar.arrays())
    rows = images(1, 1.0)[0]
    assert again.unlikeness(rows) == pytest.approx(familiar.unlikeness(rows), rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"foreign.means": None}, "arrays are missing"),
        ({"foreign.whitenings": np.zeros((1, 3, 3), np.float32)}, "do not belong together"),
        ({"foreign.limit": np.array([np.nan], np.float32)}, "not finite"),
        ({"foreign.limit": np.zeros(1, np.float32)}, "not finite"),
    ],
)
def test_damaged_arrays_are_refused(changes, why):
    arrays = {
        name: value for name, value in (learn_familiar(images(12, 0.0)).arrays() | changes).items() if value is not None
    }
    with pytest.raises(ValueError, match=why):
        Familiar.of_arrays(arrays)


def test_features_of_another_network_are_refused():
    with pytest.raises(ValueError, match="4 features are expected and the network has 3"):
        learn_familiar(images(12, 0.0)).unlikeness(np.zeros((1, 3), np.float32))


def test_too_few_images_and_features_that_are_not_finite_teach_nothing():
    with pytest.raises(LesionkitError, match="3 or more that the model learned from are needed, got 2"):
        learn_familiar([*images(2, 0.0), np.zeros((0, 4), np.float32)])
    with pytest.raises(LesionkitError, match="must be finite"):
        learn_familiar([*images(3, 0.0), np.full((1, 4), np.inf, np.float32)])
