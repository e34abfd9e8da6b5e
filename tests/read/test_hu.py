import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.read.hu import as_hu, refuse_no_hu


def chest(shape=(12, 40, 40)):
    """Air around a body of 40 HU with lungs of -850, noise of 20."""
    hu = np.full(shape, -1000.0)
    hu[:, 5:35, 5:35] = 40
    hu[:, 10:30, 10:18] = hu[:, 10:30, 22:30] = -850
    return hu + np.random.default_rng(0).normal(0, 20, shape)


def unsigned(values):
    return np.rint(values).astype(np.int16).view(np.uint16)


WRONG = {
    "stored values": (chest() + 1024, "got .* to .*; this looks like stored values without rescale"),
    "stored values with padding": (
        np.pad(chest() + 1024, ((0, 0), (5, 5), (5, 5)), constant_values=-2000),
        "beside padding they are .* stored values without rescale",
    ),
    "unsigned flag on signed values": (
        unsigned(chest()),
        "but [0-9]+% do: most likely negative values were stored as large",
    ),
    "12 bits without their sign": (unsigned(chest()) & 0xFFF, "negative values were stored as large"),
    "a mask": ((chest() > 0).astype(np.uint8), r"scaled image \(0..1\) or a mask"),
}


@pytest.mark.parametrize("name", WRONG)
def test_values_that_are_no_hu_are_recognised(name):
    values, message = WRONG[name]
    with pytest.raises(LesionkitError, match=message):
        as_hu(values, values.shape)


def test_a_chest_with_any_padding_is_hu():
    for padding in (-3024, -2048, -1024):
        padded = np.pad(chest(), ((0, 0), (30, 30), (30, 30)), constant_values=padding)
        hu = as_hu(padded, padded.shape)
        assert (hu.dtype, hu.min(), hu.shape) == (np.int16, -1024, padded.shape)


def test_metal_and_a_plain_phantom_are_hu():
    hu = chest()
    hu[:, 20:24, 18:22] = 20000
    refuse_no_hu(np.clip(hu, -1024, 32767).astype(np.int16))
    phantom = np.full((12, 40, 40), 40, np.int16)
    phantom[:, :10] = -1000
    refuse_no_hu(phantom)


def test_slices_are_converted_one_by_one():
    seen = []

    def slices():
        for values in chest():
            seen.append(len(seen))
            yield values

    assert as_hu(slices(), (12, 40, 40)).shape == (12, 40, 40)
    assert len(seen) == 12
