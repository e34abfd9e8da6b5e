"""How well the U-Net of ct-nodule-slices draws real nodules: against each of their readers, who differ themselves.

    python benchmarks/slices.py train published SLICES OUT --minutes 20     # system 1's setting, at 96 pixels
    python benchmarks/slices.py train modern SLICES OUT --minutes 20        # ours, of outlined slices alone
    python benchmarks/slices.py train even|encoder|both SLICES OUT --minutes 20     # textures more evenly; ImageNet
    python benchmarks/slices.py score SLICES MODEL...                       # what either left, or the recipe

SLICES holds `slices.npz` and `slices.csv`, see `lesionkit.read.truth.outlined`. Of its split "train" is learned; "val"
has other patients and is scored. The crops have the lesion in their middle, so they are cut anew at random before they
are shown. Of what is drawn the piece at the lesion counts, as in `lesionkit measure`, and once all of it. Dice is the
mean over lesions of the Dice of all of a lesion's slices together; intervals are by bootstrap over patients. Readers
are compared among each other on the same slices: of each lesion all pairs who outlined it.
"""

import argparse
import json
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import cc3d
import numpy as np
import torch

from lesionkit.core.outlined import OutlinedSlices
from lesionkit.evaluate.bootstrap import bootstrapped, draw_cases, resample_means
from lesionkit.evaluate.overlap import dice
from lesionkit.infer.outlined import drawn_in
from lesionkit.learn.detection import fit
from lesionkit.learn.loop import quiet, seed_everything
from lesionkit.learn.masks import MaskLearner
from lesionkit.nets.cube.chain import Chain
from lesionkit.nets.cube.mask_net import MaskNet
from lesionkit.nets.model_file import read_header
from lesionkit.nets.weights import load_net, save_model
from lesionkit.read.truth.outlined import read_outlined
from lesionkit.recipes.ct.slices_2017 import CtSlices2017
from lesionkit.recipes.ct.slices_settings import CtSlices
from lesionkit.sample.slices import SliceDraws

PIXEL_MM = 0.7
SHIFT, NEAR_MM = 12, 5.0
EVEN = {"sample": {"even_textures": 0.5}}
ENCODER = {
    "net": {"dimensions": 2, "channels": [16, 32, 64, 128], "encoder": "tf_efficientnet_lite0"},
    "learn": {**CtSlices().learn.model_dump(), "rate": 0.001, "precision": "32-true"},
}
ARMS: dict[str, dict[str, Any]] = {"modern": {}, "even": EVEN, "encoder": ENCODER, "both": EVEN | ENCODER}
DRAWS = 1000
GROUPS: tuple[tuple[str, Callable[[dict[str, Any]], bool]], ...] = (
    ("all", lambda row: True),
    ("up to 6 mm", lambda row: row["diameter_mm"] <= 6),
    ("above 6 mm", lambda row: row["diameter_mm"] > 6),
    ("6 to 10 mm", lambda row: 6 < row["diameter_mm"] <= 10),
    ("above 10 mm", lambda row: row["diameter_mm"] > 10),
    ("solid (texture 4, 5)", lambda row: row["texture"] >= 4),
    ("part-solid (2, 3)", lambda row: 2 <= row["texture"] <= 3),
    ("ground glass (1)", lambda row: row["texture"] == 1),
)


def main() -> None:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    training = verbs.add_parser("train")
    training.add_argument("arm", choices=("published", *ARMS))
    training.add_argument("slices", type=Path)
    training.add_argument("out", type=Path)
    training.add_argument("--minutes", type=float, required=True, help="of this processor, one thread")
    training.add_argument("--steps", type=int, help="so many at most; the rate has come down by then")
    scoring = verbs.add_parser("score")
    scoring.add_argument("slices", type=Path)
    scoring.add_argument("models", type=Path, nargs="+")
    scoring.add_argument("--drawn-from", type=float, default=0.5)
    asked = parser.parse_args()
    outlined = read_outlined(asked.slices)
    if asked.verb == "train":
        train(asked.arm, outlined, asked.out, asked.minutes, asked.steps)
        return
    for model in asked.models:
        score(outlined, model, asked.drawn_from)


def train(arm: str, outlined: OutlinedSlices, out: Path, minutes: float, steps: int | None) -> None:
    """Train one arm for so many processor minutes at most, and keep what it is like every quarter of an epoch."""
    settings = CtSlices2017.parse({"sample": {"patch": 96}}) if arm == "published" else CtSlices.parse(ARMS[arm])
    learn = settings.learn.model_copy(
        update={"workers": 0, "validate_every": 198, **({"steps": steps} if steps else {})}
    )
    learning, held = (outlined.where(lambda row, part=part: row["split"] == part) for part in ("train", "val"))
    if arm == "published":
        learning = one_each(learning)
    deck = SliceDraws(
        None, lambda patch: {}, learning, settings.sample, PIXEL_MM, seed=0, length=learn.steps * int(learn.batch)
    )
    seed_everything(0)
    net, start = MaskNet(settings.net), time.process_time()
    told: list[dict[str, float]] = []
    shown = learning.where(every(learning, 100))

    def validate(kept: MaskNet) -> dict[str, float]:
        spent = (time.process_time() - start) / 60
        sets = {"train": shown, "val": held.where(every(held, 100))}
        means = {name: float(np.mean(dices(kept, some, 0.5, shift=False))) for name, some in sets.items()}
        told.append({"minutes": round(spent, 2), **means})
        (out / "course.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        if spent > minutes:
            learner.trainer.should_stop = True
        return means

    learner = MaskLearner(net, learn)
    out.mkdir(parents=True, exist_ok=True)
    with quiet():
        fit(learner, deck, out, validate, resume=False)
    seconds = round(time.process_time() - start)
    facts = {"arm": arm, "steps": learner.global_step, "batch": learn.batch, "slices": len(learning)}
    epochs = round(learner.global_step * int(learn.batch) / len(learning), 2)
    save_model(out / "model.safetensors", learner.kept, {**facts, "epochs": epochs, "processor_seconds": seconds})
    print({**facts, "epochs": epochs, "processor seconds": seconds, "last": told[-1:]})


def one_each(outlined: OutlinedSlices) -> OutlinedSlices:
    """The slice nearest to the middle of each lesion, as system 1 takes one (row 1.5)."""
    away = [abs(row["z_mm"] - row["coordZ"]) for row in outlined.rows]
    nearest: dict[str, int] = {}
    for number, row in enumerate(outlined.rows):
        if row["lesion"] not in nearest or away[number] < away[nearest[row["lesion"]]]:
            nearest[row["lesion"]] = number
    chosen, numbers = set(nearest.values()), iter(range(len(outlined)))
    return outlined.where(lambda _row: next(numbers) in chosen)


def every(outlined: OutlinedSlices, count: int) -> Callable[[Any], bool]:
    """Chooses so many slices, spread evenly."""
    chosen = set(np.linspace(0, len(outlined) - 1, min(count, len(outlined))).astype(int).tolist())
    numbers = iter(range(len(outlined)))
    return lambda _row: next(numbers) in chosen


def shifted(outlined: OutlinedSlices, seed: int = 0) -> OutlinedSlices:
    """A part of each slice, so that the lesion's middle lies up to 12 samples off; `middle` of a row says where."""
    rng = np.random.default_rng(seed)
    side = outlined.hu.shape[1] - 2 * SHIFT
    starts = rng.integers(0, 2 * SHIFT + 1, (len(outlined), 2))
    parts = [(slice(y, y + side), slice(x, x + side)) for y, x in starts]
    middle = (outlined.hu.shape[1] - 1) / 2
    rows = tuple({**row, "middle": middle - start} for row, start in zip(outlined.rows, starts, strict=True))
    hu, readers = (
        np.array([image[part] for image, part in zip(images, parts, strict=True)])
        for images in (outlined.hu, outlined.readers)
    )
    return OutlinedSlices(hu, readers, outlined.pixel_mm, rows)


def at_lesion(found: np.ndarray, row: dict[str, Any], pixel_mm: float) -> np.ndarray:
    """Of what is drawn in a slice the piece nearest to the lesion, within 5 mm; what `lesionkit measure` takes."""
    pieces = cc3d.connected_components(found.astype(np.uint8), connectivity=8)
    places = np.argwhere(pieces)
    away = np.linalg.norm(places - row["middle"], axis=1) * pixel_mm
    if not len(places) or away.min() > NEAR_MM:
        return np.zeros_like(found)
    return pieces == pieces[tuple(places[int(away.argmin())])]


def dices(net: MaskNet, outlined: OutlinedSlices, drawn_from: float, shift: bool = True) -> list[float]:
    """Of each slice against what half of the readers outlined."""
    some = shifted(outlined) if shift else outlined
    found = np.stack(list(drawn_in(net, some, PIXEL_MM))) >= drawn_from
    true = some.agreed()
    return dice((true & found).sum((1, 2)), true.sum((1, 2)), found.sum((1, 2))).tolist()


def score(outlined: OutlinedSlices, model: Path, drawn_from: float) -> None:
    kind = read_header(model).get("kind")
    net = load_net(model, Chain)[0].mask if kind == "Chain" else load_net(model, MaskNet)[0]
    print(f"\n{model}: {sum(p.numel() for p in net.parameters()):,} parameters")
    learned = outlined.where(lambda row: row["split"] == "train")
    learned = learned.where(every(learned, 342))
    held_whole = outlined.where(lambda row: row["split"] == "val")
    held = shifted(held_whole)
    told = [f"{np.mean(dices(net, some, drawn_from)):.3f}" for some in (learned, held_whole)]
    print(f"  mean Dice of all that is drawn in a slice: {told[0]} where learned from, {told[1]} of other patients")
    found = np.stack(list(drawn_in(net, held, PIXEL_MM))) >= drawn_from
    given = zip(found, held.rows, held.pixel_mm, strict=True)
    pieces = np.stack([at_lesion(one, dict(row), float(mm)) for one, row, mm in given])
    table = [lesion_row(held, pieces, found, lesion) for lesion in dict.fromkeys(row["lesion"] for row in held.rows)]
    for name, wanted in GROUPS:
        rows = [row for row in table if wanted(row)]
        if rows:
            print(f"  {name} ({len(rows)} lesions): " + "; ".join(figure(rows, column) for column in COLUMNS))


COLUMNS = {
    "majority": "against the majority",
    "whole": "with all else that is drawn in the slices",
    "each": "against each reader",
    "readers": "readers against each other",
    "slices": "mean of slices against the majority",
    "bias_mm": "diameter error, mm",
    "spread_mm": "its absolute value, mm",
}


def lesion_row(held: OutlinedSlices, pieces: np.ndarray, found: np.ndarray, lesion: str) -> dict[str, Any]:
    """Figures of one lesion, over all its slices together."""
    mine = np.array([row["lesion"] == lesion for row in held.rows])
    facts = next(row for row in held.rows if row["lesion"] == lesion)
    drawn, votes = pieces[mine], held.readers[mine]
    true = held.agreed()[mine]
    each = [(votes >> bit & 1).astype(bool) for bit in range(8) if (votes >> bit & 1).any()]
    pairs = [one_dice(a, b) for a, b in combinations(each, 2)]
    per_slice = dice((true & drawn).sum((1, 2)), true.sum((1, 2)), drawn.sum((1, 2)))
    largest = int(true.sum((1, 2)).argmax())
    sizes = [2 * np.sqrt(mask[largest].sum() / np.pi) * float(held.pixel_mm[mine][largest]) for mask in (drawn, true)]
    return {
        **facts,
        "majority": one_dice(drawn, true),
        "whole": one_dice(found[mine], true),
        "each": float(np.mean([one_dice(drawn, one) for one in each])),
        "readers": float(np.mean(pairs)) if pairs else np.nan,
        "slices": float(per_slice.mean()),
        "bias_mm": sizes[0] - sizes[1],
        "spread_mm": abs(sizes[0] - sizes[1]),
    }


def one_dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(dice((a & b).sum(), a.sum(), b.sum()))


def figure(rows: list[dict[str, Any]], column: str) -> str:
    """A mean over lesions with its interval over patients."""
    patients = sorted({row["patient_id"] for row in rows})
    values = np.array([row[column] for row in rows])
    sums = np.array([np.nansum(values[[row["patient_id"] == p for row in rows]]) for p in patients])
    counts = np.array([np.sum(~np.isnan(values[[row["patient_id"] == p for row in rows]])) for p in patients])
    draws = draw_cases(len(patients), DRAWS)
    with np.errstate(invalid="ignore"):
        drawn = resample_means(sums, draws) / resample_means(counts, draws)
    made = bootstrapped(float(np.nanmean(values)), drawn, "", len(patients))
    said = "" if made.lower is None else f" [{made.lower:.3f}, {made.upper:.3f}]"
    return f"{COLUMNS[column]} {made.value:.3f}{said}"


if __name__ == "__main__":
    main()
