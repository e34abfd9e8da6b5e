"""MONAI's lung-nodule detector, run by MONAI and by us: boxes, seconds, memory, what bf16 moves, what --screen loses.

    python benchmarks/bundles.py parity                # boxes and scores against RetinaNetDetector, real shape
    python benchmarks/bundles.py window SCAN           # MONAI's network on one window, scaled to the scan
    python benchmarks/bundles.py find SCAN [--screen]  # ours: lungs only, or around the first candidates of ct-nodule
    python benchmarks/bundles.py precision SCAN        # scores in bf16 against fp32, a part of the scan
    python benchmarks/bundles.py ranks BANK            # in how many of our first candidates real nodules lie
    python benchmarks/bundles.py convolution           # a convolution of its heads, by oneDNN and by us

The published weights are not ours to ship: networks have the published shape – RetinaNet on a ResNet-50, 256
maps – and random weights with heads that are scaled so that scores spread. Figures of time, memory and agreement
do not depend on what a network has learned; what --screen loses of what a trained one would find does: `ranks` tells
what it can lose at most, and retina_brief.py what a briefly trained one loses. The tumour bundle: tumour_bundle.py.
"""

import argparse
import math
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.apps.detection.networks.retinanet_detector import RetinaNetDetector
from monai.apps.detection.utils.anchor_utils import AnchorGeneratorWithAnchorShape
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.optimize import linear_sum_assignment

from lesionkit.core.case import Case
from lesionkit.infer.detect import NoduleDetector
from lesionkit.infer.detect_settings import InferSettings
from lesionkit.infer.retina import RetinaDetector
from lesionkit.infer.screen import ScreenSettings, screened
from lesionkit.nets.guest.retina import make_retina
from lesionkit.nets.guest.retina_settings import RetinaSettings
from lesionkit.nets.weights import load_model, pick_device
from lesionkit.prepare.case import PrepareSettings, prepare_ct
from lesionkit.recipes.ct.prepare import open_native
from lesionkit.recipes.ct.settings import CtNodule
from lesionkit.runs.models import chosen_model

GIVEN = RetinaSettings()
WINDOW = (192, 192, 80)
PREPARE = PrepareSettings(spacing_mm=(1.25, 0.703125, 0.703125), margin_mm=24.0)


def network(seed: int = 0) -> Any:
    """The published shape with random weights; its batch norms have statistics, its heads say something."""
    torch.manual_seed(seed)
    net = make_retina(GIVEN).eval()
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm3d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 2)
        for head in (net.classification_head, net.regression_head):
            for parameter in head.parameters():
                if parameter.ndim > 1:
                    torch.nn.init.kaiming_normal_(parameter)
        net.regression_head.bbox_reg.weight.mul_(0.1)
        net.classification_head.cls_logits.bias.fill_(-3.5)
    return net


def of_monai(net: Any, hu: NDArray[np.int16]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Boxes and scores of MONAI's detector on one window."""
    turned = np.clip((hu.transpose(2, 1, 0)[::-1, ::-1].astype(np.float32) + 1024) / 1324, 0, 1)
    detector = RetinaNetDetector(net, AnchorGeneratorWithAnchorShape(GIVEN.anchor_scales, GIVEN.anchors)).eval()
    detector.set_box_selector_parameters(GIVEN.score, GIVEN.per_level, GIVEN.overlap, GIVEN.most)
    with torch.inference_mode():
        found = detector([torch.from_numpy(turned.copy())[None]])[0]
    return found["boxes"].numpy(), found["labels_scores"].numpy()


def detector(net: Any, precision: str = "fp32") -> RetinaDetector:
    settings = InferSettings.parse({"precision": precision, "threshold": 0.0})
    return RetinaDetector(net, GIVEN, settings, pick_device("auto"))


def parity() -> None:
    """On noise of 24 x 72 x 68 samples, which is no multiple of what the network wants."""
    noise = np.random.default_rng(0).normal(size=(24, 72, 68))
    hu = (gaussian_filter(noise, 1.5) * 3000 - 600).astype(np.int16)
    net = network()
    theirs, ours = of_monai(net, hu), detector(net).search(hu, np.ones(hu.shape, bool))
    away = np.abs(ours[0][:, None] - theirs[0][None]).max(axis=2) + np.abs(ours[1][:, None] - theirs[1][None])
    rows, columns = linear_sum_assignment(away)
    mm = np.abs(ours[0][rows] - theirs[0][columns]) * np.tile(GIVEN.spacing_mm, 2)
    print(f"{len(ours[1])} boxes, MONAI's {len(theirs[1])}; scores from {theirs[1].min():.3f} to {theirs[1].max():.3f}")
    print(f"farthest apart: {mm.max():.2g} mm, scores {np.abs(ours[1][rows] - theirs[1][columns]).max():.2g}")


def voxels(case: Case) -> float:
    """Samples of the whole scan at the spacing of the bundle."""
    spacing = GIVEN.spacing_mm[::-1]
    return math.prod(mm / step for mm, step in zip(case.image.grid.size_mm, spacing, strict=True))


class Clock:
    """Seconds that passed, and seconds of processor: what else the machine does adds to the first alone."""

    def __init__(self) -> None:
        self.at = (time.perf_counter(), time.process_time())

    def lap(self) -> str:
        before, self.at = self.at, (time.perf_counter(), time.process_time())
        self.passed, self.processor = (now - then for now, then in zip(self.at, before, strict=True))
        return f"{self.passed:.1f} s ({self.processor:.1f} of processor)"


def window(scan: Path, precision: str) -> None:
    """One window through MONAI's network."""
    whole = voxels(open_native(scan, CtNodule()))
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    net, volume = network().to(kind), torch.rand(1, 1, *WINDOW, dtype=kind)
    clock = Clock()
    with torch.inference_mode():
        net(volume)
    said, many = clock.lap(), whole / math.prod(WINDOW)
    print(
        f"MONAI, {precision}, {torch.get_num_threads()} threads: one window of {WINDOW} {said}; {many:.1f} windows of "
    )
    print(f"it without overlap: {clock.passed * many:.0f} s, {clock.processor * many:.0f} of processor; {peak()}")


def find(scan: Path, precision: str, screen: bool) -> None:
    """Read, prepare and search as `find --model BUNDLE` does."""
    retina, clock = detector(network(), precision), Clock()
    native = open_native(scan, CtNodule())
    case = prepare_ct(native, PREPARE)
    prepared = clock.lap()
    if screen:
        fast = CtNodule(infer=InferSettings(threshold=0.0))
        net, _ = load_model(chosen_model(None, "ct-nodule"))
        first = NoduleDetector(net, fast.infer, pick_device("auto")).find(prepare_ct(native, fast.prepare))
        case = screened(case, first, ScreenSettings(model="ct-nodule"))
    looked = clock.lap()
    found = retina.find(case)
    print(f"ours, {precision}, {torch.get_num_threads()} threads, {'screened' if screen else 'lungs only'}: ", end="")
    print(f"read and prepared {prepared}, screen {looked}, search {clock.lap()}, {len(found)} candidates; {peak()}")


def precision(scan: Path) -> None:
    """The same cube of lung in both precisions."""
    case = prepare_ct(open_native(scan, CtNodule()), PREPARE)
    lung = np.argwhere(case.regions["lung"].read(case.image.grid.whole))
    middle = lung[len(lung) // 3]
    low = [max(int(m) - s // 2, 0) for m, s in zip(middle, (40, 96, 96), strict=True)]
    box = tuple(slice(a, a + s) for a, s in zip(low, (40, 96, 96), strict=True))
    hu = np.asarray(case.image.read(box))
    scores = {}
    for name in ("fp32", "bf16"):
        retina = detector(network(), name)
        levels = retina.maps.cells(
            lambda b, r=retina, h=hu: r._volume(h.transpose(2, 1, 0)[::-1, ::-1], b), np.ones(hu.shape[::-1], bool), 0.0
        )
        scores[name] = torch.cat([one.logit for one in levels]).sigmoid().numpy()
    moved = np.abs(scores["bf16"] - scores["fp32"])
    high = scores["fp32"] >= GIVEN.score
    print(f"{len(moved)} anchors, {high.sum()} of at least {GIVEN.score} in fp32: bf16 moves their scores by ", end="")
    print(
        f"{np.median(moved[high]):.4f} (median), {np.quantile(moved[high], 0.99):.4f} (99 %), "
        f"{moved[high].max():.4f} (most)"
    )
    print(f"rank correlation of those {_rank_correlation(scores['fp32'][high], scores['bf16'][high]):.4f}")


def _rank_correlation(one: NDArray[Any], other: NDArray[Any]) -> float:
    ranks = [np.argsort(np.argsort(values)) for values in (one, other)]
    return float(np.corrcoef(ranks)[0, 1])


def ranks(bank: Path, copies: int) -> None:
    """Real nodules put into LIDC-IDRI-0002, ten a copy: in how many of the first candidates each lies."""
    from inserted_real import PER_COPY, chosen, places
    from lesionkit.core.lesion import Lesion
    from lesionkit.phantoms.ct.nodule_bank import TransplantSettings, load_bank
    from lesionkit.phantoms.ct.plant_real import insert_real_nodules
    from lesionkit.prepare.lung.trace import find_lungs
    from training_set import DATA, SCANS

    name, settings = "LIDC-IDRI-0002", CtNodule(infer=InferSettings(threshold=0.0, limit=1000))
    native = open_native(DATA / "ct" / SCANS[name], settings)
    known = [Lesion((float(x), float(y), float(z)), float(d)) for x, y, z, d in places(name, native.case_id)]
    lung = find_lungs(native.image, settings.prepare.lung).mask
    nodules = chosen(load_bank(bank), native, copies * PER_COPY)
    net, _ = load_model(chosen_model(None, "ct-nodule"))
    search = NoduleDetector(net, settings.infer, pick_device("auto"))
    wanted, found_in_all = [], 0
    for copy in range(copies):
        some = nodules[copy::copies]
        case = insert_real_nodules(native, lung, some, copy, TransplantSettings(scale=(1.0, 1.0)))
        found = search.find(prepare_ct(case, settings.prepare))
        centres = np.array([one.centre_mm for one in found]).reshape(-1, 3)
        # --screen looks 4 mm beyond the candidate's own radius along each axis.
        reach = np.array([(one.diameter_mm or 0) / 2 + ScreenSettings().around_mm for one in found])[:, None]
        for lesion in case.truth or ():
            near = (np.abs(centres - lesion.centre_mm) <= reach).all(axis=1)
            wanted.append(int(near.argmax()) + 1 if near.any() else 10**6)
        found_in_all += len(found)
    del known
    print(f"{len(wanted)} nodules in {copies} copies, {found_in_all / copies:.0f} candidates each")
    for most in (5, 10, 20, 30, 40, 60, 80, 100, 200, 1000):
        print(f"first {most}: {sum(rank <= most for rank in wanted)} of {len(wanted)} within what is looked at")


def convolution() -> None:
    """One convolution of a head, 256 to 256 maps on 40 x 40 x 24 cells: oneDNN's, and ours by Winograd."""
    from lesionkit.nets.guest.quick import without_padding

    torch.manual_seed(0)
    layer, volume = torch.nn.Conv3d(256, 256, 3), torch.randn(1, 256, 42, 42, 26).relu()
    with torch.inference_mode():
        exact = layer(volume)
        for name, kind in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
            held, given = layer.to(kind), volume.to(kind)
            for told, run in (("oneDNN", held), ("Winograd", without_padding(held))):
                run(given)
                clock = Clock()
                found = run(given)
                said, away = clock.lap(), (found.float() - exact).std() / exact.std()
                print(f"{told}, maps in {name}: {said}; error {away:.2g} of what comes out (standard deviations)")


def peak() -> str:
    return f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["parity", "window", "find", "precision", "ranks", "convolution"])
    parser.add_argument("path", type=Path, nargs="?")
    parser.add_argument("--screen", action="store_true")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--copies", type=int, default=4)
    options = parser.parse_args()
    verbs = {
        "parity": parity,
        "window": lambda: window(options.path, options.precision),
        "find": lambda: find(options.path, options.precision, options.screen),
        "precision": lambda: precision(options.path),
        "ranks": lambda: ranks(options.path, options.copies),
        "convolution": convolution,
    }
    verbs[options.what]()


if __name__ == "__main__":
    main()
