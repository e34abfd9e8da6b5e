import numpy as np
import pytest
import torch

from lesionkit.core.errors import LesionkitError
from lesionkit.sample.augment_slide_settings import NO_SLIDE_AUGMENTATION, SlideAugmentSettings
from lesionkit.sample.slide_batches import PatchBatches
from lesionkit.sample.slide_patches import LabelledPatches


def numbered(count, first=0):
    """Patch n is all of grey n."""
    images = np.arange(first, first + count, dtype=np.uint8)[:, None, None, None]
    return LabelledPatches(np.tile(images, (1, 32, 32, 3)), np.arange(count) % 2, middle=32)


def greys(batch):
    return (batch["image"][:, 0, 0, 0] * 255).round().int().tolist()


def batches(draw, length=6, seed=0, settings=NO_SLIDE_AUGMENTATION):
    return PatchBatches(draw, 4, length, settings, seed)


def test_an_epoch_shows_every_patch_once_in_an_order_of_its_own():
    deck = batches(lambda _epoch: numbered(12))
    first, second = ([grey for number in range(n, n + 3) for grey in greys(deck[number])] for n in (0, 3))
    assert sorted(first) == sorted(second) == list(range(12))
    assert first != second


def test_patches_are_drawn_anew_every_epoch():
    deck = batches(lambda epoch: numbered(4, first=100 * epoch), length=3)
    assert [min(greys(deck[number])) for number in range(3)] == [0, 100, 200]


def test_a_batch_is_the_same_whenever_it_is_drawn():
    changed = SlideAugmentSettings(rotate_degrees=20)
    one, other = (batches(lambda _epoch: numbered(12), settings=changed) for _ in range(2))
    ahead = one[5]
    for number in range(5):
        other[number]
    for name, tensor in other[5].items():
        assert torch.equal(tensor, ahead[name])
    assert not torch.equal(batches(lambda _epoch: numbered(12), seed=1, settings=changed)[5]["image"], ahead["image"])


def test_a_batch_ends_where_the_training_does():
    deck = batches(lambda _epoch: numbered(12))
    assert len(list(deck)) == len(deck) == 6
    batch = deck[0]
    assert batch["image"].shape == (4, 3, 32, 32)
    assert batch["mask"].shape == (4, 1, 32, 32)
    assert batch["label"].shape == (4,)


def test_fewer_patches_than_a_batch_are_refused():
    with pytest.raises(LesionkitError, match="at least one batch of 4 patches, got 3"):
        batches(lambda _epoch: numbered(3))
    with pytest.raises(LesionkitError, match="need a length, got a object"):
        batches(lambda _epoch: object())
