"""How many radiographs a core reads, decodes and augments per second, beside how many one core's network eats.

    lesionkit phantom xray --out DATA --count 8 --size 1024
    python benchmarks/xray_pictures.py DATA

Reading is a DICOM file and its mask to grey values 0..255, done once when data are prepared. Showing is what each epoch
does: a prepared radiograph resized to the side in use and augmented as each winner did. The network's appetite is one
training step (forward, backward, Adam; bf16) or one inference, in radiographs. All figures are radiographs per second
of processor time of one thread, because other work may share the machine; "share" is how many cores showing needs for
each core that learns.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from lesionkit.core.grey import to_bytes
from lesionkit.nets.segmenter import Segmenter
from lesionkit.nets.segmenter_settings import WINNERS, SegmenterSettings
from lesionkit.read.chest_set import ChestImage, load_chest_image, read_chest_set
from lesionkit.sample.augment_2d import AUGMENTATIONS
from lesionkit.sample.pictures import Entry
from lesionkit.sample.radiographs import ShownPictures, scaled_augmentation

SMALL = SegmenterSettings(architecture="unet", encoder="tu-test_resnet", pretrained=False, head="linear")
ALBUNET = WINNERS["1st albunet"].model_copy(update={"pretrained": False})


class Prepared:
    """Radiographs in memory."""

    def __init__(self, images: list[np.ndarray], masks: list[np.ndarray]) -> None:
        self.images, self.masks = images, masks

    def __len__(self) -> int:
        return len(self.images)

    def image(self, number: int) -> np.ndarray:
        return self.images[number]

    def mask(self, number: int) -> np.ndarray:
        return self.masks[number]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="a folder in the layout of SIIM-ACR")
    parser.add_argument("--images", type=int, default=8, help="at most so many files")
    parser.add_argument("--seconds", type=float, default=3.0, help="least time per figure")
    options = parser.parse_args()
    torch.set_num_threads(1)
    files = [image for image in read_chest_set(options.data) if image.looked_at][: options.images]
    pictures, rate = read_all(files, options.seconds)
    sides = sorted({image.shape for image in pictures.images})
    positive = sum(bool(mask.any()) for mask in pictures.masks)
    print(f"{len(files)} radiographs of {sides} px, {positive} with a lesion")
    print(f"reading and decoding             {rate:8.1f} /s")
    appetite = {}
    for name, settings, side, batch in (
        ("small net", SMALL, 256, 8),
        ("small net", SMALL, 512, 4),
        ("AlbuNet-34", ALBUNET, 1024, 1),
    ):
        net = Segmenter(settings).to(memory_format=torch.channels_last)
        for kind, step in (("learns", learner(net, side, batch)), ("infers", predictor(net, side, batch))):
            appetite[name, side, kind] = batch * per_second(step, options.seconds)
            print(f"{name:10} at {side:4} px {kind:8} {appetite[name, side, kind]:12.2f} /s")
    for (name, side, kind), eaten in appetite.items():
        if kind == "learns":
            for winner in AUGMENTATIONS:
                made = per_second(shower(pictures, winner, side), options.seconds)
                print(f"augmented as {winner:4} at {side:4} px {made:10.1f} /s   share of {name} {eaten / made:7.3f}")


def read_all(files: list[ChestImage], seconds: float) -> tuple[Prepared, float]:
    """The radiographs, and how many are read per second."""
    images, masks = [], []
    for file in files:
        case = load_chest_image(file)
        images.append(to_bytes(case.image.array))
        masks.append(case.regions["lesion"].array)
    turn = iter(files * 100_000)
    return Prepared(images, masks), per_second(lambda: to_bytes(load_chest_image(next(turn)).image.array), seconds)


def shower(pictures: Prepared, winner: str, side: int) -> Callable[[], object]:
    """Shows one radiograph after the other; `side` is the whole, of which the fourth place shows a crop."""
    entries = [Entry(pictures, number % len(pictures)) for number in range(100_000)]
    shown = ShownPictures(entries, scaled_augmentation(winner, side), side, seed=0, epoch=0)
    turn = iter(range(100_000))
    return lambda: shown[next(turn)]


def learner(net: Segmenter, side: int, batch: int) -> Callable[[], None]:
    """One training step."""
    optimizer = torch.optim.Adam(net.parameters(), 1e-4)
    image = torch.rand(batch, 1, side, side)
    truth = (image > 0.99).float()

    def step() -> None:
        net.train()
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            mask = net(image).mask
        functional.binary_cross_entropy_with_logits(mask.float(), truth).backward()
        optimizer.step()

    return step


def predictor(net: Segmenter, side: int, batch: int) -> Callable[[], None]:
    """One inference without test-time augmentation."""
    image = torch.rand(batch, 1, side, side)

    def step() -> None:
        net.eval()
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            net(image)

    return step


def per_second(work: Callable[[], object], seconds: float) -> float:
    """Calls per second of processor time; the first call is not counted."""
    work()
    start, calls = time.process_time(), 0
    while (spent := time.process_time() - start) < seconds:
        work()
        calls += 1
    return calls / spent


if __name__ == "__main__":
    main()
