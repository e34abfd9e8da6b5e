"""Groups of parameters that learn at rates of their own, and an encoder that rests at first; for all trainings."""

from collections.abc import Iterator
from typing import Any

from torch import nn
from torch.nn import Parameter
from torch.optim import Optimizer

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.finetune_settings import FinetuneSettings

SCALE = "scale"
"""Key of a group: what its learning rate is multiplied with."""


def parameter_groups(
    net: nn.Module, encoder: nn.Module | None, settings: FinetuneSettings, *, norms_decay: bool
) -> list[dict[str, Any]]:
    """Groups for an optimiser, each with its `SCALE`; where nothing is to differ, as few as there can be.

    Args:
        encoder: the part of the net that starts from published weights; None where there is none.
        norms_decay: whether norms and biases decay as convolutions do.

    Raises:
        LesionkitError: an encoder is to learn at rates of its own, and the net has none.
    """
    if encoder is None and settings.changes_something:
        raise LesionkitError(
            f"learn.finetune is of a net with an encoder, such as net.encoder=tf_efficientnet_lite0, got a "
            f"{type(net).__name__} without; leave it out"
        )
    scales: dict[float, list[Parameter]] = {1.0: []}
    inner = {} if encoder is None else {id(p): scale for scale, p in _scaled(encoder, settings)}
    for parameter in net.parameters():
        scales.setdefault(inner.get(id(parameter), 1.0), []).append(parameter)
    # What learns fastest comes first, for its rate is the one that is logged.
    fastest_first = sorted(scales.items(), reverse=True, key=lambda one: one[0])
    return [group for scale, members in fastest_first for group in _decaying(members, scale, norms_decay)]


def _scaled(encoder: nn.Module, settings: FinetuneSettings) -> Iterator[tuple[float, Parameter]]:
    stages = stages_of(encoder)
    deepest = max((stage for stage, _ in stages), default=0)
    for stage, parameter in stages:
        yield settings.encoder_rate * settings.layer_decay ** (deepest - stage), parameter


def stages_of(encoder: nn.Module) -> list[tuple[int, Parameter]]:
    """Each parameter with the number of its stage: 0 before the first numbered block, and one more at each.

    >>> net = nn.Sequential(nn.Sequential(nn.Conv2d(1, 1, 1, bias=False)), nn.Conv2d(1, 1, 1, bias=False))
    >>> [stage for stage, _ in stages_of(net)]
    [1, 2]
    """
    seen, found = list[str](), []
    for name, parameter in encoder.named_parameters():
        parts = name.split(".")
        number = next((place for place, part in enumerate(parts) if part.isdigit()), None)
        block = None if number is None else ".".join(parts[: number + 1])
        if block is not None and block not in seen:
            seen.append(block)
        found.append((len(seen) if block is None else seen.index(block) + 1, parameter))
    return found


def _decaying(members: list[Parameter], scale: float, norms_decay: bool) -> Iterator[dict[str, Any]]:
    large = [p for p in members if norms_decay or p.ndim > 1]
    small = [p for p in members if not norms_decay and p.ndim <= 1]
    if large:
        yield {"params": large, SCALE: scale}
    if small:
        yield {"params": small, "weight_decay": 0.0, SCALE: scale}


def set_rates(optimizer: Optimizer, rate: float) -> None:
    """Each group learns at `rate` times its scale from now on."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get(SCALE, 1.0)


def let_rest(encoder: nn.Module, stages: int | None) -> None:
    """Stop learning in some stages of an encoder, their batch statistics too, and resume it in the others.

    Training mode wakes what rests, so this is to be called before every step.

    Args:
        stages: so many from the image on rest, see `stages_of`; None for all.
    """
    resting = {id(parameter) for stage, parameter in stages_of(encoder) if stages is None or stage < stages}
    for module in encoder.modules():
        own = list(module.parameters(recurse=False))
        rests = any(id(parameter) in resting for parameter in own)
        for parameter in own:
            parameter.requires_grad_(not rests)
        if own:
            module.train(not rests)
