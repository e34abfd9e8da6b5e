"""A network that draws lesions and those that classify what it drew, in one file."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import nn

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.nets.cube.chain_settings import ChainSettings, JoinSettings
from lesionkit.nets.cube.cube_net import CubeNet
from lesionkit.nets.cube.mask_net import MaskNet


class Chain(nn.Module):
    """Its parts are called one by one: `mask` on windows, `cubes` on what lies around a candidate."""

    settings_type: ClassVar[type[Settings]] = ChainSettings

    def __init__(self, settings: ChainSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or ChainSettings()
        # All weights of a chain are given it.
        self.mask = MaskNet(self.settings.mask.model_copy(update={"pretrained": False}))
        self.cubes = nn.ModuleList([CubeNet(one) for one in self.settings.cubes])

    def joined(self, logits: ArrayLike) -> NDArray[np.float64]:
        """(n,) probabilities of (n, 1 + cubes) logits: of the network that draws, and of those that classify."""
        return _probability(logits, self.settings.coefficients, self.settings.join.intercept)

    def reranked(self, logits: ArrayLike) -> NDArray[np.float64]:
        """(n,) probabilities of (n, 2 + cubes) logits: of a faster model that found a place, and of the chain's own.

        Raises:
            LesionkitError: the chain never learned to rank what another model found.
        """
        if self.settings.rerank is None:
            raise LesionkitError("a chain ranks again only if it was trained with screen.model; train it so")
        return _probability(logits, self.settings.rerank.coefficients, self.settings.rerank.intercept)


def _probability(logits: ArrayLike, coefficients: Sequence[float], intercept: float) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-(np.asarray(logits, np.float64) @ np.array(coefficients) + intercept))))


def chain_of(
    mask: MaskNet,
    cubes: Sequence[CubeNet],
    side: int,
    join: JoinSettings | None = None,
    rerank: JoinSettings | None = None,
) -> Chain:
    """A chain with the weights of trained parts; cubes have `side` samples per axis."""
    settings = tuple(cube.settings for cube in cubes)
    chain = Chain(
        ChainSettings(mask=mask.settings, cubes=settings, join=join or JoinSettings(), rerank=rerank, side=side)
    )
    chain.mask.load_state_dict(mask.state_dict())
    for own, given in zip(chain.cubes, cubes, strict=True):
        own.load_state_dict(given.state_dict())
    return chain.eval()
