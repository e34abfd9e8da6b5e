"""How fast a radiograph is searched: 16 bits in, probability at every pixel out, mirrored image included.

    python benchmarks/xray_speed.py [--threads 2] [--repeats 5]

The weights are random: what a network has learned does not change its speed. Three are timed through the same class
that `find` uses, from the samples in memory to the probabilities at the radiograph's own size: the U-Nets of the sizes
that are and were shipped on 512 x 512, and AlbuNet-34 of the first place on 1024 x 1024. Reading and decoding the file
is not counted. Medians of `--repeats` runs after one to warm up, bf16 and fp32 in turn, so that a busy machine harms
both; the processor time per thread is told beside them, because on a busy machine the clock also counts the waiting.
"""

import argparse
import statistics
import time

import numpy as np
import torch

from lesionkit.infer.segment import RadiographSegmenter
from lesionkit.infer.segment_settings import SegmentInferSettings
from lesionkit.nets.segmenter import Segmenter
from lesionkit.nets.segmenter_settings import SegmenterSettings

NETS = (
    (
        "shipped size",
        SegmenterSettings(
            architecture="light unet",
            encoder="tf_efficientnet_lite0",
            pretrained=False,
            scaling="imagenet",
            head="linear",
        ),
        512,
        0.5,
    ),
    (
        "shipped before",
        SegmenterSettings(architecture="light unet", encoder="narrow-resnet18", pretrained=False, head="linear"),
        512,
        0.5,
    ),
    ("AlbuNet-34", SegmenterSettings(pretrained=False), 1024, 8.0),
)
PRECISIONS = ("bf16", "fp32")


def seconds(net: Segmenter, side: int, repeats: int) -> dict[str, list[tuple[float, float]]]:
    """Per precision (seconds by the clock, seconds of the processor) of each run on one radiograph of side x side."""
    image = np.random.default_rng(0).integers(0, 65536, (side, side)).astype(np.uint16)
    segmenters = {
        precision: RadiographSegmenter([(net, 1.0)], SegmentInferSettings(side=side, precision=precision, device="cpu"))
        for precision in PRECISIONS
    }
    times: dict[str, list[tuple[float, float]]] = {precision: [] for precision in PRECISIONS}
    for _ in range(repeats + 1):
        for precision, segmenter in segmenters.items():
            clock, processor = time.perf_counter(), time.process_time()
            segmenter(image)
            times[precision].append((time.perf_counter() - clock, time.process_time() - processor))
    return {precision: values[1:] for precision, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    print(f"{options.threads} threads, random weights, flip averaged, median of {options.repeats} (least … most)")
    for name, settings, side, target in NETS:
        net = Segmenter(settings)
        millions = sum(p.numel() for p in net.parameters()) / 1e6
        times = seconds(net, side, options.repeats)
        clock = {precision: [c for c, _ in values] for precision, values in times.items()}
        busy = {precision: statistics.median(p for _, p in values) for precision, values in times.items()}
        median = {precision: statistics.median(values) for precision, values in clock.items()}
        print(f"{name}, {millions:.1f} million weights, {side} x {side}, target {target:g} s in bf16:")
        for precision, values in clock.items():
            per_thread = busy[precision] / options.threads
            print(
                f"  {precision} {median[precision]:.3f} s ({min(values):.3f} … {max(values):.3f}), "
                f"processor {per_thread:.3f} s per thread"
            )
        by_clock, by_processor = median["fp32"] / median["bf16"], busy["fp32"] / busy["bf16"]
        print(f"  fp32 / bf16 {by_clock:.2f} by the clock, {by_processor:.2f} by the processor", flush=True)


if __name__ == "__main__":
    main()
