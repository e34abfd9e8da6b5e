"""Which models are here and what each says of itself, read from headers: no weights are loaded, and no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.core.untrusted import read_as
from lesionkit.evaluate.points import OperatingPoints
from lesionkit.nets.guest.card import guest_files, is_guest
from lesionkit.recipes.card import POINTS
from lesionkit.recipes.ensemble import model_card, nets_of
from lesionkit.runs.guests import added_models, guest_file
from lesionkit.runs.models import MODELS, digest, model_of_run, models_below, shipped_models

RUNS = Path("runs")
"""Where runs lie that no `--out` named, below the folder that a command is given in."""
_LEARNED = (
    ("training_cases", "scan"),
    ("training_lesions", "lesion"),
    ("training_slides", "slide"),
    ("training_labelled_patches", "patch"),
)


@dataclass(frozen=True)
class ToldModel:
    """What is told of one model.

    Attributes:
        name: what `--model` takes: the name of a shipped one, else a path.
        origin: shipped, trained or imported.
        files: all that it consists of.
        sha256: of these files, one after the other.
        licence: "" where it does not tell.
        learned_from: numbers of images and lesions, in words; "" where it does not tell.
        operating_points: their names.
        tells_foreign: whether it can say that an image is unlike those it learned from.
        problem: why it cannot be used, in one sentence; "" where it can.
        card: what its header says.
    """

    name: str
    origin: str
    recipe: str = ""
    files: tuple[Path, ...] = ()
    bytes: int = 0
    sha256: str = ""
    licence: str = ""
    learned_from: str = ""
    operating_points: tuple[str, ...] = ()
    tells_foreign: bool = False
    problem: str = ""
    card: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """What JSON can hold, without the card."""
        values = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "card"}
        return values | {"files": [str(file) for file in self.files]}


def listed_models(folder: Path | None = None) -> list[ToldModel]:
    """The models that are shipped, those that were added, then those below a folder.

    Args:
        folder: of runs or weights; None for `RUNS`, where there is one.

    Raises:
        LesionkitError: there is no such folder.
    """
    shipped = [told_model(path, name, "shipped") for name, path in shipped_models("").items()]
    shipped += [told_model(guest_file(folder) or folder, name, "added") for name, folder in added_models().items()]
    if folder is None and not RUNS.is_dir():
        return shipped
    return shipped + [told_model(path, _short(path)) for path in models_below(RUNS if folder is None else folder)]


def named_model(name: str) -> ToldModel:
    """The model that a user names: a shipped one, a run folder, or a file.

    Raises:
        LesionkitError: there is none, or it is damaged; lists the models that are shipped.
    """
    shipped = shipped_models("")
    given = added_models().get(name, Path(name))
    path = shipped.get(name) or guest_file(given) or (model_of_run(given) if given.is_dir() else given)
    if not path.is_file():
        what = f"the folder {name}, which holds no finished training" if given.is_dir() else f"'{name}'"
        raise LesionkitError(
            f"a model is named by a run folder, a .safetensors file or the name of a shipped one "
            f"({', '.join(shipped) or 'none'}), got {what}"
        )
    told = told_model(path, name, "shipped" if name in shipped else "added" if name in added_models() else None)
    if told.problem:
        raise LesionkitError(told.problem)
    return told


def told_model(path: Path, name: str, origin: str | None = None) -> ToldModel:
    """What is told of a weights file or an `ensemble.json`; one that is damaged says so in `problem`.

    Args:
        origin: None for what the card says, else trained.
    """
    try:
        with read_as(path, "a model with a card", "copy it again, or train it again"):
            return _told(path, name, origin)
    except LesionkitError as error:
        return ToldModel(name, origin or "trained", files=(path,), problem=str(error))


def _told(path: Path, name: str, origin: str | None) -> ToldModel:
    try:
        card = model_card(path)
        files = (path, *(net.path for net in nets_of(path) if net.path != path))
        files = tuple(guest_files(path).values()) if is_guest(path) else files
        return ToldModel(
            name=name,
            origin=origin or str(card.get("origin", "trained")),
            recipe=str(card.get("recipe", "")),
            files=files,
            bytes=sum(file.stat().st_size for file in files),
            sha256=digest(files),
            licence=str(card.get("licence") or _licence_beside(path)),
            learned_from=learned_from(card),
            operating_points=tuple(_point_names(card)),
            tells_foreign=not is_guest(path)
            and all(bool(model_card(file).get("foreign")) for file in files if file.suffix != ".json"),
            card=card,
        )
    except OSError as error:
        raise LesionkitError(_unread(error)) from error


def written_card(model: ToldModel) -> str | None:
    """The card in words that is shipped beside a model; None where there is none."""
    file = model.files[0].with_suffix(".md")
    return file.read_text(encoding="utf-8") if file.is_file() else None


def learned_from(card: Mapping[str, Any]) -> str:
    """How many images and lesions a model learned from, in words.

    >>> learned_from({"training_cases": 42, "training_lesions": 1})
    '42 scans, 1 lesion'
    >>> learned_from({"learned from": {"images": 1308, "synthetic images": 1308}})
    '1308 radiographs'
    """
    told = [(card[name], noun) for name, noun in _LEARNED if isinstance(card.get(name), int)]
    if card.get("origin") == "imported":
        return ", ".join(str(source["name"]) for source in card.get("data") or ())
    images = card.get("learned from")
    if isinstance(images, Mapping) and isinstance(images.get("images"), int):
        told.append((images["images"], "radiograph"))
    return ", ".join(f"{number} {_plural(noun) if number != 1 else noun}" for number, noun in told)


def _plural(noun: str) -> str:
    return f"{noun}es" if noun.endswith("ch") else f"{noun}s"


def _point_names(card: Mapping[str, Any]) -> list[str]:
    held = card.get(POINTS)
    return [point.name for point in OperatingPoints.from_card(held).points] if held else []


def _unread(error: OSError) -> str:
    return f"{error.filename} cannot be read ({error.strerror}); copy the model again, with all of its files"


def _licence_beside(path: Path) -> str:
    """The licence that the card in words beside a shipped model names."""
    file = path.with_suffix(".md")
    if path.parent != MODELS or not file.is_file():
        return ""
    rows = (line.split("|") for line in file.read_text(encoding="utf-8").splitlines())
    return next((row[2].strip() for row in rows if len(row) > 2 and row[1].strip() == "licence"), "")


def _short(path: Path) -> str:
    """What `--model` takes: the run folder where there is one."""
    return str(path.parent if (path.parent / "run.json").is_file() else path)
