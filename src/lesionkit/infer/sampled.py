"""The fast mode of system 4: a sample of a slide's patches, each judged by its middle (row 4.18)."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.image import Image
from lesionkit.infer.dense import NetRunner, Stream
from lesionkit.infer.sampled_settings import SampledSettings
from lesionkit.nets.patch_net import PatchNet


def infer_sampled(
    net: PatchNet,
    image: Image,
    patches: pd.DataFrame,
    settings: SampledSettings,
    stream: Stream,
    precision: Literal["auto", "bf16", "fp32"] = "auto",
    device: str = "auto",
) -> pd.DataFrame:
    """Scores of some of a slide's patches.

    Args:
        image: uint8 RGB at the spacing the net learned on.
        patches: with row and column, the first pixel of each; those of tissue.
        stream: reads the next patches while these are computed.
        precision, device: see `NetRunner`.

    Returns:
        Those of the patches that were drawn, from the top left, with a column score, 0..1. Published as score of the
        slide is the largest.

    Raises:
        LesionkitError: the patch does not suit the net, or its middle is larger than it is.
    """
    if settings.patch % net.multiple or settings.centre > settings.patch:
        raise LesionkitError(
            f"a patch must be a multiple of {net.multiple} pixels for this net and hold its middle, got "
            f"{settings.patch} with a middle of {settings.centre}"
        )
    if len(patches) > settings.most:
        patches = patches.sample(settings.most, random_state=settings.seed)
    # The order of the file, so that each of its tiles is decoded once.
    drawn = patches.sort_values(["row", "column"])
    boxes = [
        (slice(row, row + settings.patch), slice(column, column + settings.patch))
        for row, column in zip(drawn["row"].tolist(), drawn["column"].tolist(), strict=True)
    ]
    run = NetRunner(net, precision, device)
    blocks = (block for _, block in stream(image, boxes))
    scores = [float(score) for batch in _batches(blocks, settings.batch) for score in judge(run(batch), net, settings)]
    return drawn.assign(score=np.array(scores, dtype=np.float64))


def judge(probability: NDArray[np.float32], net: PatchNet, settings: SampledSettings) -> NDArray[np.float32]:
    """One score (b,) of each patch's probabilities (b, y, x): maximum or quantile of its middle."""
    side = max(1, round(settings.centre / net.stride))
    top, left = ((n - side) // 2 for n in probability.shape[1:])
    middle = probability[:, top : top + side, left : left + side].reshape(len(probability), -1)
    if settings.rule == "maximum":
        return np.asarray(middle.max(axis=1))
    place = int(np.ceil(settings.quantile * middle.shape[1])) - 1
    return np.asarray(np.partition(middle, place, axis=1)[:, place])


def _batches(blocks: Iterator[NDArray[np.uint8]], size: int) -> Iterator[NDArray[np.uint8]]:
    held: Sequence[NDArray[np.uint8]]
    while held := list(islice(blocks, size)):
        yield np.stack(held)
