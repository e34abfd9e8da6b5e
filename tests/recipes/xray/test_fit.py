import numpy as np
import pytest

from lesionkit.recipes.xray.fit import PseudoEntries, Shown
from lesionkit.recipes.xray.members import with_values
from lesionkit.recipes.xray.settings import SMALL
from lesionkit.sample.balance import BalanceSettings
from lesionkit.sample.pictures import Entry

POSITIVE = [number < 4 for number in range(20)]
PART = SMALL.learn.parts[0]


class Numbers:
    def __len__(self):
        return 20

    def image(self, number):
        return np.full((256, 256), number, np.uint8)

    def mask(self, number):
        return np.zeros((256, 256), bool)


def shown(share, pseudo=None):
    member = with_values(SMALL, balance=(BalanceSettings(knots=((0, share),)),))
    return Shown.of(member, Numbers(), range(20), POSITIVE, pseudo)


def numbers(pictures):
    return [entry.number for entry in pictures.entries]


def test_an_epoch_follows_from_the_seed_and_its_number_alone():
    first, again, other = (numbers(shown(0.5)(epoch, 0, PART)) for epoch in (3, 3, 4))
    assert first == again != other


@pytest.mark.parametrize("share", [0.25, 0.5, 0.8])
def test_so_many_of_an_epoch_are_positive(share):
    epoch = numbers(shown(share)(0, 0, PART))
    assert sum(number < 4 for number in epoch) / len(epoch) == pytest.approx(share, abs=0.05)


def test_pseudo_labelled_pictures_are_mixed_in():
    drawn = Numbers()
    pseudo = PseudoEntries([Entry(drawn, n) for n in range(20)], POSITIVE, share=0.5)
    entries = shown(0.5, pseudo)(0, 0, PART).entries
    assert 0 < sum(entry.pictures is drawn for entry in entries) < len(entries)
