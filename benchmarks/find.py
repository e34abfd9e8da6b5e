"""How fast `find` is on one scan, beside MONAI's RetinaNet as its lung-nodule bundle builds it.

    python benchmarks/find.py SCAN [--model RUN] [--no-peer]

Times reading, preparing and searching after the imports, in bf16 with all threads torch takes, best of three runs;
the first, in which kernels are still being chosen, is told too. The peer – RetinaNet-ResNet50, stem stride 2 2 1, FPN
on layers 1 and 2, three anchors – runs one 192 x 192 x 80 window at 0.703 x 0.703 x 1.25 mm in the same precision; its
time is scaled per voxel to the bare volume, without any overlap of windows, which favours it.
"""

import argparse
import math
import resource
import time
from pathlib import Path

import torch
from monai.apps.detection.networks.retinanet_network import RetinaNet, resnet_fpn_feature_extractor
from monai.networks.nets.resnet import resnet50

from lesionkit.recipes.base import Item
from lesionkit.recipes.ct.nodule import RECIPE
from lesionkit.recipes.ct.search import load_detectors, open_scan, search_scan
from lesionkit.runs.models import chosen_model

WINDOW = (192, 192, 80)
PEER_SPACING_XYZ = (0.703125, 0.703125, 1.25)


def peer_seconds(repeats: int = 3) -> float:
    """One window through the peer, bf16, best of `repeats` after one to warm up."""
    backbone = resnet50(spatial_dims=3, n_input_channels=1, conv1_t_stride=(2, 2, 1), conv1_t_size=(7, 7, 7))
    extractor = resnet_fpn_feature_extractor(backbone, 3, False, [1, 2], None)
    net = RetinaNet(
        spatial_dims=3, num_classes=1, num_anchors=3, feature_extractor=extractor, size_divisible=(16, 16, 8)
    )
    net = net.eval().to(torch.bfloat16)
    volume = torch.randn(1, 1, *WINDOW, dtype=torch.bfloat16)
    times = []
    with torch.inference_mode():
        for _ in range(repeats + 1):
            start = time.perf_counter()
            net(volume)
            times.append(time.perf_counter() - start)
    return min(times[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scan", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--no-peer", action="store_true")
    options = parser.parse_args()
    settings, model = RECIPE.model_settings(options.model), chosen_model(options.model, RECIPE.name)
    item = Item(options.scan.name, options.scan)
    load_detectors(model, settings)
    size_mm: list[float] = []
    runs: list[dict[str, float]] = []
    for _ in range(4):
        found = search_scan(item, open_scan(item, settings), model, settings, Path(), keep=False)
        runs.append(found.facts["seconds"])
        if found.native is not None:
            size_mm = list(found.native.image.grid.size_mm)
        del found
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"precision {settings.infer.precision}, {torch.get_num_threads()} threads")
    best = min(runs[1:], key=lambda run: run["total"])
    for name, run in (("first", runs[0]), ("best of the next three", best)):
        steps = ", ".join(f"{step} {seconds:.2f}" for step, seconds in run.items())
        print(f"{name}: {steps} s")
    print(f"peak memory of the process {peak:.2f} GB")
    if options.no_peer:
        return
    voxels = math.prod(mm / spacing for mm, spacing in zip(size_mm, PEER_SPACING_XYZ[::-1], strict=True))
    window = peer_seconds()
    scaled = window * voxels / math.prod(WINDOW)
    print(f"peer: one window {window:.2f} s in bf16, scaled to {voxels / 1e6:.1f} million voxels {scaled:.1f} s")
    print(f"ratio peer / find: {scaled / runs[0]['total']:.1f} (first), {scaled / best['total']:.1f} (best)")


if __name__ == "__main__":
    main()
