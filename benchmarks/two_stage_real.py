"""Real nodules against what looks like them, and how well they are drawn: the networks of a chain, one by one.

    python benchmarks/inserted_real.py split BANK --out PARTS
    python benchmarks/two_stage_real.py look PARTS/test --scan LIDC-IDRI-0002 --scan Lung_Dx-A0002 --work WORK \
        --chain CHAIN --screen FASTER
    python benchmarks/two_stage_real.py table WORK

FASTER is the detector whose candidates are judged, in copies of scans that neither it nor CHAIN learned from, with
nodules of unseen patients in them (`inserted_real.copies`). `look` keeps what each network says of every candidate, and
how well the first network draws each nodule that was put in; interrupted, it goes on. `table` prints the AUC of each
network, of their mean, of the faster detector and of what is joined, and Dice and volume by size, each with a 95 %
interval over patients of the nodules: the false positives come from two scans, and stay as they are.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from inserted_real import Searcher, copies
from lesionkit.core.case import Case
from lesionkit.core.image import ArrayImage
from lesionkit.infer.two_stage import TwoStageDetector
from lesionkit.phantoms.ct.nodule_bank import NoduleBank, load_bank
from lesionkit.phantoms.ct.real_nodule import Placed, placed_outline
from lesionkit.prepare.case import prepare_ct
from training_set import SCANS

DRAWS = 2000
SIZES = ((0.0, 6.0), (6.0, 10.0), (10.0, 99.0), (6.0, 99.0))


def look(bank: NoduleBank, scan: str, chain: Path, screen: Path, work: Path, most: int) -> None:
    """Keep what is said of each candidate, and how each nodule is drawn; one JSON per copy."""
    faster, second = Searcher(screen, 32, None), Searcher(chain, 0, None)
    nodules = {nodule.nodule_id: nodule for nodule in bank}
    (detector,) = second.detectors
    assert isinstance(detector, TwoStageDetector)
    for copy, case in copies(bank, scan, most):
        file = work / f"{scan}-{copy:02d}.json"
        if file.exists():
            continue
        found = faster.find(case)
        prepared = prepare_ct(case, second.settings.prepare)
        rows = detector.looked_at(prepared, found)
        centres = np.array([one.centre_mm for one in found]).reshape(-1, 3)
        owner = np.full(len(found), "", object)
        for known in case.excluded:
            owner[np.linalg.norm(centres - known.centre_mm, axis=1) <= known.radius_mm] = "excluded"
        for lesion in case.truth or ():
            owner[np.linalg.norm(centres - lesion.centre_mm, axis=1) <= lesion.radius_mm] = lesion.facts["patient"]
        drawings = [
            {"patient": lesion.facts["patient"], "texture": lesion.facts["texture"], "diameter_mm": lesion.diameter_mm}
            | drawing(detector, prepared, lesion.centre_mm, nodules[str(lesion.facts["nodule"])], lesion)
            for lesion in case.truth or ()
        ]
        judged = detector.chain.reranked(rows) if detector.reranks else np.zeros(len(rows))
        work.mkdir(parents=True, exist_ok=True)
        kept = {"rows": rows.tolist(), "joined": judged.tolist(), "owner": owner.tolist(), "drawn": drawings}
        file.write_text(json.dumps(kept) + "\n")
        print(f"{scan} copy {copy}: {len(found)} candidates", flush=True)


def drawing(detector: TwoStageDetector, case: Case, centre: Any, nodule: Any, lesion: Any) -> dict[str, float]:
    """Dice and volumes in mm³ of a nodule as it was put in and as it is drawn around its centre; Dice 0 of nothing."""
    drawn = detector.outline(case, centre)
    truth = placed_outline(case.image.grid, nodule, Placed.of_lesion(lesion)) >= 0.5
    whole = np.zeros(case.image.grid.shape, bool)
    if drawn is not None:
        whole[box_in(case, drawn)] = np.asarray(drawn.array, bool)
    both, one, other = (truth & whole).sum(), truth.sum(), whole.sum()
    voxel = case.image.grid.voxel_mm
    return {"dice": float(2 * both / (one + other)), "true_mm3": float(one * voxel), "drawn_mm3": float(other * voxel)}


def box_in(case: Case, part: ArrayImage) -> tuple[slice, ...]:
    """Where a part of the grid of a case lies in it."""
    start = np.rint(case.image.grid.world_to_index(part.grid.origin_mm)).astype(int)
    return tuple(slice(int(a), int(a) + n) for a, n in zip(start, part.grid.shape, strict=True))


def over_patients(value: Callable[[NDArray[np.int_]], float], patients: NDArray[np.object_]) -> str:
    """A figure of all, with its interval when patients are drawn anew."""
    groups = [np.flatnonzero(patients == patient) for patient in np.unique(patients)]
    rng = np.random.default_rng(0)
    drawn = [
        value(np.concatenate([groups[i] for i in rng.integers(len(groups), size=len(groups))])) for _ in range(DRAWS)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return f"{value(np.arange(len(patients))):.3f} ({low:.3f} to {high:.3f})"


def table(work: Path) -> None:
    """AUCs, then Dice and volume by size."""
    records = [json.loads(file.read_text()) for file in sorted(work.glob("*.json"))]
    rows = np.concatenate([record["rows"] for record in records])
    joined = np.concatenate([record["joined"] for record in records])
    owner = np.array([name for record in records for name in record["owner"]], object)
    hit, miss = np.flatnonzero((owner != "") & (owner != "excluded")), np.flatnonzero(owner == "")
    print(f"{len(records)} copies: {len(hit)} candidates on nodules, {len(miss)} false positives")
    names = ["faster", "draws", *(f"judge {n + 1}" for n in range(rows.shape[1] - 2))]
    columns = dict(zip(names, rows.T, strict=True)) | {"mean of judges": rows[:, 2:].mean(axis=1), "joined": joined}
    for name, said in columns.items():

        def auc(some: NDArray[np.int_], said: NDArray[np.float64] = said) -> float:
            scores = np.concatenate([said[hit[some]], said[miss]])
            return float(roc_auc_score(np.arange(len(scores)) < len(some), scores))

        print(f"  AUC of {name:14s} {over_patients(auc, owner[hit])}")
    drawn = [one for record in records for one in record["drawn"]]
    for low, high in SIZES:
        some = [one for one in drawn if low <= one["diameter_mm"] < high]
        dice = np.array([one["dice"] for one in some])
        ratio = np.array([one["drawn_mm3"] / one["true_mm3"] for one in some if one["dice"] > 0])
        patients = np.array([one["patient"] for one in some], object)
        told = over_patients(lambda chosen, dice=dice: float(dice[chosen].mean()), patients)
        seen = dice > 0
        print(
            f"  {low:g} to {high:g} mm: {len(some)} nodules, drawn at all {seen.mean():.2f}, Dice {told}, "
            f"of those drawn {dice[seen].mean():.3f}; drawn volume / true, median {np.median(ratio):.2f} "
            f"(quartiles {np.percentile(ratio, 25):.2f}, {np.percentile(ratio, 75):.2f})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    search = verbs.add_parser("look")
    search.add_argument("bank", type=Path)
    search.add_argument("--scan", action="append", choices=list(SCANS), required=True)
    search.add_argument("--chain", type=Path, required=True)
    search.add_argument("--screen", type=Path, required=True)
    search.add_argument("--work", type=Path, required=True)
    search.add_argument("--most", type=int, default=80, help="nodules per scan")
    show = verbs.add_parser("table")
    show.add_argument("work", type=Path)
    options = parser.parse_args()
    if options.verb == "table":
        table(options.work)
        return
    for scan in options.scan:
        look(load_bank(options.bank), scan, options.chain, options.screen, options.work, options.most)


if __name__ == "__main__":
    main()
