"""AUC of models on the real patches that validate a training of slide-metastasis, and so taught no model of it.

    python benchmarks/pcam_unseen.py DATA/slide/pcam_dev DATA/slide/pcam_more --model MODEL [--model MODEL …]

Split as the recipe does with its default seed: a fifth of all patches, 840 of 4,200. `slide-metastasis-narrow` learned
from patches of pcam_dev, so of these only those of the last folder (602) are unseen by all. The files are read as they
are. Patches carry no slide id, so patches of one slide are on both sides: the figures are optimistic.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from lesionkit.evaluate.roc import auc_figure
from lesionkit.infer.patch_scores import ColourPatches, score_patches
from lesionkit.nets.patch_net import PatchNet
from lesionkit.nets.weights import load_net
from lesionkit.read.patch_set import joined_sets, read_patch_set
from lesionkit.recipes import load_recipe
from lesionkit.sample.split import split_by_patient

BATCH = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--model", type=Path, action="append", required=True)
    parser.add_argument("--orientations", type=int, choices=(1, 8), default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    patches = joined_sets([read_patch_set(folder) for folder in options.data])
    parts = split_by_patient({name: name for name in patches.names}, {"train": 0.8, "validation": 0.2}, 0)
    place = {name: number for number, name in enumerate(patches.names)}
    held = np.array([place[name] for name in parts["validation"]])
    images, labels = [patches.image(int(number)) for number in held], patches.labels[held]
    last = np.array([patches.paths[number].parent == options.data[-1] for number in held])
    for model in options.model:
        learn = load_recipe("slide-metastasis").model_settings(model).learn
        net = load_net(model, PatchNet)[0]
        scores = score_patches(
            net, ColourPatches(images), BATCH, learn.middle_px, options.orientations, learn.middle_pool
        )
        for what, chosen in (("all", np.ones_like(last)), (options.data[-1].name, last)):
            area = auc_figure(labels[chosen], scores[chosen].astype(float))
            print(f"{model.name}, {what}, {chosen.sum()}: AUC {area.value:.4f} ({area.lower:.4f} to {area.upper:.4f})")


if __name__ == "__main__":
    main()
