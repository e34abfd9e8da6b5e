"""The best weights of a training that is validated every so many steps: one file beside its checkpoints."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lesionkit.core.files import replacing

BEST_FILE = "best.pt"


class Best:
    """The weights whose figure was the highest so far, in a file; of two with one figure the earlier.

    Args:
        folder: where the file lies; what an earlier sitting of the same training left there counts.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / BEST_FILE

    @property
    def step(self) -> int | None:
        """After which step they were the kept ones; None where nothing was validated."""
        return int(self._contents()["step"]) if self.file.is_file() else None

    def offer(self, net: nn.Module, figure: float, step: int) -> None:
        """Write the weights if none before were as good.

        Args:
            figure: higher is better; one that is not finite is no figure.
        """
        if figure != figure or (self.file.is_file() and figure <= self._contents()["figure"]):
            return
        state = {name: tensor.detach().cpu() for name, tensor in net.state_dict().items()}
        with replacing(self.file) as temporary:
            torch.save({"figure": float(figure), "step": step, "state": state}, temporary)

    def restore(self, net: nn.Module) -> None:
        """Give a network the best weights, if there are any."""
        if self.file.is_file():
            net.load_state_dict(self._contents()["state"])

    def forget(self) -> None:
        """Remove the file, for a training that begins anew."""
        self.file.unlink(missing_ok=True)

    def _contents(self) -> Mapping[str, Any]:
        contents: Mapping[str, Any] = torch.load(self.file, map_location="cpu", weights_only=True)
        return contents
