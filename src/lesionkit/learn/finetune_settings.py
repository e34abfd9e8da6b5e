"""How the part of a network that starts from published weights learns beside the rest, which starts from nothing."""

from pydantic import Field

from lesionkit.core.settings import Settings


class FinetuneSettings(Settings):
    """Rates of an encoder's layers and its rest at the start; by default it learns as all else does."""

    encoder_rate: float = Field(1.0, gt=0, le=1)
    """The encoder's deepest stage learns at this times the rate of the rest."""
    layer_decay: float = Field(1.0, gt=0, le=1)
    """Each stage nearer to the image learns at this times the rate of the one after it."""
    frozen_steps: int = Field(0, ge=0)
    """Optimiser steps at the start in which the encoder neither learns nor updates its batch statistics."""

    frozen_stages: int = Field(0, ge=0)
    """Stages, from the image on, that never do: its stem and then its blocks. A step without them costs less."""

    @property
    def changes_something(self) -> bool:
        """Whether an encoder learns differently from the rest."""
        return self != FinetuneSettings()
