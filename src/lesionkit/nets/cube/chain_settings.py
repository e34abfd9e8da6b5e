"""What a chain of networks is built from, and how what they say is joined."""

from pydantic import Field, model_validator

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.nets.cube.cube_net_settings import CubeNetSettings
from lesionkit.nets.cube.mask_net_settings import MaskNetSettings


class JoinSettings(Settings):
    """How logits become one: their weighted sum and an intercept."""

    coefficients: tuple[float, ...] = ()
    """Of the network that draws, and of each that judges, in their order; none: the mean of those that judge, or the
    first alone where there are none."""
    intercept: float = 0.0


class ChainSettings(Settings):
    """A network that draws, and those that say whether what it drew is a lesion."""

    mask: MaskNetSettings = MaskNetSettings()
    cubes: tuple[CubeNetSettings, ...] = Field((), max_length=16)
    join: JoinSettings = JoinSettings()
    rerank: JoinSettings | None = None
    """How the logit of a faster model that found a place first, of the network that draws, and of each that judges, in
    this order, become one; null: such a model tells only where to look."""
    side: int = Field(32, ge=8, le=256)
    """Samples per axis of a cube."""

    @model_validator(mode="after")
    def _coefficients_fit(self) -> "ChainSettings":
        wanted, given = 1 + len(self.cubes), len(self.join.coefficients)
        if given not in (0, wanted):
            raise LesionkitError(
                f"a chain of {wanted} networks needs as many coefficients, got {given}; train it again"
            )
        if self.rerank is not None and len(self.rerank.coefficients) != wanted + 1:
            raise LesionkitError(
                f"a chain of {wanted} networks that ranks again needs {wanted + 1} coefficients for it, "
                f"got {len(self.rerank.coefficients)}; train it again"
            )
        return self

    @property
    def coefficients(self) -> tuple[float, ...]:
        """One for each network, also where none are given."""
        count = len(self.cubes)
        return self.join.coefficients or ((0.0, *(1 / count,) * count) if count else (1.0,))
