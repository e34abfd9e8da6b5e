"""What a network that draws slices says of slices that readers outlined, on the samples of these."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from lesionkit.core.outlined import OutlinedSlices
from lesionkit.nets.cube.mask_net import MaskNet
from lesionkit.nets.intensity import scale_hu


@torch.inference_mode()
def drawn_in(net: MaskNet, outlined: OutlinedSlices, pixel_mm: float) -> Iterator[NDArray[np.float32]]:
    """Probabilities (y, x) of each slice in turn, on its own samples.

    Args:
        net: of two dimensions, in evaluation mode.
        pixel_mm: distance of samples that the network learned on; slices are resampled to it and back, linearly.
    """
    device = next(net.parameters()).device
    for image, own_mm in zip(outlined.hu, outlined.pixel_mm, strict=True):
        hu = torch.from_numpy(image.astype(np.float32))[None, None].to(device)
        shape = tuple(max(net.multiple, round(side * own_mm / pixel_mm)) for side in image.shape)
        small = functional.interpolate(scale_hu(hu), shape, mode="bilinear", align_corners=False)
        down, right = (-side % net.multiple for side in shape)
        logit = net(functional.pad(small, (0, right, 0, down), mode="reflect"))[..., : shape[0], : shape[1]]
        whole = functional.interpolate(logit.float(), image.shape, mode="bilinear", align_corners=False)
        yield np.asarray(whole[0, 0].sigmoid().cpu().numpy())
