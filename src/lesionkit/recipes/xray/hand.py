"""What was found on a radiograph, to be handed over: its mask and its probability map."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.handed import Maker, Mask
from lesionkit.core.image import ArrayImage
from lesionkit.core.mask import decode_rle_siim
from lesionkit.read.picture import planes_of_picture, read_picture
from lesionkit.recipes.ensemble import nets_of
from lesionkit.recipes.handing import Handing
from lesionkit.recipes.xray.search import FoundRadiograph, probability_file
from lesionkit.recipes.xray.settings import XrayPneumothorax
from lesionkit.write.radiograph import write_radiograph

if TYPE_CHECKING:
    from lesionkit.nets.onnx_file import OnnxNet


def hand(found: FoundRadiograph, run: Path, settings: XrayPneumothorax, maker: Maker) -> Mask:
    """See `Handing.hand`."""
    del settings
    return Mask(
        case_id=found.item.case_id,
        patient_id=found.patient_id,
        path=found.item.path,
        lesion="pneumothorax",
        maker=maker,
        case=partial(_read, found),
        planes=partial(planes_of_picture, found.item.path),
        score=found.score,
        shape=found.shape,
        mask=partial(decode_rle_siim, found.encoded, found.shape),
        heat=partial(_heat, probability_file(run, found.item.case_id)),
    )


def derive(handed: Mask, folder: Path) -> Mask:
    """Write a radiograph that was no DICOM as a derived image; see `Handing.derive`."""
    case = handed.case()
    named = replace(case, case_id=f"{case.case_id}/derived", patient_id=handed.patient_id)
    path = write_radiograph(named, folder / "0001.dcm", derived=True)
    return replace(handed, planes=partial(planes_of_picture, path))


def _read(found: FoundRadiograph) -> Case:
    case = read_picture(found.item.path)
    if case.image.grid.shape != found.shape:
        raise LesionkitError(f"{found.item.path}: this is not the radiograph that was searched; put that back")
    return case


def _heat(file: Path) -> ArrayImage:
    """The probability map, a sample of it 1 mm, for the file tells no size."""
    try:
        with Image.open(file) as levels:
            heat = np.asarray(levels, np.float32) / 255
    except OSError as error:
        raise LesionkitError(f"{file}: the probability map is gone ({error}); search the radiograph again") from error
    return ArrayImage(Grid.upright(heat.shape, (1.0, 1.0)), heat)


def networks(model: Path, settings: XrayPneumothorax) -> "Iterator[OnnxNet]":
    """See `Handing.networks`."""
    from lesionkit.nets.onnx_file import OnnxNet
    from lesionkit.nets.segmenter import Segmenter
    from lesionkit.nets.weights import load_net
    from lesionkit.recipes.xray.ensemble import load_ensemble, rule_document

    del settings
    rule = rule_document(load_ensemble(model).rule)
    side_of = {net.path: net.side for net in load_ensemble(model).nets}

    for one in nets_of(model):
        net = load_net(one.path, Segmenter)[0]
        yield OnnxNet(one.path.stem, net, (1, 1, 64, 64), ("mask", "nonempty"), _told(rule, side_of[one.path]))


def _told(rule: Mapping[str, Any], side: int) -> dict[str, Any]:
    return {
        "input": {"image": "float32 (batch, 1, y, x), grey 0..1, dense tissue bright, sides multiples of 32"},
        "preprocessing": {"steps": "whole radiograph resized to side × side, no margin kept", "side": side},
        "output": {
            "mask": "float32 (batch, 1, y, x), logit of lesion per pixel",
            "nonempty": "float32 (batch,), logit that there is a lesion at all; only where it has such a head",
        },
        "postprocessing": {
            "steps": "logistic, resized to the radiograph, averaged with the mirrored one; rule",
            **rule,
        },
    }


XRAY_HANDING = Handing(hand, derive, networks)
