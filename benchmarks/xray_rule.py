"""How far a rule without learning comes on the radiograph phantoms: they are hard enough if it stays below 0.40.

    lesionkit phantom xray --out TUNE --count 48 --size 256 --seed 2
    lesionkit phantom xray --out TEST --count 240 --per-ct 5 --size 256 --seed 101
    python benchmarks/xray_rule.py TUNE TEST

The rule is what one would write by hand: within a band along the outer edge of the lung (the TRUE lung mask is given,
which flatters it), a pixel is air if it is darker than most of the lung and without texture; pieces that are too small
go. Its four numbers are searched on TUNE, once for the challenge's Dice and once for the Dice on positives.
"""

import argparse
import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage

from lesionkit.core.mask import encode_rle_siim
from lesionkit.evaluate.siim import SiimSettings, score_siim
from lesionkit.read.chest_set import load_chest_image, read_chest_set

WIDTHS_AT = 512
"""Side in pixels that the widths of the filters belong to; on other sides they are alike in proportion."""


@dataclass(frozen=True)
class Rule:
    dark: float  # quantile of the lung's brightness
    flat: float  # quantile of the lung's local texture
    band: float  # share of the lung's half width
    least: float  # share of the image


@dataclass(frozen=True, eq=False)
class Features:
    """Ranks (0 … 1) within the lung of one image, and where they stand."""

    brightness: np.ndarray
    texture: np.ndarray
    depth: np.ndarray
    lung: np.ndarray
    truth: np.ndarray


def features(case):
    image = case.image.array.astype(np.float32)
    lung = case.regions["lung"].array
    pixel = len(image) / WIDTHS_AT
    smooth = ndimage.gaussian_filter(image, 2.0 * pixel)
    # Slow differences are no texture.
    fine = image - ndimage.gaussian_filter(image, 4.0 * pixel)
    texture = np.sqrt(ndimage.gaussian_filter(fine**2, 3.0 * pixel))
    # Brightness against the same height of both lungs, so that darker bases do not win.
    row_mean = np.array([smooth[r][lung[r]].mean() if lung[r].any() else 0.0 for r in range(len(image))])
    even = smooth - ndimage.gaussian_filter1d(row_mean, 10 * pixel)[:, None]
    depth = ndimage.distance_transform_edt(lung)
    return Features(
        ranks(even, lung), ranks(texture, lung), depth / depth[lung].max(), lung, case.regions["lesion"].array
    )


def ranks(values, lung):
    result = np.ones(values.shape, np.float32)
    order = np.argsort(np.argsort(values[lung]))
    result[lung] = order / max(1, len(order) - 1)
    return result


def pieces(rule, found):
    """Labels of the dark and flat pieces at the edge, and their sizes."""
    mask = (found.brightness < rule.dark) & (found.texture < rule.flat) & (found.depth < rule.band) & found.lung
    labels, _ = ndimage.label(ndimage.binary_closing(ndimage.binary_opening(mask), iterations=2))
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return labels, sizes


def apply(rule, found):
    labels, sizes = pieces(rule, found)
    return (sizes >= max(1, rule.least * labels.size))[labels]


def overlap(mask, truth):
    both = mask.sum() + truth.sum()
    return 1.0 if both == 0 else 2 * (mask & truth).sum() / both


def search(images):
    """The best rule for the challenge's Dice and the best for positives."""
    grid = itertools.product((0.05, 0.1, 0.2, 0.3, 0.45, 0.6), (0.3, 0.5, 0.7, 1.0), (0.15, 0.25, 0.4, 0.7))
    leasts = (0.0005, 0.002, 0.005, 0.01, 0.02, 0.04)
    sick = np.array([image.truth.any() for image in images])
    scored = []
    for dark, flat, band in grid:
        dices = np.empty((len(leasts), len(images)))
        for column, image in enumerate(images):
            labels, sizes = pieces(Rule(dark, flat, band, 0.0), image)
            for row, least in enumerate(leasts):
                mask = (sizes >= max(1, least * labels.size))[labels]
                dices[row, column] = overlap(mask, image.truth)
        for row, least in zip(dices, leasts, strict=True):
            scored.append((row.mean(), row[sick].mean(), Rule(dark, flat, band, least)))
    return max(scored, key=lambda s: s[0])[2], max(scored, key=lambda s: s[1])[2]


def table(names, masks, patients=None):
    columns = {"image_id": names, "encoded": [encode_rle_siim(mask) for mask in masks]}
    return pd.DataFrame(columns if patients is None else {**columns, "patient_id": patients})


def report(name, rule, cases, images):
    names = [case.case_id for case in cases]
    truth = table(names, [image.truth for image in images], [case.patient_id for case in cases])
    masks = [apply(rule, image) for image in images]
    score = score_siim(truth, table(names, masks), images[0].truth.shape, settings=SiimSettings())
    print(f"\n{name}: {rule}")
    for figure, value in score.figures.items():
        print(f"  {figure:20s} {value.value:.3f}  [{value.lower:.3f}, {value.upper:.3f}]")
    healthy = [mask for mask, image in zip(masks, images, strict=True) if not image.truth.any()]
    print(f"  fooled on {sum(mask.any() for mask in healthy)} of {len(healthy)} healthy images")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tune", type=Path)
    parser.add_argument("test", type=Path)
    paths = parser.parse_args()
    tune, test = ([load_chest_image(image) for image in read_chest_set(path)] for path in (paths.tune, paths.test))
    for_all, for_sick = search([features(case) for case in tune])
    images = [features(case) for case in test]
    share = [100 * image.truth.mean() for image in images if image.truth.any()]
    print(
        f"{len(test)} radiographs, {len(share)} with pneumothorax of {np.min(share):.1f} to {np.max(share):.1f} % area"
    )
    report("rule tuned for the challenge's Dice", for_all, test, images)
    report("rule tuned for the Dice on positives", for_sick, test, images)


if __name__ == "__main__":
    main()
