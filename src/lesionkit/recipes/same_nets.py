"""Whether a training goes on with the networks of the model that it starts from, and not with others it was told of."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings

_NO_MATTER = {"pretrained"}
"""How a network begins, which one that goes on does not."""


def refuse_other_nets(asked: Any, given: Any, model: Path) -> None:
    """See that settings ask for the networks that a model has; what it has not begins anew, and may be anything.

    Args:
        asked: of the training, of any recipe.
        given: of the model that it starts from.

    Raises:
        LesionkitError: a network is asked for otherwise.
    """
    wanted = dict(_nets(asked))
    for name, net in _nets(given):
        told, of_model = (one.model_dump(mode="json") for one in (wanted.get(name, net), net))
        other = next((key for key in told if key not in _NO_MATTER and told[key] != of_model.get(key)), None)
        if other is not None:
            raise LesionkitError(
                f"--from {model} goes on with its network, so {name}.{other} must be {of_model.get(other)}, got "
                f"{told[other]}; leave it as it is, or train without --from"
            )


def _nets(settings: Any) -> Iterator[tuple[str, Settings]]:
    """The networks that settings describe, by the name under which they are set."""
    for member in settings.networks:
        yield f"members.{member.name}.net" if settings.members else "net", member.net
    judges = getattr(getattr(settings, "classify", None), "nets", ())
    for number, net in enumerate(judges):
        yield f"classify.nets.{number}", net
