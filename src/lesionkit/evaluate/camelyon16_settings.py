"""How a submission to CAMELYON16 is scored."""

from typing import Annotated

from pydantic import Field, PositiveFloat

from lesionkit.core.settings import Settings
from lesionkit.evaluate.bootstrap import SAMPLES, SEED
from lesionkit.evaluate.camelyon16_official import RATES
from lesionkit.evaluate.camelyon16_regions import LEVEL_0_UM, RegionSettings, fitting_downsample


class Camelyon16Settings(Settings):
    """How a submission is scored."""

    level_0_um: PositiveFloat | None = None
    """Size of a pixel of the finest level, of all slides; none: each slide's own where it is known, else 0.243 as in
    the script."""
    downsample: Annotated[float, Field(ge=1)] | None = None
    """Of the mask that outlines are drawn on; none: the power of two whose samples come nearest to the script's of
    7.776 um, which is 32 at 0.243 um."""
    growth_um: float = 37.5
    """How far tumour is grown on all sides, so that nests of cells a few cells apart are one lesion."""
    itc_um: float = 275.0
    """Grown regions whose major axis is shorter are isolated tumour cells: neither lesion nor false positive."""
    rates: tuple[float, ...] = RATES
    """False positives per slide at which the sensitivity is averaged."""
    bootstrap: int = SAMPLES
    """Bootstrap draws of slides."""
    seed: int = SEED
    """Of the draws."""
    left_out_of_froc: tuple[str, ...] = ("Test_049", "Test_114")
    """Test_049 repeats another slide, Test_114 is not annotated in full; names are compared without case."""
    left_out_of_auc: tuple[str, ...] = ("Test_049",)
    """Whether Test_114 holds tumour is known, so that it counts as a slide."""

    def regions(self, slide_um: float | None = None) -> RegionSettings:
        """How outlines of one slide become lesions.

        Args:
            slide_um: the slide's own size of a pixel, None where nobody knows it.
        """
        um = self.level_0_um or slide_um or LEVEL_0_UM
        return RegionSettings(
            level_0_um=um,
            downsample=self.downsample or fitting_downsample(um),
            growth_um=self.growth_um,
            itc_um=self.itc_um,
        )
