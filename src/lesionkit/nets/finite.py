"""Weights that are numbers: nothing that holds NaN or infinity is written as a model or read as one."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from lesionkit.core.errors import LesionkitError


def first_not_finite(state: Mapping[str, Tensor]) -> str | None:
    """Name of the first floating-point tensor with a value that is not finite; None where all are.

    >>> import torch
    >>> first_not_finite({"a": torch.ones(2), "b": torch.tensor([1.0, float("nan")])})
    'b'
    """
    for name, value in state.items():
        # The sum is a quick look: a value that is not finite makes it so too.
        if value.is_floating_point() and not value.sum().isfinite() and not value.isfinite().all():
            return name
    return None


def refuse_not_finite(path: Path, state: Mapping[str, Tensor], doing: str) -> None:
    """Raise unless all weights are finite.

    Args:
        doing: "written" or "read".

    Raises:
        LesionkitError: a weight is NaN or infinite; names the first tensor that holds one.
    """
    name = first_not_finite(state)
    if name is not None:
        raise LesionkitError(
            f"{path} cannot be {doing} as a model: its weights must be finite numbers, but {name} holds NaN or "
            "infinity; train again, with a lower learn.rate or learn.precision=32-true"
        )
