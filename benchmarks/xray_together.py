"""The winners' recipes of `xray_ablation.py` on more test images, alone and as one ensemble, from the kept networks.

    lesionkit phantom xray --out TEST2 --count 480 --per-ct 5 --size 256 --seed 707
    python benchmarks/xray_together.py TRAIN,EXTRA MORE TEST,TEST2 --work W --start RUN/models/small.safetensors

Run it after `--group recipes`. Predictions are kept in W/maps. An ensemble is the mean of the maps and of the image
heads of one network set per recipe, trained with one seed, and has its rule searched on validation like each of them;
it costs as many minutes as its members together, which is why the same number of trainings of one recipe, with other
seeds, stands beside it.
"""

import json

import numpy as np

from lesionkit.core.files import write_text
from xray_ablation import Bench, opened, slug_of
from xray_arms import CANDIDATES, RECIPES
from xray_sets import cut_to_lungs, mean_of, predict

ARMS = {**CANDIDATES, **RECIPES}
WINNERS = [name for name in RECIPES if name.startswith("recipe")]
BEST = "best of three"
RULE = "triplet and contour"
ENSEMBLES = {
    "best together: all five recipes": WINNERS,
    "best together: 1st and 5th": ["recipe of the 1st", "recipe of the 5th"],
    "best together: five recipes and best of three": [*WINNERS, BEST],
}


def said_by(bench: Bench, name: str, seed: int):
    """What an arm says of validation and of test: of each (maps, heads)."""
    file = bench.work / "maps" / f"{slug_of(f'{name} {seed}')}.npz"
    if not file.is_file():
        data, test = (cut_to_lungs(d) if "lung crop" in name else d for d in (bench.train, bench.test))
        parts, both = [], ((data, bench.held), (test, bench.all_test))
        for number, _ in enumerate(ARMS[name][0]):
            nets = bench.kept(f"{slug_of(f'{name} 1 {seed}')}-{number}")
            parts.append([mean_of([predict(net, d, n, bench.side, flip=True) for net in nets]) for d, n in both])
        said = [(draws[0], judges[1]) for judges, draws in zip(parts[0], parts[-1], strict=True)]
        file.parent.mkdir(exist_ok=True)
        names = ("v-m", "v-h", "t-m", "t-h")
        arrays = dict(zip(names, (np.float16(one) for pair in said for one in pair), strict=True))
        np.savez(file.with_suffix(".tmp.npz"), **arrays)
        file.with_suffix(".tmp.npz").rename(file)
        print(name, seed, flush=True)
    held = np.load(file)
    return [(held[f"{part}-m"].astype(np.float32), held[f"{part}-h"].astype(np.float32)) for part in "vt"]


def judge(bench: Bench, name: str, seed: int, members: list[tuple[str, int]], rule: str, minutes: float) -> None:
    file = bench.work / "results-more" / f"{slug_of(f'{name} {seed}')}.json"
    if file.is_file():
        return
    said = [said_by(bench, *member) for member in members]
    val, found = (mean_of([one[part] for one in said]) for part in (0, 1))
    told = {"arm": name, "share": 1.0, "seed": seed, "minutes": minutes, "fresh": False, "side": bench.side, "steps": 0}
    write_text(file, json.dumps({**told, **bench.judged(val, found, rule), "patients": bench.test.patients}) + "\n")
    print("judged", name, seed, flush=True)


def main() -> None:
    given, bench = opened(__doc__)
    for seed in given.seeds:
        for name in [*WINNERS, BEST]:
            if given.arms is None or any(word in name for word in given.arms):
                judge(bench, name, seed, [(name, seed)], ARMS[name][1], given.minutes)
        for name, members in ENSEMBLES.items() if given.arms is None else ():
            judge(bench, name, seed, [(m, seed) for m in members], RULE, given.minutes * len(members))
    if len(given.seeds) > 2:
        for name in ("recipe of the 1st", BEST):
            several = [(name, seed) for seed in given.seeds]
            judge(bench, f"{name}, {len(several)} seeds together", 0, several, RULE, given.minutes * len(several))


if __name__ == "__main__":
    main()
