"""What a model file says of itself, whatever kind of image it is for: nothing of the machine or the files of its maker.

Who searches with a model takes over its settings. So those that held only where it was trained go back to their
defaults: places of files, devices, arithmetic and processes, and how the maker's own images are read (which series,
gaps that are allowed, the pixel size that slides do not tell).
"""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.core.untrusted import parse_yaml
from lesionkit.core.untrusted import told as said
from lesionkit.runs.models import shipped_models
from lesionkit.runs.old_names import kept_settings
from lesionkit.runs.phantom_folder import ABOUT as PHANTOMS
from lesionkit.runs.run_folder import RunFolder
from lesionkit.runs.versions import versions

S = TypeVar("S", bound=Settings)

NOTICE = "Research use only; not a medical device."
POINTS, CALIBRATION, MEASURED = "operating_points", "calibration", "measured"
"""Entries that `recipes.deciding` writes."""
ABOUT = "about.yaml"
"""In the folder of a data set: where its images are from, see `sources_of`."""
ABOUT_ENTRIES = ("data", "licence", "limits", "leakage", "split", "seed", "command", "seconds", "validated_on")
OF_THE_MAKER = (
    *("engine", "read", "partial_truth", "precision", "device", "devices", "workers", "threads"),
    *("level_0_um", "downsample", "decide", "foreign"),
)
"""Names of settings, at any depth, that say nothing of the model."""
_SCREEN = "screen"
"""The group that names a faster model, see `lesionkit.infer.screen`."""


def card_of_run(run: RunFolder, settings: Settings) -> dict[str, Any]:
    """The part of a card that is the same for every kind: recipe, command, settings, data and versions."""
    return {
        "recipe": run.record["recipe"],
        "command": command_of(run, settings),
        "settings": shareable(settings),
        "data": data_of(run, settings),
        "inputs": {name: without_path(value) for name, value in run.record["inputs"].items()},
        "versions": made_with(),
        "notice": NOTICE,
    }


def settings_of(card: Mapping[str, Any], path: Path, asked: Path, settings: type[S], recipe: str) -> S:
    """The settings that a model's card holds, for a recipe.

    Args:
        path: of the model; and as it was asked for, both for refusals.

    Raises:
        LesionkitError: the card holds none, or those of another recipe that this one cannot use.
    """
    made_by = str(card.get("recipe", recipe))
    # The name of a recipe begins with its kind of image: ct-nodule.
    if made_by.split("-")[0] != recipe.split("-")[0]:
        raise LesionkitError(f"{asked} must be a model of {recipe}, got one of {made_by}; give another --model")
    if "settings" not in card:
        raise LesionkitError(
            f"a model must say how it searches, but the card of {path} holds no settings; train it with lesionkit"
        )
    try:
        # Cards that were written before name the precision of their maker.
        return settings.parse(shareable(kept_settings(settings, card["settings"], path)))
    except LesionkitError as error:
        if made_by == recipe:
            raise
        wanted = f"{path} must be a model of {recipe}, got one of {made_by}; give --recipe {made_by}"
        raise LesionkitError(wanted) from error


def command_of(run: RunFolder, settings: Settings) -> str:
    """The command that trains such a model, with DATA and MODEL for where they lay."""
    before, now = (dotted(shareable(one)) for one in (type(settings)(), settings))
    changed = [f"{name}={_typed(value)}" for name, value in now.items() if before.get(name) != value]
    start = ["--from", "MODEL"] if run.record["inputs"].get("start_from") else []
    words = ["lesionkit", "train", str(run.record["recipe"]), "DATA", *start]
    return shlex.join([*words, *(word for text in changed for word in ("--set", text))])


def _typed(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def data_of(run: RunFolder, settings: Settings) -> list[dict[str, Any]]:
    """What the data sets of a run say of themselves, and those that its settings name; see `sources_of`."""
    data = run.record["inputs"].get("data")
    values = dotted(settings.model_dump()).values()
    each = [one for value in values for one in (value if isinstance(value, tuple) else (value,))]
    named = [one for one in each if isinstance(one, Path)]
    places = [*([Path(data["path"])] if isinstance(data, Mapping) else []), *named]
    return [source for place in places if place.is_dir() for source in sources_of(place)]


def sources_of(data: Path) -> list[dict[str, Any]]:
    """Where the images of a folder are from: its `about.yaml`, or what made it, if it holds phantoms.

    `about.yaml` has a list `data` of sources: name, licence, attribution, synthetic (true or false), images, patients,
    note, and `also`, names of other data sets that hold the same images. Of a folder without it nothing is known.

    Raises:
        LesionkitError: about.yaml holds something else.
    """
    about = data / ABOUT
    if about.is_file():
        sources = read_about(about).get("data", [])
        return [dict(source) for source in sources]
    phantoms = data / PHANTOMS
    if not phantoms.is_file():
        return []
    record = json.loads(phantoms.read_text(encoding="utf-8"))
    asked = ", ".join(f"{name} {value}" for name, value in record["asked"].items() if isinstance(value, int | float))
    return [{"name": str(record["made_by"]), "synthetic": True, "licence": "none needed: computed", "note": asked}]


def read_about(path: Path) -> dict[str, Any]:
    """What somebody wrote of data or of a model: `data` as above, `licence`, `limits` (sentences), `leakage`, `split`,
    `seed`, `command`, `seconds`, `validated_on` (what images the operating points are of).

    Raises:
        LesionkitError: another entry, or data without names.
    """
    try:
        told = parse_yaml(path.read_text(encoding="utf-8"))[0] or {}
        unknown = [name for name in told if name not in ABOUT_ENTRIES]
        nameless = [source for source in told.get("data", []) if not source.get("name")]
    except (OSError, yaml.YAMLError, ValueError, AttributeError, TypeError) as error:
        raise LesionkitError(
            f"{path} must be YAML with entries of {', '.join(ABOUT_ENTRIES)}, but is not ({said(error)})"
        ) from error
    if unknown or nameless:
        what = f"an entry '{unknown[0]}'" if unknown else "a source without a name"
        raise LesionkitError(f"{path} must have entries of {', '.join(ABOUT_ENTRIES)}, but has {what}")
    return dict(told)


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
        elif isinstance(value, Path) or (isinstance(value, tuple) and any(isinstance(one, Path) for one in value)):
            told[name] = None
        elif isinstance(value, tuple):
            told[name] = [_plain(one, plain) for one, plain in zip(value, told[name], strict=True)]
        else:
            told[name] = _plain(value, told[name])
        if name == _SCREEN and value.model not in (None, *shipped_models("")):
            # A model that every user has stays; another one lies where this one was made.
            told[name] = _plain(field.get_default(call_default_factory=True), None)
    return told


def _plain(value: Any, otherwise: Any) -> Any:
    return shareable(value) if isinstance(value, Settings) else otherwise


def without_path(value: Any) -> Any:
    """The facts of an input, as a run keeps them, without where it lay."""
    return {k: v for k, v in value.items() if k != "path"} if isinstance(value, Mapping) else value


def dotted(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested plain values by dotted name.

    >>> dotted({"infer": {"flip": True}, "um": 1.0})
    {'infer.flip': True, 'um': 1.0}
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= dotted(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found
