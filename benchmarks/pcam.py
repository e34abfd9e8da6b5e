"""Cross-validated AUC on real patches of lymph nodes, no pretrained weights.

    python benchmarks/pcam.py DATA/slide/pcam_dev --out OUT
    python benchmarks/pcam.py DATA/slide/pcam_dev --out OUT --seeds 0 1 2

DATA/slide/pcam_dev holds 600 patches with and 600 without tumour in their central 32 × 32 pixels. Five folds with as
many of each; all nets of a fold see the other four only, no fold chooses anything, and the last weights count. The
patches carry no slide id, so patches of one slide are on both sides: the figures are optimistic.

Each net's out-of-fold logits are kept in OUT, so that a broken run goes on, and their mean over seeds is an ensemble.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from lesionkit.evaluate.roc import auc, auc_figure
from lesionkit.learn.patch_loss import middle_logit
from lesionkit.learn.patches import fit_patches, seed_everything
from lesionkit.learn.patches_settings import PatchLearnSettings
from lesionkit.nets.patch_net import PatchNet
from lesionkit.nets.patch_net_settings import PatchNetSettings
from lesionkit.read.patch_set import read_patch_set
from lesionkit.sample.augment_slide import oriented
from lesionkit.sample.augment_slide_settings import SlideAugmentSettings
from lesionkit.sample.slide_batches import PatchBatches
from lesionkit.sample.slide_patches import LabelledPatches

FOLDS = 5
MIDDLE = 32


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--folds", type=int, nargs="+", default=list(range(FOLDS)))
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--net", default="{}", help="PatchNetSettings as JSON")
    parser.add_argument("--learn", default="{}", help="PatchLearnSettings as JSON, over this script's")
    parser.add_argument("--augment", default="{}", help="SlideAugmentSettings as JSON, over this script's")
    parser.add_argument("--side", type=int, default=96, help="of the middle that is looked at")
    return parser.parse_args()


def folds_of(labels):
    """Numbers of the patches of each fold, as many of each class."""
    rng = np.random.default_rng(0)
    dealt = [np.array_split(rng.permutation(np.flatnonzero(labels == value)), FOLDS) for value in (0, 1)]
    return [np.sort(np.concatenate(parts)) for parts in zip(*dealt, strict=True)]


@torch.inference_mode()
def logits_of(net, images, side, pool):
    """Mean logit over the eight orientations."""
    margin = (images.shape[1] - side) // 2
    middle = images[:, margin : margin + side, margin : margin + side]
    found = []
    for first in range(0, len(middle), 120):
        image = torch.from_numpy(np.ascontiguousarray(middle[first : first + 120].transpose(0, 3, 1, 2))).float() / 255
        sums = torch.zeros(len(image))
        for number in range(8):
            turned, _ = oriented(image, image[:, :1], np.full(len(image), number))
            with torch.autocast("cpu", torch.bfloat16):
                logits = net(turned.contiguous(memory_format=torch.channels_last)).float()
            sums += middle_logit(logits, round(MIDDLE / net.stride), pool)
        found.append(sums / 8)
    return torch.cat(found).numpy()


def train(arguments, images, labels, kept, seed, folder):
    """A net of the patches `kept`."""
    learn = {"batch": 32, "rate": 4e-3, "map_weight": 0, "middle_weight": 1, "smoothing": 0.02, "workers": 0}
    learn |= {"middle_px": MIDDLE, "middle_pool": "mean"}
    learn |= {"validate_every": 10**6, "device": "cpu", "seed": seed, **json.loads(arguments.learn)}
    learn["steps"] = arguments.epochs * (len(kept) // learn["batch"])
    settings = PatchLearnSettings.parse(learn)
    side = arguments.side
    augment = SlideAugmentSettings.parse({"shift_px": 6, "side": side, **json.loads(arguments.augment)})
    patches = LabelledPatches(images[kept], labels[kept])
    batches = PatchBatches(lambda _epoch: patches, settings.batch, settings.steps, augment, seed)
    seed_everything(seed)
    net = PatchNet(PatchNetSettings.parse({"pretrained": False, "dropout": 0.3, **json.loads(arguments.net)}))
    return fit_patches(net, folder, settings, batches).net, settings.middle_pool


def report(name, labels, scores, folds):
    figure = auc_figure(labels, scores)
    each = [auc(labels[fold], scores[fold]) for fold in folds]
    print(
        f"{name}: mean of folds {np.mean(each):.4f} ({', '.join(f'{one:.3f}' for one in each)}), "
        f"pooled {figure.value:.4f} (95 % interval {figure.lower:.4f} to {figure.upper:.4f})",
        flush=True,
    )


def main():
    arguments = parse()
    torch.set_num_threads(1)
    patch_set = read_patch_set(arguments.data)
    order = np.argsort(patch_set.names)
    images = np.stack([patch_set.image(number) for number in order])
    labels = patch_set.labels[order].astype(int)
    folds = folds_of(labels)
    logits = np.full((len(arguments.seeds), len(labels)), np.nan)
    for row, seed in enumerate(arguments.seeds):
        for number in arguments.folds:
            file = arguments.out / f"seed-{seed}-fold-{number}.npy"
            if not file.is_file():
                started = time.process_time()
                kept = np.setdiff1d(np.arange(len(labels)), folds[number])
                net, pool = train(arguments, images, labels, kept, seed, arguments.out / f"seed-{seed}-fold-{number}")
                np.save(file, logits_of(net, images[folds[number]], arguments.side, pool))
                print(f"seed {seed}, fold {number}: {time.process_time() - started:.0f} s of CPU", flush=True)
            logits[row, folds[number]] = np.load(file)
        seen = [folds[number] for number in arguments.folds]
        index = np.sort(np.concatenate(seen))
        shown = [np.searchsorted(index, fold) for fold in seen]
        report(f"seed {seed}", labels[index], logits[row][index], shown)
    if len(arguments.seeds) > 1:
        report(f"{len(logits)} nets", labels[index], logits[:, index].mean(axis=0), shown)


if __name__ == "__main__":
    main()
