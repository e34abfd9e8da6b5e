"""One lung of a chest made small, as where most of it has collapsed or was taken out."""

from dataclasses import replace
from typing import Literal

import numpy as np

from lesionkit.phantoms.ct.anatomy import Chest

Side = Literal["left", "right"]


def collapse(chest: Chest, side: Side, share: float) -> Chest:
    """The chest with one lung reduced to what lies nearest to its root; soft tissue is where the rest was.

    Args:
        side: of the patient.
        share: of the volume of this lung that is left, 0 to 1.
    """
    z, y, x = chest.lattice.open
    root = chest.left_root if side == "left" else chest.right_root
    away = np.sqrt((x - root[0]) ** 2 + (y - root[1]) ** 2 + (z - root[2]) ** 2).astype(np.float32)
    there = np.broadcast_to(x > 0 if side == "left" else x < 0, away.shape)
    reach = np.float32(np.quantile(away[there & (chest.lung > 0)], share))
    return replace(chest, lung=np.where(there, np.minimum(chest.lung, reach - away), chest.lung))
