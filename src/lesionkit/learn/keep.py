"""Which weights of a training stay: files of weights alone, the best few of a part."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing
from lesionkit.nets.finite import refuse_not_finite
from lesionkit.nets.segmenter import Segmenter
from lesionkit.nets.segmenter_settings import SegmenterSettings


class Kept:
    """The best weights of one part of a training.

    Args:
        folder: where they are written.
        count: how many stay; 5, 3 and 4 with the first, third and fourth place (rows 3.16, 3.17, 3.66, 3.87).
    """

    def __init__(self, folder: Path, count: int) -> None:
        self.folder, self.count = Path(folder), count
        self.ranked: list[tuple[float, str]] = []

    @property
    def best(self) -> tuple[Path, ...]:
        """The files, best first; of two with the same figure the later one."""
        return tuple(self.folder / name for _, name in self.ranked)

    def offer(self, net: Segmenter, figure: float, epoch: int, write: bool = True) -> None:
        """Write the weights if they are among the best.

        Args:
            figure: higher is better.
            write: false in all but one of several processes.
        """
        name = f"epoch-{epoch:03d}-{figure:.4f}.pt"
        self.ranked = sorted([(figure, name), *self.ranked], key=lambda entry: -entry[0])[: self.count]
        if write and (figure, name) in self.ranked:
            write_weights(self.folder / name, net)

    def prune(self) -> None:
        """Delete what is no longer among the best; after a checkpoint, so that no resumed training misses a file."""
        names = {name for _, name in self.ranked}
        for path in self.folder.glob("epoch-*.pt"):
            if path.name not in names:
                path.unlink()


def write_weights(path: Path, net: Segmenter) -> None:
    """Write settings and weights of a network as they are, in 32 bits."""
    state = {name: tensor.detach().cpu() for name, tensor in net.state_dict().items()}
    refuse_not_finite(path, state, "written")
    with replacing(path) as temporary:
        torch.save({"settings": net.settings.model_dump_json(), "state": state}, temporary)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The weights of a file by name; see `read_net`."""
    state: dict[str, Tensor] = _contents(path)["state"]
    return state


def read_net(path: Path) -> Segmenter:
    """The network of a file in evaluation mode. Inverse of `write_weights`; nothing is downloaded.

    Raises:
        LesionkitError: there is no such file.
    """
    contents = _contents(path)
    settings = SegmenterSettings.model_validate_json(contents["settings"])
    net = Segmenter(settings.model_copy(update={"pretrained": False}))
    net.load_state_dict(contents["state"])
    return net.eval()


def _contents(path: Path) -> Mapping[str, Any]:
    if not Path(path).is_file():
        raise LesionkitError(f"no weights at {path}; the training may have been cleared, train again")
    contents: Mapping[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    refuse_not_finite(path, contents["state"], "read")
    return contents
