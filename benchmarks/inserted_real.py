"""The test that counts: real nodules of unseen patients in real scans that no model of the comparison learned from.

    lesionkit bank NODULES --out BANK
    python benchmarks/inserted_real.py split BANK --out PARTS     # PARTS/learn and PARTS/test, 70 and 30 % of patients
    python benchmarks/inserted_real.py measure PARTS/test --scan LIDC-IDRI-0002 --scan Lung_Dx-A0002 --work WORK \
        --model shipped --model A/r2
    python benchmarks/inserted_real.py table WORK --model A/r2 --against shipped

A model is of any recipe of CT; after `--screen FASTER` it looks only where that one found something, and its records
lie in WORK/MODEL_after_FASTER.

Patients are dealt within strata of their rarest texture, so that both parts hold ground glass. Model A learned from
PARTS/learn in LIDC-IDRI-0001 and TCGA-DE-A4MA and is tested in the two others; B the reverse. `measure` puts ten
nodules into each copy of a scan, in its own geometry, keeps what each model finds, and goes on where it stopped.
`table` prints figures by the rule of LUNA16 (a candidate hits within the radius; known findings of the scan count
neither way) with 95 % intervals over patients: they tell nothing of other scans, of which there are two.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.case import Case
from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.infer.join import join_candidates
from lesionkit.phantoms.ct.nodule_bank import NoduleBank, TransplantSettings, load_bank, save_bank
from lesionkit.phantoms.ct.plant_real import insert_real_nodules
from lesionkit.phantoms.ct.real_nodule import RealNodule
from lesionkit.prepare.case import prepare_ct
from lesionkit.prepare.lung.trace import find_lungs
from lesionkit.recipes import load_recipe
from lesionkit.recipes.ct.first import found_first, looked_for
from lesionkit.recipes.ct.load import load_detectors
from lesionkit.recipes.ct.prepare import open_native
from lesionkit.recipes.ct.settings import CtNodule, CtSettings
from lesionkit.recipes.ensemble import model_card
from lesionkit.runs.models import chosen_model, model_of_run
from training_set import DATA, SCANS, real_findings

TEST_SHARE = 0.3
RATES = (0.125, 0.25, 0.5, 1, 2, 4, 8)
PER_COPY = 10
TEXTURES = ("ground-glass", "part-solid", "solid")


def split(bank: NoduleBank, seed: int) -> tuple[list[str], list[str]]:
    """Patients to learn from and to test on; strata: the patient's rarest texture."""
    rarest: dict[str, int] = {}
    for nodule in bank:
        order = TEXTURES.index(nodule.texture_name)
        rarest[nodule.patient_id] = min(order, rarest.get(nodule.patient_id, 9))
    rng = np.random.default_rng(seed)
    learn: list[str] = []
    test: list[str] = []
    for stratum in range(3):
        patients = sorted(p for p, order in rarest.items() if order == stratum)
        dealt = [patients[i] for i in rng.permutation(len(patients))]
        count = round(TEST_SHARE * len(dealt))
        test += dealt[:count]
        learn += dealt[count:]
    return sorted(learn), sorted(test)


def chosen(bank: NoduleBank, scan: Case, most: int) -> list[RealNodule]:
    """Nodules for one scan: none thinner than its slices, half of them solid, a third ground glass, if there are."""
    rng = np.random.default_rng(7)
    fit = [n for n in bank if n.diameter_mm >= scan.image.grid.spacing_mm[0]]
    order = [fit[i] for i in rng.permutation(len(fit))]
    glass, part, solid = ([n for n in order if n.texture_name == name] for name in TEXTURES)
    rare = glass[: most // 3] + part[: most // 6]
    return rare + solid[: most - len(rare)]


class Searcher:
    """A model of any recipe of CT with the settings of its card; with a screen it looks only where that finds first."""

    def __init__(self, model: Path | None, looks: int, screen: Path | None) -> None:
        path = chosen_model(model, "ct-nodule") if model is None else model_of_run(model) if model.is_dir() else model
        recipe = load_recipe(str(model_card(path)["recipe"]))
        settings: CtSettings = recipe.model_settings(path)
        infer: dict[str, Any] = {"look_again": looks, "threshold": 0.0 if screen else settings.infer.threshold}
        named = settings.screen.model_copy(update={"model": None if screen is None else str(screen)})
        self.settings = settings.model_copy(update={"infer": settings.infer.model_copy(update=infer), "screen": named})
        self.detectors, self.weights, _ = load_detectors(path, self.settings)

    def find(self, native: Case) -> list[Candidate]:
        """Candidates of a scan as read."""
        case = prepare_ct(native, self.settings.prepare)
        first = None if self.settings.screen.model is None else found_first(native, case, self.settings)
        found = [looked_for(one, case, first, self.settings.screen) for one in self.detectors]
        return join_candidates(found, self.weights, self.settings.infer)


def copies(bank: NoduleBank, scan: str, most: int) -> Iterator[tuple[int, Case]]:
    """Copies of a scan with ten nodules in each, in its own geometry; the same ones at every call."""
    native = open_native(DATA / "ct" / SCANS[scan], CtNodule())
    known = [Lesion((float(x), float(y), float(z)), float(d)) for x, y, z, d in places(scan, native.case_id)]
    native = replace(native, truth=(), excluded=tuple(known))
    lung = find_lungs(native.image, CtNodule().prepare.lung).mask
    nodules = chosen(bank, native, most)
    mixed = [nodules[i] for i in np.random.default_rng(8).permutation(len(nodules))]
    settings = TransplantSettings(scale=(1.0, 1.0))
    for copy, first in enumerate(range(0, len(mixed), PER_COPY)):
        yield copy, insert_real_nodules(native, lung, mixed[first : first + PER_COPY], copy, settings)


def measure(
    bank: NoduleBank,
    scan: str,
    models: Sequence[Path | None],
    work: Path,
    most: int,
    looks: int,
    screen: Path | None = None,
) -> None:
    """Search copies of one scan with nodules in it, by each model; one JSON per copy and model."""
    searchers: dict[str, Searcher] = {}
    for copy, case in copies(bank, scan, most):
        for model in models:
            name = name_of(model) + ("" if screen is None else f"_after_{name_of(screen)}")
            file = work / name / f"{scan}-{copy:02d}.json"
            if file.exists():
                continue
            if name not in searchers:
                searchers[name] = Searcher(model, looks, screen)
            found = searchers[name].find(case)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(record(scan, case, found), indent=1) + "\n")
        print(f"{scan} copy {copy}: {len(case.truth or ())} nodules", flush=True)


def places(scan: str, case_id: str) -> list[tuple[Any, ...]]:
    """Known findings of a scan with 15 mm around each: x, y, z, diameter."""
    return [
        tuple(row[key] for key in ("coordX", "coordY", "coordZ", "diameter_mm")) for row in real_findings(scan, case_id)
    ]


def record(scan: str, case: Case, found: Sequence[Candidate]) -> dict[str, Any]:
    """Each nodule with its best score (0 where it was missed), and the scores of the false positives."""
    centres = np.array([c.centre_mm for c in found]).reshape(-1, 3)
    scores = np.array([c.score for c in found])
    explained = np.zeros(len(found), bool)
    nodules = []
    for lesion in case.truth or ():
        hit = np.linalg.norm(centres - lesion.centre_mm, axis=1) <= lesion.radius_mm
        explained |= hit
        best = float(scores[hit].max()) if hit.any() else 0.0
        nodules.append({"score": best, "diameter_mm": lesion.diameter_mm, **lesion.facts})
    for lesion in case.excluded:
        explained |= np.linalg.norm(centres - lesion.centre_mm, axis=1) <= lesion.radius_mm
    return {"scan": scan, "nodules": nodules, "false_positives": sorted(scores[~explained].tolist(), reverse=True)}


def name_of(model: Path | None) -> str:
    return "shipped" if model is None else str(model).strip("/").replace("/", "_")


class Found:
    """What one model found in all copies: scores and patients of nodules, thresholds from the false positives."""

    def __init__(self, folder: Path, scan: str | None = None) -> None:
        records = [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
        self.records = [r for r in records if scan in (None, r["scan"])]
        self.nodules = [n for r in self.records for n in r["nodules"]]
        self.scores = np.array([n["score"] for n in self.nodules])
        false = np.sort([s for r in self.records for s in r["false_positives"]])[::-1]
        # The lowest threshold that lets no more than so many false positives a scan pass: above the next one.
        allowed = [int(rate * len(self.records) + 1e-9) for rate in RATES]
        self.thresholds = np.array([false[a] if a < len(false) else 0.0 for a in allowed])

    def sensitivity(self, of: NDArray[np.int_] | NDArray[np.bool_]) -> NDArray[np.float64]:
        """(7,) at the rates, of some nodules by number."""
        return np.asarray((self.scores[of][:, None] > self.thresholds).mean(axis=0))

    def by(self, name: str, value: str) -> NDArray[np.int_]:
        return np.flatnonzero([n[name] == value for n in self.nodules])


def interval(models: Sequence[Found], of: NDArray[np.int_], draws: int = 2000) -> NDArray[np.float64]:
    """(models + 1, 3) CPM and 95 % interval over patients, the last row the first model less the last one."""
    patients = np.array([models[0].nodules[i]["patient"] for i in of])
    groups = [of[patients == p] for p in np.unique(patients)]
    rng = np.random.default_rng(0)
    drawn = [np.concatenate([groups[i] for i in rng.integers(len(groups), size=len(groups))]) for _ in range(draws)]
    cpm = np.array([[m.sensitivity(d).mean() for d in [of, *drawn]] for m in models])
    rows = np.vstack([cpm, cpm[:1] - cpm[-1:]])
    return np.column_stack(
        [rows[:, 0], np.percentile(rows[:, 1:], 2.5, axis=1), np.percentile(rows[:, 1:], 97.5, axis=1)]
    )


def table(work: Path, model: Path | None, against: Path | None) -> None:
    """CPM of a model and of another on the same copies, by scan, texture and attachment."""
    scans = sorted({json.loads(f.read_text())["scan"] for f in (work / name_of(model)).glob("*.json")})
    for scan in [None, *scans]:
        both = [Found(work / name_of(m), scan) for m in (model, against)]
        if both[0].nodules and [n["nodule"] for n in both[0].nodules] != [n["nodule"] for n in both[1].nodules]:
            print(f"\n{scan or 'all scans'}: the two models did not search the same copies, so nothing is compared")
            continue
        everything = np.arange(len(both[0].nodules))
        patients = {n["patient"] for n in both[0].nodules}
        counts = f"{len(both[0].records)} copies, {len(everything)} nodules, {len(patients)} patients"
        print(f"\n{scan or 'both scans'}: {counts}")
        groups = [("all", everything)]
        if scan is None:
            groups += [(value, both[0].by("texture", value)) for value in TEXTURES]
            groups += [(v, both[0].by("attachment", v)) for v in ("isolated", "juxta-vascular", "juxta-pleural")]
            sizes = np.array([n["diameter_mm"] for n in both[0].nodules])
            groups += [("below 6 mm", np.flatnonzero(sizes < 6)), ("from 6 mm", np.flatnonzero(sizes >= 6))]
        for name, of in groups:
            if len(of):
                rows = interval(both, of)
                new, old, difference = (f"{v:.3f} ({low:.3f} to {high:.3f})" for v, low, high in rows)
                at2 = [m.sensitivity(of)[RATES.index(2)] for m in both]
                print(f"{name:>15} n={len(of):3d}  CPM {new}, against {old}, difference {difference};", end=" ")
                print(f"sensitivity at 2 FP/scan {at2[0]:.3f}, {at2[1]:.3f}")


def model_of(text: str) -> Path | None:
    return None if text == "shipped" else Path(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    deal = verbs.add_parser("split")
    deal.add_argument("bank", type=Path)
    deal.add_argument("--out", type=Path, required=True)
    deal.add_argument("--seed", type=int, default=0)
    search = verbs.add_parser("measure")
    search.add_argument("bank", type=Path)
    search.add_argument("--scan", action="append", choices=list(SCANS), required=True)
    search.add_argument("--model", action="append", type=model_of, required=True, help="a run, a file, or 'shipped'")
    search.add_argument("--work", type=Path, required=True)
    search.add_argument("--most", type=int, default=80, help="nodules per scan")
    search.add_argument("--screen", type=Path, help="a faster model; the others look only where it finds something")
    search.add_argument("--looks", type=int, default=32, help="candidates that are looked at again")
    show = verbs.add_parser("table")
    show.add_argument("work", type=Path)
    show.add_argument("--model", type=model_of, required=True)
    show.add_argument("--against", type=model_of, required=True)
    options = parser.parse_args()
    if options.verb == "split":
        bank = load_bank(options.bank)
        for name, patients in zip(("learn", "test"), split(bank, options.seed), strict=True):
            part = bank.of_patients(patients)
            save_bank(options.out / name, part)
            told = ", ".join(f"{[n.texture_name for n in part].count(t)} {t}" for t in TEXTURES)
            print(f"{name}: {len(part)} nodules of {len(patients)} patients: {told}")
    elif options.verb == "measure":
        for scan in options.scan:
            measure(
                load_bank(options.bank), scan, options.model, options.work, options.most, options.looks, options.screen
            )
    else:
        table(options.work, options.model, options.against)


if __name__ == "__main__":
    main()
