"""How well texture and calcification are told of real nodules: by density alone, against what LIDC's readers rated.

    lesionkit bank LIDC_NODULES --out BANK
    python benchmarks/measure_lidc.py BANK

The thresholds of `lesionkit.infer.measure` were set on the split "train"; "val" has other patients. Masks are unions of
the readers' outlines at 1 mm, so sizes are not compared here.
"""

import sys
from pathlib import Path

import numpy as np

from lesionkit.core.grid import Grid
from lesionkit.infer.measure import measure
from lesionkit.phantoms.ct.nodule_bank import load_bank

TEXTURES = ("ground-glass", "part-solid", "solid")


def main() -> None:
    bank = load_bank(Path(sys.argv[1]))
    rows = []
    for nodule in bank:
        found = measure(nodule.hu, nodule.mask, Grid.upright(nodule.mask.shape, (1.0, 1.0, 1.0)))
        rated = int(nodule.facts.get("calcification") or 6)
        rows.append((str(nodule.facts.get("split")), nodule.texture_name, found.texture, rated < 6, found.calcified))
    for split in ("train", "val"):
        some = [row for row in rows if row[0] == split]
        table = np.array([[sum(r[1] == a and r[2] == b for r in some) for b in TEXTURES] for a in TEXTURES])
        shares = np.diag(table) / table.sum(axis=1)
        print(f"{split}: {len(some)} nodules; rows as rated, columns as measured: {', '.join(TEXTURES)}")
        print("\n".join(f"  {name:13s} {counts.tolist()}" for name, counts in zip(TEXTURES, table, strict=True)))
        print(f"  mean share told right {shares.mean():.3f}")
        hit, miss = (sum(r[3] and r[4] == said for r in some) for said in (True, False))
        wrong, right = (sum(not r[3] and r[4] == said for r in some) for said in (True, False))
        print(f"  calcified: {hit} of {hit + miss} told, {wrong} of {wrong + right} others called so")


if __name__ == "__main__":
    main()
