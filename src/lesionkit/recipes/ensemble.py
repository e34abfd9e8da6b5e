"""Networks that are trained in one run and search together: which they are, their files, and the one `ensemble.json`.

A run trains each of its members on each of its folds. Of one member and no folds that is one network, whose file is the
model; of several, `models/` holds a file each and `ensemble.json` describes them. A single file is an ensemble of one.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import Field

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import write_text
from lesionkit.core.names import file_in
from lesionkit.core.settings import Settings
from lesionkit.core.untrusted import reads
from lesionkit.nets.model_file import complete_card, read_card
from lesionkit.runs.fingerprint import fingerprint
from lesionkit.runs.models import MODEL_FILE

FORMAT = "lesionkit ensemble 1"
MODELS_FOLDER, TRAININGS = "models", "trainings"

S = TypeVar("S", bound=Settings)


class MemberSettings(Settings):
    """One network of an ensemble."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$")
    seed: int | None = None
    """Of its training, instead of that of `learn`: members that differ in nothing else differ in this."""
    weight: float = Field(default=1.0, gt=0)
    """In the mean of the ensemble; its folds share it."""
    folds: int | None = Field(default=None, ge=1)
    """It is trained on so many of the folds; null: on all that are trained."""

    def groups(self) -> Mapping[str, Any]:
        """The groups of a recipe's settings that are this member's own, `learn` apart."""
        given: Any = self
        return {"net": given.net}


@dataclass(frozen=True)
class Net:
    """One trained network.

    Attributes:
        name: unlike any other of its ensemble; "" of one that searches alone.
        member: what it is one fold of.
        fold: that it has not learned from; "" where there are none.
        weight: in the mean; of its member, shared among that member's folds.
    """

    name: str
    path: Path
    member: str = ""
    fold: str = ""
    weight: float = 1.0


N = TypeVar("N", bound=Net)


@dataclass(frozen=True)
class NetPlan(Generic[S]):
    """One network that a run trains; see `Net`.

    Attributes:
        settings: as if it were the only one.
    """

    name: str
    member: str
    fold: str
    weight: float
    settings: S

    def net(self, run: Path) -> Net:
        """It when it is trained."""
        return Net(self.name, self.file(run), self.member, self.fold, self.weight)

    def file(self, run: Path) -> Path:
        """Its weights."""
        return run / MODELS_FOLDER / f"{file_name(self.name)}.safetensors" if self.name else run / MODEL_FILE

    def folder(self, run: Path) -> Path:
        """Its checkpoints and logs."""
        return run / TRAININGS / file_name(self.name) if self.name else run

    def called(self, what: str) -> str:
        """The name of a stage or a figure of it."""
        return f"{what} {self.name}".rstrip()


def plans_of(settings: S, folds: Sequence[str] = (), rounds: int = 1) -> tuple[NetPlan[S], ...]:
    """The networks that a run trains, in their order: fold by fold, in each all members.

    Args:
        settings: with the groups members, learn and split, and `networks`: the members, or one that stands for `net`.
        folds: that are left out in turn; none where there is one split.
        rounds: trainings of each network, which share its minutes.
    """
    given: Any = settings
    alone = len(given.networks) == 1 and not folds
    chosen = [
        (number, fold, member)
        for number, fold in enumerate(folds or ("",))
        for member in given.networks
        if member.folds is None or number < member.folds
    ]
    share = len(chosen) * rounds
    plans = []
    for number, fold, member in chosen:
        name = "" if alone else " ".join(filter(None, (fold, member.name if given.members else "")))
        count = min(len(folds) or 1, member.folds or len(folds) or 1)
        own = _own(given, member, share)
        if fold:
            split = given.split.model_copy(update={"every_fold": False, "fold": number})
            own = own.model_copy(update={"split": split})
        plans.append(NetPlan(name, member.name, fold, member.weight / count, own))
    return tuple(plans)


def _own(settings: Any, member: Any, share: int) -> Any:
    """The settings as if a member were the only network."""
    learn = member.learn or settings.learn
    changed = {} if member.seed is None else {"seed": member.seed}
    if settings.learn.minutes is not None:
        changed["minutes"] = settings.learn.minutes / share
    values = {**member.groups(), "learn": learn.model_copy(update=changed), "members": ()}
    if "ensemble" in type(settings).model_fields:
        values["ensemble"] = type(settings).model_fields["ensemble"].default
    return settings.model_copy(update=values)


def unseen(plans: Sequence[NetPlan[S]], run: Path) -> dict[str, tuple[Net, ...]]:
    """By fold, the networks that have not learned from it."""
    folds = dict.fromkeys(plan.fold for plan in plans if plan.fold)
    return {fold: tuple(plan.net(run) for plan in plans if plan.fold == fold) for fold in folds}


def refuse_equal_names(members: Sequence[MemberSettings]) -> None:
    """Refuse members whose files would have one name.

    Raises:
        ValueError: two have.
    """
    names = [member.name for member in members]
    if len({file_name(name).lower() for name in names}) < len(names):
        raise ValueError(f"members must have different names, got {', '.join(names)}")


def file_name(name: str) -> str:
    """The name of a network as that of a file."""
    return name.replace(" ", "-")


def write_ensemble(path: Path, nets: Sequence[Net], card: Mapping[str, Any]) -> Path:
    """Write `ensemble.json`. Inverse of `nets_of` and `model_card`.

    Args:
        nets: their files lie below the folder of `path`, and are named from there.
        card: recipe, settings, and what makes one answer of many, in the kind's own form.
    """
    named = []
    for net in nets:
        plain = asdict(net)
        file = plain.pop("path").relative_to(path.parent).as_posix()
        named.append({"name": plain.pop("name"), "file": file, **plain})
    return write_text(path, json.dumps({**card, "format": FORMAT, "nets": named}, indent=1) + "\n")


@reads("a model")
def model_card(model: Path) -> dict[str, Any]:
    """What a weights file or an `ensemble.json` says of itself.

    Raises:
        LesionkitError: a damaged file, or one of an earlier lesionkit.
    """
    if model.suffix != ".json":
        return read_card(model)
    try:
        card: dict[str, Any] = json.loads(model.read_text(encoding="utf-8"))
        if not {"recipe", "settings", "nets"} <= card.keys():
            raise ValueError("entries are missing")
    except (OSError, ValueError, AttributeError) as error:
        raise LesionkitError(f"{model} must describe an ensemble, but is damaged ({error}); train again") from error
    if card.get("format") != FORMAT:
        raise LesionkitError(f"{model} is of an earlier lesionkit (not '{FORMAT}'); train again in a new folder")
    return card


def complete_model(model: Path, entries: Mapping[str, Any]) -> Path:
    """Write further entries into what a model says of itself, and into its file where one network is all there is.

    Raises:
        LesionkitError: a damaged file.
    """
    if model.suffix != ".json":
        return complete_card(model, entries)
    card = model_card(model)
    if len(card["nets"]) == 1:
        complete_card(nets_of(model)[0].path, entries)
    return write_text(model, json.dumps({**card, **entries}, indent=1) + "\n")


@reads("a model")
def nets_of(model: Path) -> tuple[Net, ...]:
    """The networks of an `ensemble.json`, as far as all kinds know of them, or the one of a weights file.

    Raises:
        LesionkitError: a damaged file.
    """
    if model.suffix != ".json":
        return (Net("", model),)
    known = {one.name for one in fields(Net)}
    try:
        return tuple(
            Net(
                path=file_in(model.parent, net["file"]), **{name: value for name, value in net.items() if name in known}
            )
            for net in model_card(model)["nets"]
        )
    except (KeyError, TypeError) as error:
        raise LesionkitError(f"{model} must describe an ensemble, but is damaged ({error}); train again") from error


@reads("a model")
def nets_as(kind: type[N], model: Path) -> tuple[N, ...]:
    """The networks of an `ensemble.json`, of a class that knows more of each than `Net`.

    Raises:
        LesionkitError: a damaged file.
    """
    try:
        return tuple(
            kind(
                path=file_in(model.parent, net["file"]),
                **{name: value for name, value in net.items() if name != "file"},
            )
            for net in model_card(model)["nets"]
        )
    except (KeyError, TypeError) as error:
        raise LesionkitError(f"{model} must describe an ensemble, but is damaged ({error}); train again") from error


def told_of(model: Path) -> dict[str, Any]:
    """The card of a model, with what tells its file from others."""
    named = ", ".join(net.name for net in nets_of(model) if net.name) if model.suffix == ".json" else ""
    return {
        **model_card(model),
        "file": model.name,
        "digest": str(fingerprint(model)["sha256"])[:16],
        "networks": named,
    }


def first_files(model: Path, plans: Sequence[NetPlan[S]]) -> dict[str, Path]:
    """The weights that each network of a run goes on from, by its name.

    Raises:
        LesionkitError: the model has other networks.
    """
    nets = {net.name: net.path for net in nets_of(model)}
    missing = next((plan.name for plan in plans if plan.name not in nets), None)
    if missing is not None:
        raise LesionkitError(
            f"--from must name a run with the networks that are trained, but {model} has no "
            f"'{missing or 'single one'}'; it has {', '.join(filter(None, nets)) or 'a single one'}"
        )
    return nets
