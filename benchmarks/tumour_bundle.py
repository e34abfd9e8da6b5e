"""MONAI's tumour bundle on a slide, run by MONAI and by us: a bundle of the published shape, agreement, and speed.

    python benchmarks/tumour_bundle.py make pathology_tumor_detection   # the published shape, random weights
    python benchmarks/tumour_bundle.py measure SLIDE                    # agreement and outputs a second
    lesionkit find SLIDE --recipe slide-metastasis --model pathology_tumor_detection

The published weights are not ours to ship. The ones that `make` writes are those that MONAI's own `TorchVisionFCModel`
gets from a seed, with the last layer scaled so that probabilities spread: they find nothing, but files, places, pages,
time and agreement are those of any weights.
"""

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lesionkit.infer.dense import infer_dense
from lesionkit.infer.dense_settings import DenseSettings
from lesionkit.nets.guest.slide_net import STRIDE, GuestNet, TumourBody, make_tumour_model
from lesionkit.nets.guest.tumour_settings import TumourSettings
from lesionkit.nets.patch_net_settings import PatchNetSettings
from lesionkit.read.slide.stream import stream
from lesionkit.read.slide.whole import open_slide

GIVEN, MONAIS_STRIDE, ROUND = TumourSettings(), 64, 320
"""`ROUND` pixels on each side of a patch are more than the network looks far."""
_CONFIG = {
    "patch_size": [224, 224],
    "network_def": {
        "_target_": "TorchVisionFCModel",
        "model_name": "resnet18",
        "num_classes": 1,
        "use_conv": True,
        "pretrained": False,
    },
    "preprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "ScaleIntensityRanged", "a_min": 0.0, "a_max": 255.0, "b_min": -1.0, "b_max": 1.0},
        ],
    },
}
_METADATA = {
    "version": "0.0.0",
    "name": "Random weights in the shape of the pathology tumor detection bundle",
    "data_source": "none; the input is that of the Camelyon dataset",
    "network_data_format": {"inputs": {"image": {"num_channels": 3}}},
}


def model() -> Any:
    torch.manual_seed(0)
    made = make_tumour_model(GIVEN).eval()
    with torch.inference_mode():
        noise = torch.rand(8, 3, 224, 224) * 2 - 1
        said = made(torch.nn.functional.avg_pool2d(noise, 9, 1, 4) * 6).flatten()
    with torch.no_grad():
        made.fc.weight.mul_(1.5 / said.std())
        made.fc.bias.fill_(float(-1 - 1.5 * said.mean() / said.std()))
    return made


def make(out: Path) -> None:
    for name, held in (("inference", _CONFIG), ("metadata", _METADATA)):
        (out / "configs").mkdir(parents=True, exist_ok=True)
        (out / "configs" / f"{name}.json").write_text(json.dumps(held, indent=1) + "\n")
    (out / "models").mkdir(exist_ok=True)
    torch.save(model().state_dict(), out / "models" / "model.pt")


def colours(rows: NDArray[Any]) -> torch.Tensor:
    """(1, 3, y, x) in -1..1, as the bundle wants them."""
    return torch.from_numpy(np.ascontiguousarray(rows)).permute(2, 0, 1)[None].float() / 127.5 - 1


def measure(path: Path) -> None:
    made = model()
    net = GuestNet(TumourBody(made, GIVEN.pool), PatchNetSettings(scaling="signed")).eval()
    image = open_slide(path).levels[0]
    for precision in ("fp32", "bf16"):
        begun = time.process_time()
        found = infer_dense(net, image, None, DenseSettings(precision=precision, tile=1536), stream)
        passed = time.process_time() - begun
        cells = math.prod(found.array.shape)
        print(
            f"ours, dense, {precision}: {cells} outputs in {passed:.1f} s of processor, {cells / passed:.0f} a second"
        )
        if precision == "fp32":
            exact = found.array
        else:
            print(f"bf16 moves probabilities by {np.abs(found.array - exact).max():.4f} at most")
    places = [(y, x) for y in range(416, 416 + 225, 64) for x in range(416, 416 + 225, 64)]
    alone, around, passed = [], [], 0.0
    for y, x in places:
        patch = colours(image.read((slice(y, y + 224), slice(x, x + 224))))
        wide = colours(image.read((slice(y - ROUND, y + 224 + ROUND), slice(x - ROUND, x + 224 + ROUND))))
        with torch.inference_mode():
            begun = time.process_time()
            alone.append(float(made(patch).sigmoid()))
            passed += time.process_time() - begun
            middle = made(wide).sigmoid()[0, 0]
            around.append(float(middle[middle.shape[0] // 2, middle.shape[1] // 2]))
    ours = np.array([exact[(y + 112) // STRIDE, (x + 112) // STRIDE] for y, x in places])
    each, count = passed / len(places), math.prod(image.grid.shape) / MONAIS_STRIDE**2
    print(
        f"MONAI's, patch by patch: {1 / each:.0f} a second; {each * count:.1f} s for the {count:.0f} patches at its ",
        end="",
    )
    print(f"stride of {MONAIS_STRIDE}, {each * cells:.0f} s for as many outputs as ours")
    print(
        f"probabilities {ours.min():.3f} to {ours.max():.3f} at {len(places)} places; MONAI's with what is around a ",
        end="",
    )
    print(f"patch differ by {np.abs(ours - around).max():.2g}, of the patch alone by {np.abs(ours - alone).max():.2g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["make", "measure"])
    parser.add_argument("path", type=Path)
    options = parser.parse_args()
    {"make": make, "measure": measure}[options.what](options.path)


if __name__ == "__main__":
    main()
