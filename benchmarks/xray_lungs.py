"""Train the lung network on real radiographs whose lungs are drawn, and measure it on patients it never saw.

    python benchmarks/xray_lungs.py RADIOGRAPHS MASKS --out FOLDER [--epochs 8] [--side 224]

Patients come from a patients.csv or index.csv beside RADIOGRAPHS; those of every fifth are held out. Tells the Dice of
the held-out lung masks at their own size, one threshold of 0.5, mirrored image averaged, as `find` does, with a 95 %
interval over patients. Writes FOLDER/xray-lung.safetensors.
"""

import argparse
from pathlib import Path

import numpy as np

from lesionkit.core.grey import to_grey
from lesionkit.evaluate.overlap import mask_dice
from lesionkit.infer.predict import predict
from lesionkit.infer.segment import resized
from lesionkit.learn.schedule_settings import TrainingPart
from lesionkit.nets.precision import pick_precision
from lesionkit.nets.segmenter_settings import SegmenterSettings
from lesionkit.nets.weights import pick_device, save_model
from lesionkit.read.chest_rows import ImageRow
from lesionkit.read.picture import picture_shape, read_mask, read_picture
from lesionkit.recipes.xray.lung import train_lungs
from lesionkit.recipes.xray.paint import find_sources
from lesionkit.recipes.xray.settings import LUNG, LungSettings, XrayPneumothorax

ENCODER = SegmenterSettings(
    architecture="light unet", encoder="tf_efficientnet_lite0", pretrained=True, scaling="imagenet", head="none"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("radiographs", type=Path)
    parser.add_argument("masks", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--side", type=int, default=224)
    options = parser.parse_args()
    sources, notes = find_sources(options.radiographs, options.masks)
    rows = [
        ImageRow(s.image.stem, s.patient_id, str(s.image), *picture_shape(s.image), "-1", lungs=str(s.lungs))
        for s in sources
    ]
    part = TrainingPart(
        epochs=options.epochs, rate=1e-3, shape="cosine", period=options.epochs, lowest=1e-5, side=options.side
    )
    learn = LUNG.learn.model_copy(update={"parts": (part,)})
    member = LUNG.model_copy(update={"net": ENCODER, "learn": learn, "augment": "rooms", "side": options.side})
    settings = XrayPneumothorax(lung=LungSettings(member=member))
    net, card, more = train_lungs(options.out / "training", rows, settings)
    held = sorted({row.patient_id for row in rows})[::5]
    dices: dict[str, list[float]] = {}
    device = pick_device("cpu")
    for row in (row for row in rows if row.patient_id in set(held)):
        grey = to_grey((case := read_picture(Path(row.path))).image.read(case.image.grid.whole))
        found = predict(net, resized(grey, (options.side,) * 2), True, pick_precision("auto", device)).probability
        dice = mask_dice(resized(found, grey.shape) > 0.5, read_mask(Path(row.lungs), grey.shape))
        dices.setdefault(row.patient_id, []).append(dice)
    means = np.array([np.mean(values) for values in dices.values()])
    draws = np.random.default_rng(0).choice(means, (2000, len(means))).mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    worst = min((value, name) for name, values in dices.items() for value in values)
    for sentence in [*notes, *more]:
        print(sentence)
    print(f"{sum(map(len, dices.values()))} held-out radiographs of {len(means)} patients")
    print(f"Dice {means.mean():.3f} (95 % interval {low:.3f} to {high:.3f}), worst {worst[0]:.3f} of {worst[1]}")
    card |= {"measured": {"dice": round(float(means.mean()), 4), "interval": [round(float(v), 4) for v in (low, high)]}}
    save_model(options.out / "xray-lung.safetensors", net, card)


if __name__ == "__main__":
    main()
