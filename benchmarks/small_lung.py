"""What the relaxed rule of the lungs does for chests with one small lung, on synthetic CTs.

    python benchmarks/small_lung.py
    python benchmarks/small_lung.py --shares 0.3 0.1 --count 4

One lung of each chest is reduced to a share of its volume, and nodules are put into both. Lungs are found twice by the
default preset: strict (`relaxed_axis_distance_mm=0`) and relaxed, as it is. Told are the share of the phantom's lung
that was found, of both lungs and of the small one alone, and the nodules whose centre is not in what is searched.
Where the strict rule finds no lung at all, the body is searched: that is counted apart.
"""

import argparse
from dataclasses import replace

import numpy as np

from lesionkit.core.case import Case
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Lesion
from lesionkit.phantoms.ct.chest import CtPhantomSettings, insert_nodules, make_ct
from lesionkit.prepare.lung.settings import LungSettings
from lesionkit.prepare.lung.trace import LungMask, trace_lungs
from lesionkit.prepare.spacing import resample_onto

RULES = {"strict": LungSettings(relaxed_axis_distance_mm=0), "relaxed": LungSettings()}
EACH = 4
"""Nodules that are put into each lung, where there is room."""


def planted(seed: int, share: float) -> tuple[Case, tuple[Lesion, ...], tuple[Lesion, ...]]:
    """A chest with a small lung, the nodules in that lung, and those in the other."""
    settings = CtPhantomSettings(small_lung=share, healthy_share=1.0, slice_thickness_mm=(2.0,))
    case = make_ct(seed, settings)
    lung = case.regions["lung"].array
    small = lung & on_side(case.image, case.facts["small_lung"])
    with_small = insert_nodules(case, small, EACH, seed)
    both = insert_nodules(with_small, lung & ~small, EACH, seed + 1)
    return replace(both, regions=case.regions), with_small.truth or (), both.truth or ()


def on_side(image: ArrayImage, side: str) -> np.ndarray:
    """Samples on one side of the patient, (1, 1, x): x grows to the left."""
    grid = image.grid
    x = np.array([grid.index_to_world((0, 0, i))[0] for i in range(grid.shape[2])])
    return ((x > 0) == (side == "left"))[None, None]


def found(lungs: LungMask, case: Case, nodules: tuple[Lesion, ...]) -> tuple[float, float, int]:
    """Recall of both lungs, of the small one, and how many nodules are outside of what is searched."""
    true = resample_onto(case.regions["lung"], lungs.grid, 0, fill=0).array.astype(bool)
    image = ArrayImage(lungs.grid, true)
    small = true & on_side(image, case.facts["small_lung"])
    index = [tuple(np.rint(lungs.grid.world_to_index(one.centre_mm)).astype(int)) for one in nodules]
    lost = sum(not lungs.mask[place] for place in index)
    return lungs.proper[true].mean(), lungs.proper[small].mean(), lost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.5, 0.3, 0.2, 0.15, 0.1, 0.07])
    parser.add_argument("--count", type=int, default=2, help="chests of each share")
    parser.add_argument("--seed", type=int, default=71000)
    words = parser.parse_args()
    print("| share | small lung | rule | no lung found | recall, both | recall, small | lost there | lost elsewhere |")
    print("|---|---|---|---|---|---|---|---|")
    for share in words.shares:
        rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in RULES}
        litres, counts = [], np.zeros(2, int)
        for seed in range(words.seed, words.seed + words.count):
            case, inside, beside = planted(seed, share)
            lung = case.regions["lung"].array
            litres.append((lung & on_side(case.image, case.facts["small_lung"])).sum() * case.image.grid.voxel_mm / 1e6)
            counts += len(inside), len(beside)
            for name, settings in RULES.items():
                lungs = trace_lungs(case.image, settings)
                both, small, lost = found(lungs, case, inside)
                rows[name].append((lungs.failure is not None, both, small, lost, found(lungs, case, beside)[2]))
        for name, row in rows.items():
            none, both, small, lost, other = np.array(row, float).T
            print(
                f"| {share:g} | {np.mean(litres):.2f} L | {name} | {none.sum():.0f} of {len(none)} | {both.mean():.3f} "
                f"| {small.mean():.3f} | {lost.sum():.0f} of {counts[0]} | {other.sum():.0f} of {counts[1]} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
