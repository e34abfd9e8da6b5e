"""Where a model is wrong on normal tissue of its own training slides: patches to show again in the next round."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lesionkit.core.files import replacing
from lesionkit.infer.patch_scores import score_patches
from lesionkit.nets.patch_net import PatchNet
from lesionkit.recipes.ensemble import file_name
from lesionkit.recipes.slide.case import PreparedSlide
from lesionkit.recipes.slide.patches import Draws
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.runs.run_folder import RunFolder
from lesionkit.sample.mine_slide import hard_negatives

_COLUMNS = ["slide", "row", "column", "kind", "source"]


def mined(
    run: RunFolder,
    number: int,
    net: PatchNet,
    slides: Mapping[str, PreparedSlide],
    settings: SlideMetastasis,
    before: pd.DataFrame | None = None,
    name: str = "",
) -> pd.DataFrame:
    """Rows of the hard negatives of a round and of the rounds before; kept in the run folder.

    Args:
        number: of the round, from 1.
        net: trained in the round before.
        name: of the network, where a run trains several.
    """
    file = run.path / f"hard-{file_name(f'{name} {number}'.strip())}.parquet"

    def mine() -> Mapping[str, Any]:
        rows = _normal(slides, settings.mine.per_slide, np.random.default_rng([settings.learn.seed, number]))
        patches = Draws(slides, None, settings).read(rows)
        scores = score_patches(net, patches, settings.learn.batch, settings.learn.middle_px)
        found = hard_negatives(rows, scores, settings.mine.hard)
        known = [found, before] if before is not None else [found]
        table = pd.concat(known, ignore_index=True).drop_duplicates(["slide", "row", "column"])
        with replacing(file) as temporary:
            table[_COLUMNS].to_parquet(temporary, index=False)
        return {"patches scored": len(rows), "hard negatives": len(table)}

    run.once(f"mine {number} {name}".rstrip(), mine)
    return pd.read_parquet(file)


def _normal(slides: Mapping[str, PreparedSlide], most: int, rng: np.random.Generator) -> pd.DataFrame:
    """Normal patches of all slides, of one slide at most so many."""
    parts = []
    for name, slide in slides.items():
        table = slide.patches[slide.patches["kind"] == "normal"]
        chosen = rng.permutation(len(table))[:most]
        parts.append(table.iloc[np.sort(chosen)][["row", "column", "kind"]].assign(slide=name))
    return pd.concat(parts, ignore_index=True)
