"""A model of chest CT -> its detectors, ready to search."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from lesionkit.infer.domain import Domain
from lesionkit.recipes.ct.settings import CtSettings
from lesionkit.recipes.ensemble import Net, model_card, nets_of

if TYPE_CHECKING:
    from lesionkit.infer.detectors import Detector

Model = Path | tuple[Net, ...]
"""What searches: weights or `ensemble.json`, or some of the networks of one."""


@lru_cache(maxsize=2)
def load_detectors(model: Model, settings: CtSettings) -> "tuple[list[Detector], list[float], Domain]":
    """The detectors of a model, their weights, and what they were trained on; loaded once per process, torch too."""
    from lesionkit.infer.detectors import load_detector

    nets = nets_of(model) if isinstance(model, Path) else model
    detectors = [load_detector(net.path, settings.infer) for net in nets]
    card = model_card(model if isinstance(model, Path) else nets[0].path)
    return detectors, [net.weight for net in nets], Domain.parse(card.get("domain", {}))
