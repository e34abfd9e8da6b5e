"""Cross-validated AUC on real patches, where the first stages of a pretrained encoder rest and are computed once.

    python benchmarks/pcam_frozen.py DATA/slide/pcam_dev DATA/slide/pcam_more --out OUT

The patches, folds and JPEG are those of `pcam.py`. What the resting stages say of `--views` changed copies of every
patch, and of its eight orientations for the test, is kept in OUT (some 2 GB), so a fold costs minutes of one core.
`--frozen` trains the last convolution alone: a logistic model of features that nothing has tuned.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from lesionkit.learn.average import MovingAverage
from lesionkit.learn.average_settings import AverageSettings
from lesionkit.learn.finetune import let_rest, parameter_groups, set_rates
from lesionkit.learn.finetune_settings import FinetuneSettings
from lesionkit.learn.patch_loss import middle_logit
from lesionkit.learn.patches_settings import PatchLearnSettings
from lesionkit.nets.colours import standardised
from lesionkit.nets.patch_net import PatchNet, for_inference
from lesionkit.nets.patch_net_settings import PatchNetSettings
from lesionkit.sample.augment_slide import augment_slide, oriented
from lesionkit.sample.augment_slide_settings import SlideAugmentSettings
from pcam import MIDDLE, folds_of, read, report

BATCH = 60


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", default="common", help="of this arm")
    parser.add_argument("--folds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--rest", type=int, default=3, help="blocks of the encoder that rest; its stem always does")
    parser.add_argument("--frozen", action="store_true", help="the other blocks rest too")
    parser.add_argument("--views", type=int, default=16)
    parser.add_argument("--quality", type=int, default=90)
    parser.add_argument("--net", default="{}", help="PatchNetSettings as JSON, over this script's")
    parser.add_argument("--learn", default="{}", help="PatchLearnSettings as JSON, over this script's")
    parser.add_argument("--augment", default="{}", help="SlideAugmentSettings as JSON, over this script's")
    return parser.parse_args()


def make_net(arguments):
    net = {"encoder": "tf_efficientnet_lite0", "stride": 12, "depth": 16, "surroundings_px": 96, "dropout": 0.3}
    return PatchNet(PatchNetSettings.parse({**net, **json.loads(arguments.net)}))


class Rest(nn.Module):
    """What learns: the later blocks and the logits of their maps."""

    def __init__(self, net, first):
        super().__init__()
        self.encoder = nn.Sequential(*net.encoder.blocks[first:])
        self.body, self.stride = net.body, net.stride
        # Only `last` of it belongs to what learns.
        self.last = net.body.last

    def forward(self, maps):
        return self.body.of_maps(self.encoder(maps))


@torch.inference_mode()
def trunk(net, image, blocks):
    """Maps (b, c, y, x) of the resting stages, as the network itself computes them."""
    body = net.body
    image = standardised(image, net.statistics)
    sides = [side // body.stride * body.depth for side in image.shape[2:]]
    image = nn.functional.interpolate(image, size=sides, mode="bilinear").bfloat16()
    maps = net.encoder.bn1(net.encoder.conv_stem(image.contiguous(memory_format=torch.channels_last)))
    for block in net.encoder.blocks[:blocks]:
        maps = block(maps)
    return maps.half()


def views(net, images, how, number, blocks, augment):
    """One view of every patch; views from 1000 on are the unchanged orientations."""
    rng, parts = np.random.default_rng([7, number]), []
    for first in range(0, len(images), BATCH):
        image = torch.from_numpy(images[first : first + BATCH].transpose(0, 3, 1, 2).copy()).float() / 255
        mask = torch.zeros_like(image[:, :1])
        turn = np.full(len(image), number % 8)
        if number < 1000:
            image, mask = augment_slide(image, mask, augment, rng)
        parts.append(trunk(net, oriented(image, mask, turn)[0], blocks).numpy())
    return np.concatenate(parts)


def cached(arguments, net, images):
    """Memory-mapped (views, n, c, y, x), changed and unchanged."""
    ready = for_inference(net, torch.device("cpu"), torch.bfloat16)
    augment = SlideAugmentSettings.parse(
        {"orient": "none", "stain": 0.2, "shift_px": 4, "side": 96, **json.loads(arguments.augment)}
    )
    files = []
    for number in [*range(arguments.views), *range(1000, 1008)]:
        file = arguments.out / f"view-{number}.npy"
        if not file.is_file():
            np.save(file.with_suffix(".part.npy"), views(ready, images, None, number, arguments.rest, augment))
            file.with_suffix(".part.npy").rename(file)
        files.append(np.load(file, mmap_mode="r"))
    return files[: arguments.views], files[arguments.views :]


def train(arguments, net, changed, labels, kept, seed=0):
    learn = {"batch": 32, "rate": 2e-3, "map_weight": 0, "middle_weight": 1, "smoothing": 0.02, "weight_decay": 0.05}
    learn |= {"finetune": {"encoder_rate": 0.3, "layer_decay": 0.8}, **json.loads(arguments.learn)}
    learn["steps"] = arguments.epochs * (len(kept) // learn["batch"])
    settings = PatchLearnSettings.parse(learn)
    torch.manual_seed(seed)
    rest = Rest(net, arguments.rest).to(memory_format=torch.channels_last).train()
    learning = nn.ModuleDict({"encoder": rest.encoder, "last": rest.last})
    finetune = settings.finetune if len(rest.encoder) else FinetuneSettings()
    groups = parameter_groups(learning, rest.encoder, finetune, norms_decay=False)
    optimizer = torch.optim.AdamW(groups, lr=settings.rate, weight_decay=settings.weight_decay)
    moving = MovingAverage(learning, AverageSettings(decays=((0, settings.average),), warm=True))
    rng, step = np.random.default_rng([seed, 1]), 0
    target = torch.from_numpy(labels).float() * (1 - 2 * settings.smoothing) + settings.smoothing
    for epoch in range(arguments.epochs):
        order, losses = rng.permutation(kept), []
        for first in range(0, len(order) - settings.batch + 1, settings.batch):
            chosen = np.sort(order[first : first + settings.batch])
            view = rng.integers(0, len(changed), len(chosen))
            maps = np.stack([changed[v][n] for v, n in zip(view, chosen, strict=True)])
            maps = torch.from_numpy(maps).float().contiguous(memory_format=torch.channels_last)
            if arguments.frozen:
                let_rest(rest.encoder, None)
            set_rates(optimizer, settings.rate_at(step / settings.steps))
            logit = middle_logit(rest(maps), round(MIDDLE / net.stride), "mean")
            loss = nn.functional.binary_cross_entropy_with_logits(logit, target[chosen])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(learning.parameters(), settings.clip_norm)
            optimizer.step()
            moving.update(learning, epoch=0)
            losses.append(float(loss.detach()))
            step += 1
        print(f"  epoch {epoch + 1}: loss {np.mean(losses):.4f}, {time.process_time():.0f} s of CPU", flush=True)
    learning.load_state_dict(moving.net.state_dict())
    return rest.eval()


@torch.inference_mode()
def logits_of(rest, plain, numbers):
    """(2, n): as the patches are, and the mean over eight orientations."""
    each = []
    for view in plain:
        parts = []
        for chosen in np.array_split(numbers, max(1, len(numbers) // BATCH)):
            maps = torch.from_numpy(view[chosen]).float().contiguous(memory_format=torch.channels_last)
            parts.append(middle_logit(rest(maps), round(MIDDLE / rest.stride), "mean"))
        each.append(torch.cat(parts))
    return torch.stack([each[0], torch.stack(each).mean(dim=0)]).numpy()


def main():
    arguments = parse()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    images, labels = read(arguments.data, arguments.quality)
    folds = folds_of(labels)
    changed, plain = cached(arguments, make_net(arguments).eval(), images)
    print(f"{len(labels)} patches, {labels.sum()} with tumour; {time.process_time():.0f} s of CPU", flush=True)
    logits = np.full((2, len(labels)), np.nan)
    for number in arguments.folds:
        file = arguments.out / f"{arguments.name}-fold-{number}.npy"
        if not file.is_file():
            kept = np.setdiff1d(np.arange(len(labels)), folds[number])
            rest = train(arguments, make_net(arguments), changed, labels, kept)
            np.save(file, logits_of(rest, plain, folds[number]))
        logits[:, folds[number]] = np.load(file)
        for kind, each in zip(("as they are", "eight orientations"), logits, strict=True):
            report(
                f"fold {number}, {kind}", labels[folds[number]], each[folds[number]], [np.arange(len(folds[number]))]
            )
    seen = [folds[number] for number in arguments.folds]
    index = np.sort(np.concatenate(seen))
    shown = [np.searchsorted(index, fold) for fold in seen]
    for kind, each in zip(("as they are", "eight orientations"), logits, strict=True):
        report(f"{arguments.name}, {kind}", labels[index], each[index], shown)


if __name__ == "__main__":
    main()
