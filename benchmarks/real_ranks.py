"""Where the real lesions of the real scans stand, and whether a crop that begins a millimetre later changes it.

    python benchmarks/real_ranks.py --patient LIDC-IDRI-0002 --model RUN [--model shipped]

The prepared scan is searched as it is and with its first 1, 2 and 3 mm cut off along every axis; the rank is that of
the strongest candidate within the lesion's radius. Then a cube of 96 mm around the lesion is searched at each of the
4 x 4 x 4 offsets: the spread of the lesion's logit. A model that learned from the scan says nothing here.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.case import Case
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Candidate
from lesionkit.infer.detect import NoduleDetector
from lesionkit.nets.weights import load_model, pick_device
from lesionkit.prepare.case import prepare_ct
from lesionkit.recipes.ct.prepare import open_native
from lesionkit.recipes.ct.settings import CtNodule
from lesionkit.runs.models import chosen_model
from training_set import DATA, MASS, SCANS

SIDE = 96


def lesions_of(patient: str) -> list[tuple[NDArray[np.float64], float]]:
    """Centres (x, y, z) in mm and diameters of what readers outlined, or of the mass that nobody labelled."""
    if patient == "Lung_Dx-A0002":
        return [(np.array(MASS[:3]), MASS[3])]
    known = json.loads((DATA / "ct/lidc_cases.json").read_text()).get(patient, {"nodules_ge3mm": []})
    return [(np.array(n["center_world_mm"]), float(n["eq_diameter_mm"])) for n in known["nodules_ge3mm"]]


def cropped(case: Case, start: NDArray[np.int_], shape: tuple[int, ...] | None = None) -> Case:
    """The case without what lies before `start`, and beyond `shape` samples if that is given."""
    stop = np.array(case.image.grid.shape) if shape is None else start + np.array(shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(start, np.minimum(stop, case.image.grid.shape), strict=True))
    grid = case.image.grid.crop(box)
    regions = {name: ArrayImage(grid, region.read(box)) for name, region in case.regions.items()}
    return replace(case, image=ArrayImage(grid, case.image.read(box)), regions=regions)


def rank(found: list[Candidate], centre: NDArray[np.float64], radius: float) -> tuple[int, float]:
    """1 for the strongest candidate, and its score; 0 where none lies in the lesion."""
    for number, candidate in enumerate(found, 1):
        if np.linalg.norm(np.array(candidate.centre_mm) - centre) <= radius:
            return number, candidate.score
    return 0, 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patient", required=True, choices=list(SCANS))
    parser.add_argument("--model", action="append", required=True, help="a run folder, a file, or 'shipped'")
    parser.add_argument("--looks", type=int, default=32, help="candidates that are looked at again")
    parser.add_argument("--no-spread", action="store_true", help="leave out the 64 offsets")
    options = parser.parse_args()
    case = prepare_ct(open_native(DATA / "ct" / SCANS[options.patient], CtNodule()), CtNodule().prepare)
    for model in options.model:
        net, _ = load_model(chosen_model(None if model == "shipped" else Path(model), "ct-nodule"))
        infer = CtNodule().infer.model_copy(update={"threshold": 0.0005, "look_again": options.looks})
        detector = NoduleDetector(net, infer, pick_device(infer.device))
        crops = [detector.find(cropped(case, np.full(3, n))) for n in range(4)]
        for centre, diameter in lesions_of(options.patient):
            places = [rank(found, centre, diameter / 2) for found in crops]
            told = ", ".join(f"{place} ({score:.2f})" for place, score in places)
            print(
                f"{options.patient}, {model}: {diameter:.0f} mm lesion ranks {told} at crops of 0, 1, 2, 3 mm",
                flush=True,
            )
            if not options.no_spread:
                first = np.rint(case.image.grid.world_to_index(centre)).astype(int) - SIDE // 2
                logits = []
                for offset in np.ndindex(4, 4, 4):
                    start = np.maximum(first + offset, 0)
                    found = detector.find(replace(cropped(case, start, (SIDE,) * 3), regions={}))
                    score = float(np.clip(rank(found, centre, diameter / 2)[1], 1e-4, 1 - 1e-4))
                    logits.append(np.log(score / (1 - score)))
                print(f"  logit over 64 offsets: mean {np.mean(logits):.2f}, standard deviation {np.std(logits):.2f}")


if __name__ == "__main__":
    main()
