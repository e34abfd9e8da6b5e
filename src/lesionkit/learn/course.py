"""Where a training in parts stands: its part, its epoch, the best figure so far, and when to go on to the next part."""

from collections.abc import Mapping, Sequence
from typing import Any

from lesionkit.learn.schedule_settings import TrainingPart

_COUNTERS = ("part", "epoch", "epoch_of_part", "best", "stale", "finished")


class Course:
    """Counts epochs from 0, of the whole training and of the part."""

    def __init__(self, parts: Sequence[TrainingPart]) -> None:
        self.parts = tuple(parts)
        self.part = self.epoch = self.epoch_of_part = self.stale = 0
        self.best = float("-inf")
        self.finished = False

    @property
    def now(self) -> TrainingPart:
        """The part that the next epoch belongs to; after the end the last one."""
        return self.parts[self.part]

    @property
    def frozen(self) -> bool:
        """Whether the encoder rests in this epoch."""
        return self.epoch_of_part < self.now.frozen_epochs

    def end_epoch(self, figure: float | None) -> bool:
        """Count an epoch; the part is over if the answer is yes, and `finished` tells whether the training is.

        Args:
            figure: what validation gave, higher is better; None without validation.
        """
        self.epoch += 1
        self.epoch_of_part += 1
        if figure is not None:
            self.stale = 0 if figure > self.best else self.stale + 1
            self.best = max(self.best, figure)
        stale = self.now.stop_after is not None and self.stale >= self.now.stop_after
        over = stale or self.epoch_of_part >= self.now.epochs
        self.finished = over and self.part == len(self.parts) - 1
        return over

    def enter_next_part(self) -> None:
        """The next epoch is the first of the part after this one."""
        self.part += 1
        self.epoch_of_part = self.stale = 0
        self.best = float("-inf")

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint needs to go on."""
        return {name: getattr(self, name) for name in _COUNTERS}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for name in _COUNTERS:
            setattr(self, name, state[name])
