"""What a model file says of itself, whatever kind of image it is for: nothing of the machine or the files of its maker.

Who searches with a model takes over its settings. So those that held only where it was trained go back to their
defaults: places of files, devices, arithmetic and processes, and how the maker's own images are read (which series,
gaps that are allowed, the pixel size that slides do not tell).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lesionkit.core.settings import Settings
from lesionkit.runs.run_folder import RunFolder
from lesionkit.runs.versions import versions

NOTICE = "Research use only; not a medical device."
OF_THE_MAKER = (
    *("engine", "read", "partial_truth", "precision", "device", "devices", "workers", "threads"),
    *("level_0_um", "downsample"),
)
"""Names of settings, at any depth, that say nothing of the model."""


def card_of_run(run: RunFolder, settings: Settings) -> dict[str, Any]:
    """The part of a card that is the same for every kind: recipe, settings, data by content, versions."""
    return {
        "recipe": run.record["recipe"],
        "settings": shareable(settings),
        "inputs": {name: without_path(value) for name, value in run.record["inputs"].items()},
        "versions": made_with(),
        "notice": NOTICE,
    }


def made_with() -> dict[str, str]:
    """The versions that a model was made with, without what tells of its maker's machine."""
    return {name: version for name, version in versions().items() if name != "platform"}


def shareable(settings: Settings) -> dict[str, Any]:
    """The settings as a model carries them, as JSON can hold them; `OF_THE_MAKER` and paths have their defaults.

    >>> class Learn(Settings):
    ...     steps: int = 10
    ...     workers: int = 1
    ...     start: Path | None = None
    >>> shareable(Learn(steps=3, workers=64, start=Path("/home/me/model")))
    {'steps': 3, 'workers': 1, 'start': None}
    """
    told = settings.model_dump(mode="json")
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if name in OF_THE_MAKER:
            default = field.get_default(call_default_factory=True)
            told[name] = _plain(default, default)
        elif isinstance(value, Path):
            told[name] = None
        elif isinstance(value, tuple):
            told[name] = [_plain(one, plain) for one, plain in zip(value, told[name], strict=True)]
        else:
            told[name] = _plain(value, told[name])
    return told


def _plain(value: Any, otherwise: Any) -> Any:
    return shareable(value) if isinstance(value, Settings) else otherwise


def without_path(value: Any) -> Any:
    """The facts of an input, as a run keeps them, without where it lay."""
    return {k: v for k, v in value.items() if k != "path"} if isinstance(value, Mapping) else value
