"""One network on one radiograph."""

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from lesionkit.infer.fuse import Prediction
from lesionkit.nets.segmenter import Segmenter


@torch.inference_mode()
def predict(
    net: Segmenter, image: NDArray[np.float32], flip: bool = True, precision: Literal["fp32", "bf16"] = "fp32"
) -> Prediction:
    """One network on one image (y, x) with grey values 0..1; the sides are multiples of 32.

    The network is used as it is: call `eval()` on it before.

    Args:
        flip: average with the image mirrored left to right, as four of the five winners did (rows 3.24, 3.88, 3.109);
            both go through the network in one batch.
        precision: bf16 computes in autocast; probabilities are float32 all the same.
    """
    device = next(net.parameters()).device
    batch = torch.from_numpy(np.ascontiguousarray(image, np.float32)).to(device)[None, None]
    if flip:
        batch = torch.cat([batch, batch.flip(3)])
    batch = batch.contiguous(memory_format=torch.channels_last)
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
        output = net(batch)
    probability = output.mask[:, 0].float().sigmoid()  # b y x
    if flip:
        probability[1] = probability[1].flip(1)
    head = None if output.nonempty is None else float(output.nonempty.float().sigmoid().mean())
    return Prediction(probability.mean(dim=0).cpu().numpy(), head)
