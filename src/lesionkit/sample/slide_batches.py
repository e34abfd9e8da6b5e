"""Batches of slide patches by number: drawn anew every epoch, changed together, the same again after a break."""

from collections.abc import Callable, Sized

import numpy as np
from torch.utils.data import Dataset, default_collate

from lesionkit.core.errors import LesionkitError
from lesionkit.sample.augment_slide import augment_slide
from lesionkit.sample.augment_slide_settings import SlideAugmentSettings
from lesionkit.sample.slide_patches import Item


class PatchBatches(Dataset[Item]):
    """Batches by number: batch `i` is the same whenever and in whatever process it is drawn, also after a break.

    Each epoch shows what `draw` gives for it, in random order; what does not fill a batch is left out, so that it comes
    in another epoch. Give it to `learn.patches.fit_patches`.

    Args:
        draw: epoch, from 0 -> patches of that epoch; their number may not change between epochs.
        batch: patches per batch.
        length: batches there are at all: the steps of the training.

    Raises:
        LesionkitError: an epoch has fewer patches than a batch.
    """

    def __init__(
        self,
        draw: Callable[[int], Dataset[Item]],
        batch: int,
        length: int,
        settings: SlideAugmentSettings,
        seed: int = 0,
    ) -> None:
        self._draw, self.batch, self.length = draw, batch, length
        self.settings, self.seed = settings, seed
        self._epoch, self._patches = 0, draw(0)
        self.per_epoch = _count(self._patches) // batch
        if not self.per_epoch:
            raise LesionkitError(
                f"an epoch needs at least one batch of {batch} patches, got {_count(self._patches)} patches; "
                "draw more, or make the batch smaller"
            )

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, number: int) -> Item:
        if not 0 <= number < self.length:
            raise IndexError(number)
        epoch, place = divmod(number, self.per_epoch)
        if epoch != self._epoch:
            self._epoch, self._patches = epoch, self._draw(epoch)
        order = np.random.default_rng([self.seed, epoch]).permutation(_count(self._patches))
        chosen = order[place * self.batch : (place + 1) * self.batch].tolist()
        batch: Item = default_collate([self._patches[one] for one in chosen])
        rng = np.random.default_rng([self.seed, epoch, place])
        image, mask = augment_slide(batch["image"], batch["mask"], self.settings, rng)
        return {**batch, "image": image, "mask": mask}


def _count(patches: Dataset[Item]) -> int:
    if not isinstance(patches, Sized):
        raise LesionkitError(f"patches need a length, got a {type(patches).__name__}")
    return len(patches)
