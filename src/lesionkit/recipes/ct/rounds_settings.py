"""What is mined between the rounds of a training of chest CT, and how the next round learns from it."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.sample.mine import Rule


class MineSettings(Settings):
    """What a network got wrong on its training cases, and how often it is shown again; see `learn.rounds`."""

    rule: Rule = "rate"
    """Which false positives are shown again, about `per_scan` of them per training scan: those above the score that
    gives so many (rate), the strongest of each scan (hardest), as many from each band of scores (spread), or, as a
    control, none: then also no lesion is, and the rounds are nothing but further steps."""
    per_scan: int = Field(8, ge=1)
    """False positives per scan; a lesion whose score is below that which gives so many is weak."""
    weakest_share: float = Field(0.25, ge=0, le=1)
    """Share of the lesions that were found which are shown again too, the weakest first."""
    alarm_share: float = Field(0.3, ge=0, le=1)
    """Share of a later round's patches around mined false positives."""
    lesion_share: float = Field(0.3, ge=0, le=1)
    """Share around missed and weak lesions. All other patches are drawn as in the first round, so that nothing is
    forgotten."""
    steps: int | None = Field(None, ge=1)
    """Steps of each later round; null: as many as the first (learn.steps)."""
    rate: float | None = Field(None, gt=0)
    """Peak learning rate of later rounds; null: that of the first (learn.rate)."""
    also: Path | None = None
    """A table as `lesionkit mine` writes it, of which the examples are shown too in every later round."""
    stop: Literal["interval", "never"] = "interval"
    """When rounds end early: where the CPM on the validation cases gained no more than its paired interval allows, or
    never."""

    @model_validator(mode="after")
    def _something_easy_is_left(self) -> "MineSettings":
        total = self.alarm_share + self.lesion_share
        if total >= 1:
            raise LesionkitError(
                "mine.alarm_share + mine.lesion_share must be below 1, so that easy patches are shown too, got "
                f"{total:g}"
            )
        if self.also is not None and self.rule == "none":
            raise LesionkitError(
                f"mine.rule=none shows nothing again, but mine.also names {self.also}; leave one of them out"
            )
        return self
