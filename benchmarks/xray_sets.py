"""Sets of radiographs in memory, what a network says of them, and scores with intervals, for `xray_ablation.py`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from lesionkit.core.grey import to_grey
from lesionkit.evaluate.overlap import mask_dice
from lesionkit.evaluate.roc import auc
from lesionkit.infer.lung_crop import LungCropSettings, lung_box
from lesionkit.infer.segment import resized
from lesionkit.infer.threshold import Evidence
from lesionkit.nets.segmenter import Segmenter
from lesionkit.read.chest_set import chest_mask, load_chest_image, read_chest_set
from lesionkit.read.picture import read_mask
from lesionkit.recipes.xray.pictures import resized_mask

SIDE = 256
Found = tuple[np.ndarray, np.ndarray | None]
"""Maps (n, 256, 256) of 0..1, and probabilities (n,) of any lesion if the network has an image head."""


@dataclass
class Radiographs:
    """A data set in memory; `Pictures` for the training.

    images, masks, lungs: (n, 256, 256).
    """

    images: np.ndarray
    masks: np.ndarray
    lungs: np.ndarray
    patients: list[str]
    ids: list[str]
    boxes: list = field(default_factory=list)

    def __len__(self):
        return len(self.images)

    def image(self, number):
        return self.images[number]

    def mask(self, number):
        return self.masks[number]

    @property
    def positive(self):
        return self.masks.any(axis=(1, 2))


def load(folders: Sequence[Path], work: Path) -> Radiographs:
    """The sets of folders one after the other; read once, kept in `work`."""
    parts = [np.load(_kept(folder, work)) for folder in folders]
    images, masks, lungs = (np.concatenate([p[name] for p in parts]) for name in ("images", "masks", "lungs"))
    patients, ids = ([str(text) for p in parts for text in p[name]] for name in ("patients", "ids"))
    return Radiographs(images, masks, lungs, patients, ids)


def _kept(folder: Path, work: Path) -> Path:
    kept = work / f"{folder.name}.npz"
    if not kept.is_file():
        rows = [row for row in read_chest_set(folder) if row.looked_at]
        images = [load_chest_image(row).image.array for row in rows]
        masks = [chest_mask(row, image.shape) for row, image in zip(rows, images, strict=True)]
        lungs = [read_mask(row.lungs, image.shape) for row, image in zip(rows, images, strict=True)]
        arrays = {"images": np.stack(images), "masks": np.stack(masks), "lungs": np.stack(lungs)}
        np.savez(kept, **arrays, patients=[row.patient_id for row in rows], ids=[row.case_id for row in rows])
    return kept


def cut_to_lungs(data: Radiographs) -> Radiographs:
    """Each picture cut to the box of its TRUE lungs, which flatters the trick."""
    images, masks, boxes = [], [], []
    for image, mask, lung in zip(data.images, data.masks, data.lungs, strict=True):
        box = lung_box(lung.astype(np.float32), LungCropSettings()) or (slice(0, SIDE), slice(0, SIDE))
        images.append(np.rint(255 * resized(to_grey(image[box]), (SIDE, SIDE))).astype(np.uint8))
        masks.append(resized_mask(mask[box], (SIDE, SIDE)))
        boxes.append(box)
    return Radiographs(np.stack(images), np.stack(masks), data.lungs, data.patients, data.ids, boxes)


@torch.inference_mode()
def predict(net: Segmenter, data: Radiographs, numbers: Sequence[int], side: int, flip: bool = False) -> Found:
    """What a network says that sees pictures of `side` pixels; maps are stretched back."""
    maps, heads = [], []
    for first in range(0, len(numbers), 16):
        chosen = list(numbers[first : first + 16])
        x = torch.from_numpy(data.images[chosen])[:, None].float() / 255
        if side != SIDE:
            x = torch.nn.functional.interpolate(x, (side, side), mode="bilinear", antialias=True).clamp(0, 1)
        with torch.autocast("cpu", torch.bfloat16):
            outputs = [net(one.contiguous(memory_format=torch.channels_last)) for one in _views(x, flip)]
        found = [o.mask.float().sigmoid() for o in outputs]
        if flip:
            found[1] = found[1].flip(3)
        whole = torch.nn.functional.interpolate(torch.stack(found).mean(dim=0), (SIDE, SIDE), mode="bilinear")
        maps.append(whole[:, 0].numpy())
        if outputs[0].nonempty is not None:
            heads.append(torch.stack([o.nonempty.float().sigmoid() for o in outputs]).mean(dim=0).numpy())
    return _pasted(np.concatenate(maps), data, numbers), np.concatenate(heads) if heads else None


def _views(x: torch.Tensor, flip: bool) -> list[torch.Tensor]:
    return [x, x.flip(3)] if flip else [x]


def _pasted(maps, data: Radiographs, numbers):
    for row, number in enumerate(numbers):
        if data.boxes:
            box = data.boxes[number]
            whole = np.zeros(maps[row].shape, np.float32)
            whole[box] = resized(maps[row], whole[box].shape)
            maps[row] = whole
    return maps


def mean_of(parts: Sequence[Found]) -> Found:
    maps, heads = zip(*parts, strict=True)
    return np.mean(maps, axis=0), None if heads[0] is None else np.mean(heads, axis=0)


def evidence(found: Found, truth: Radiographs, numbers: Sequence[int]) -> list[Evidence]:
    maps, heads = found
    judged = [None] * len(numbers) if heads is None else [float(p) for p in heads]
    return [
        Evidence(maps[row], truth.masks[n], judged[row], truth.patients[n], "validation")
        for row, n in enumerate(numbers)
    ]


def scored(rule, found: Found, truth: Radiographs) -> dict:
    """Kaggle's Dice, Dice on positives and AUC with 95 % intervals over patients, and the Dice of every image."""
    maps, heads = found
    judged = [None] * len(maps) if heads is None else [float(p) for p in heads]
    values = np.array([mask_dice(rule(maps[n], judged[n]), truth.masks[n]) for n in range(len(maps))])
    ranks = heads if heads is not None else (maps > 0.5).sum(axis=(1, 2)) + maps.max(axis=(1, 2))
    inside = truth.positive
    whole = figures_of(values, ranks, inside)
    drawn = [figures_of(values[n], ranks[n], inside[n]) for n in resamples(truth.patients, inside)]
    told = {name: [v, *np.percentile([d[name] for d in drawn], [2.5, 97.5]).tolist()] for name, v in whole.items()}
    return {**told, "empty": float((~inside).mean()), "values": values.tolist(), "inside": inside.tolist()}


def figures_of(values, ranks, inside) -> dict[str, float]:
    return {"dice": float(values.mean()), "positives": float(values[inside].mean()), "auc": float(auc(inside, ranks))}


def resamples(patients: Sequence[str], inside, draws: int = 1000) -> list[np.ndarray]:
    """Numbers of images of patients drawn with replacement; draws without an image of either kind are left out."""
    by_patient: dict[str, list[int]] = {}
    for number, patient in enumerate(patients):
        by_patient.setdefault(patient, []).append(number)
    groups, rng = list(by_patient.values()), np.random.default_rng(0)
    drawn = [np.concatenate([groups[k] for k in rng.integers(len(groups), size=len(groups))]) for _ in range(draws)]
    return [numbers for numbers in drawn if inside[numbers].any() and not inside[numbers].all()]


def held_out_of(splits: Path, data: Radiographs) -> list[int]:
    """Pictures that a run was validated on."""
    out = set(json.loads(splits.read_text())["validation"])
    return [n for n, case in enumerate(data.ids) if case in out]
