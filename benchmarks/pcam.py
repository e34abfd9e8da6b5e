"""Cross-validated AUC on real patches of lymph nodes, from scratch or from published weights.

    python benchmarks/pcam.py DATA/slide/pcam_dev --out OUT
    python benchmarks/pcam.py DATA/slide/pcam_dev DATA/slide/pcam_more --out OUT --seeds 0 1 2

DATA/slide/pcam_dev holds 600 patches with and 600 without tumour in their central 32 × 32 pixels, pcam_more 1,300 and
1,700 more. Five folds with as many of each; all nets of a fold see the other four only, no fold chooses anything, and
the last weights count. The patches carry no slide id, so patches of one slide are on both sides: the figures are
optimistic. All are encoded as JPEG once more, alike, for pcam_more comes as JPEG with fewer tumours, and a net could
learn that.

Each net's out-of-fold logits are kept in OUT, so that a broken run goes on, and their mean over seeds is an ensemble.
"""

import argparse
import io
import json
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from lesionkit.evaluate.roc import auc, auc_figure
from lesionkit.learn.patch_loss import middle_logit
from lesionkit.learn.patches import fit_patches, seed_everything
from lesionkit.learn.patches_settings import PatchLearnSettings
from lesionkit.nets.patch_net import PatchNet
from lesionkit.nets.patch_net_settings import PatchNetSettings
from lesionkit.nets.weights import save_model
from lesionkit.read.patch_set import read_patch_set
from lesionkit.sample.augment_slide import oriented
from lesionkit.sample.augment_slide_settings import SlideAugmentSettings
from lesionkit.sample.slide_batches import PatchBatches
from lesionkit.sample.slide_patches import LabelledPatches

FOLDS = 5
MIDDLE = 32


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--folds", type=int, nargs="+", default=list(range(FOLDS)))
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--net", default="{}", help="PatchNetSettings as JSON")
    parser.add_argument("--learn", default="{}", help="PatchLearnSettings as JSON, over this script's")
    parser.add_argument("--augment", default="{}", help="SlideAugmentSettings as JSON, over this script's")
    parser.add_argument("--quality", type=int, default=90, help="of the JPEG that every patch becomes; 0 for none")
    parser.add_argument("--side", type=int, default=96, help="of the middle that is looked at")
    return parser.parse_args()


def folds_of(labels):
    """Numbers of the patches of each fold, as many of each class."""
    rng = np.random.default_rng(0)
    dealt = [np.array_split(rng.permutation(np.flatnonzero(labels == value)), FOLDS) for value in (0, 1)]
    return [np.sort(np.concatenate(parts)) for parts in zip(*dealt, strict=True)]


def read(folders, quality):
    """Patches of all folders, in the order of their names, and their labels."""
    images, labels = [], []
    for folder in folders:
        patches = read_patch_set(folder)
        order = np.argsort(patches.names)
        images += [re_encoded(patches.image(number), quality) for number in order]
        labels.append(patches.labels[order].astype(int))
    return np.stack(images), np.concatenate(labels)


def re_encoded(image, quality):
    if not quality:
        return image
    held = io.BytesIO()
    Image.fromarray(image).save(held, "JPEG", quality=quality, subsampling=0)
    return np.asarray(Image.open(held).convert("RGB"))


@torch.inference_mode()
def logits_of(net, images, side, pool):
    """Logits (2, n): of the patch as it is, and their mean over the eight orientations."""
    margin = (images.shape[1] - side) // 2
    middle = images[:, margin : margin + side, margin : margin + side]
    found = []
    for first in range(0, len(middle), 120):
        image = torch.from_numpy(np.ascontiguousarray(middle[first : first + 120].transpose(0, 3, 1, 2))).float() / 255
        each = []
        for number in range(8):
            turned, _ = oriented(image, image[:, :1], np.full(len(image), number))
            with torch.autocast("cpu", torch.bfloat16):
                logits = net(turned.contiguous(memory_format=torch.channels_last)).float()
            each.append(middle_logit(logits, round(MIDDLE / net.stride), pool))
        found.append(torch.stack([each[0], torch.stack(each).mean(dim=0)]))
    return torch.cat(found, dim=1).numpy()


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
    net = PatchNet(PatchNetSettings.parse({"dropout": 0.3, **json.loads(arguments.net)}))
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
    images, labels = read(arguments.data, arguments.quality)
    print(f"{len(labels)} patches, {labels.sum()} with tumour", flush=True)
    folds = folds_of(labels)
    logits = np.full((len(arguments.seeds), 2, len(labels)), np.nan)
    for row, seed in enumerate(arguments.seeds):
        for number in arguments.folds:
            file = arguments.out / f"seed-{seed}-fold-{number}.npy"
            if not file.is_file():
                started = time.process_time()
                kept = np.setdiff1d(np.arange(len(labels)), folds[number])
                net, pool = train(arguments, images, labels, kept, seed, arguments.out / f"seed-{seed}-fold-{number}")
                save_model(file.with_suffix(".safetensors"), net, {})
                np.save(file, logits_of(net, images[folds[number]], arguments.side, pool))
                print(f"seed {seed}, fold {number}: {time.process_time() - started:.0f} s of CPU", flush=True)
            logits[row][:, folds[number]] = np.load(file)
            one = [auc(labels[folds[number]], each) for each in np.load(file)]
            print(f"seed {seed}, fold {number}: AUC {one[0]:.4f}, eight orientations {one[1]:.4f}", flush=True)
        seen = [folds[number] for number in arguments.folds]
        index = np.sort(np.concatenate(seen))
        shown = [np.searchsorted(index, fold) for fold in seen]
        for kind, each in zip(("as they are", "eight orientations"), logits[row], strict=True):
            report(f"seed {seed}, {kind}", labels[index], each[index], shown)
    if len(arguments.seeds) > 1:
        report(f"{len(logits)} nets", labels[index], logits[:, 1, index].mean(axis=0), shown)


if __name__ == "__main__":
    main()
