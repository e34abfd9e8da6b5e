"""The networks of a run as one: which files, at which size and weight, and how their answers become a mask."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Box
from lesionkit.infer.decide import RULES, Mask, Rule
from lesionkit.infer.fuse import Prediction, RunningMean
from lesionkit.infer.lung_crop import LungCropSettings
from lesionkit.infer.segment_settings import SegmentInferSettings
from lesionkit.infer.stack import Stack
from lesionkit.nets.model_file import read_card
from lesionkit.recipes import ensemble as ensemble_file
from lesionkit.recipes.ensemble import Net, model_card, nets_as
from lesionkit.recipes.xray.members import Member
from lesionkit.recipes.xray.settings import XrayInferSettings

if TYPE_CHECKING:
    from lesionkit.infer.segment import RadiographSegmenter
    from lesionkit.nets.segmenter import Segmenter

_KINDS = {type(rule).__name__: type(rule) for rule in RULES.values()}
_STRONGEST = 0.001


@dataclass(frozen=True)
class EnsembleNet(Net):
    """One trained network; a member has one per fold and kept checkpoint.

    Attributes:
        side: pixels per side of what it is shown.
        draws: its mask takes part in the mean. judges: its image head does.
        is_chosen: it searches new images; one of a fold that was not among the best searches only what that fold held
            out.
    """

    side: int = 256
    draws: bool = True
    judges: bool = True
    is_chosen: bool = True


def roles(members: Sequence[Member]) -> dict[str, tuple[bool, bool]]:
    """Whether each member draws the mask, and whether it judges if there is anything to draw.

    Where there are classifiers, only they judge. A network that saw positives alone cannot judge.
    """
    heads = {m.name: m.net.head != "none" and not m.positives_only for m in members}
    classifiers = {m.name for m in members if m.role == "classifier"}
    segmenters = {m.name for m in members if m.role == "segmenter"}
    judges = classifiers or segmenters
    return {m.name: (m.name in (segmenters or classifiers), heads[m.name] and m.name in judges) for m in members}


@dataclass(frozen=True, eq=False)
class Ensemble:
    """What `find` needs to know; see `EnsembleNet` for the networks.

    Attributes:
        stack, stacked: the logistic model of several image heads and the members it was fitted on, in its order.
        lung: file of the network that draws the lungs, if one does.
    """

    nets: tuple[EnsembleNet, ...]
    rule: Rule
    stack: Stack | None = None
    stacked: tuple[str, ...] = ()
    lung: Path | None = None
    box: LungCropSettings = field(default_factory=LungCropSettings)

    @property
    def first(self) -> "Ensemble":
        """The network alone that judges whether radiographs are foreign: the first that is searched with."""
        return replace(self, nets=self.nets[:1], stack=None, stacked=())


@dataclass(frozen=True, eq=False)
class FoundImage:
    """What an ensemble says of one radiograph.

    Attributes:
        probability: float32 (y, x) at the radiograph's own size.
        mask: by the rule, which holds images without enough belief to be empty.
        drawn: what the rule outlines where it does not decide.
        score: what ranks images: `p_nonempty`, else the probability that the strongest thousandth of pixels reaches.
        features: what the first network saw, see `Found2d`.
    """

    probability: NDArray[np.float32]
    p_nonempty: float | None
    mask: Mask
    drawn: Mask
    score: float
    lung_box: Box | None
    seconds: Mapping[str, float]
    features: NDArray[np.float32]


class Searcher:
    """An ensemble loaded and ready to search radiographs."""

    def __init__(self, ensemble: Ensemble, infer: XrayInferSettings) -> None:
        from lesionkit.nets.segmenter import Segmenter
        from lesionkit.nets.weights import load_net

        self.ensemble = ensemble
        lung = None
        if ensemble.lung:
            lung = (load_net(ensemble.lung, Segmenter)[0], ensemble.box)
        groups: dict[tuple[int, bool], list[EnsembleNet]] = defaultdict(list)
        for net in ensemble.nets:
            groups[net.side, net.draws].append(net)
        self.groups = [(nets, draws, _segmenter(nets, side, infer, lung)) for (side, draws), nets in groups.items()]

    @property
    def first(self) -> Path:
        """File of the network that judges whether radiographs are foreign."""
        return self.groups[0][0][0].path

    def __call__(self, image: NDArray[Any]) -> FoundImage:
        """Search one radiograph (y, x) of uint8, uint16 or floating values 0..1."""
        mean, box = RunningMean(), None
        heads: dict[str, list[tuple[float, float]]] = defaultdict(list)
        seconds: dict[str, float] = defaultdict(float)
        features = []
        for nets, draws, segmenter in self.groups:
            found = segmenter(image)
            features.append(found.features)
            box = found.lung_box or box
            for name, value in found.seconds.items():
                seconds[name] += value
            if draws:
                mean.add(Prediction(found.probability, None), sum(net.weight for net in nets))
            for net, model in zip(nets, found.models, strict=True):
                if net.judges and model.p_nonempty is not None:
                    heads[net.member].append((model.p_nonempty, net.weight))
        probability = mean.prediction.probability
        p_nonempty = judged(heads, self.ensemble.stack, self.ensemble.stacked)
        rule = self.ensemble.rule
        mask, drawn = rule(probability, p_nonempty), rule.drawn(probability)
        score = image_score(probability, p_nonempty)
        return FoundImage(probability, p_nonempty, mask, drawn, score, box, dict(seconds), features[0])


def judged(
    heads: Mapping[str, Sequence[tuple[float, float]]], stack: Stack | None = None, stacked: Sequence[str] = ()
) -> float | None:
    """Probability of any lesion from (probability, weight) of the image heads by member; None without any head."""
    means = {
        name: (sum(p * w for p, w in pairs) / sum(w for _, w in pairs), sum(w for _, w in pairs))
        for name, pairs in heads.items()
        if pairs
    }
    if stack is not None:
        return float(stack.predict([[means[name][0] for name in stacked]])[0])
    total = sum(weight for _, weight in means.values())
    return sum(p * weight for p, weight in means.values()) / total if total else None


def image_score(probability: NDArray[np.floating], p_nonempty: float | None) -> float:
    """What ranks images; see `FoundImage.score`."""
    if p_nonempty is not None:
        return p_nonempty
    place = probability.size - max(int(probability.size * _STRONGEST), 1)
    return float(np.partition(probability.ravel(), place)[place])


def rule_document(rule: Rule) -> dict[str, Any]:
    """A rule as plain values. Inverse of `rule_of`."""
    settings: Any = rule
    return {"kind": type(rule).__name__, **settings.model_dump()}


def rule_of(document: Mapping[str, Any]) -> Rule:
    """The rule that plain values describe.

    Raises:
        LesionkitError: an unknown kind or number.
    """
    kind = str(document.get("kind"))
    if kind not in _KINDS:
        raise LesionkitError(f"a decision rule must be one of {', '.join(_KINDS)}, got '{kind}'")
    parsed: Any = _KINDS[kind]
    rule: Rule = parsed.parse({name: value for name, value in document.items() if name != "kind"})
    return rule


def write_ensemble(path: Path, ensemble: Ensemble, facts: Mapping[str, Any]) -> Path:
    """Write `ensemble.json`. Inverse of `load_ensemble` as far as the ensemble goes.

    Args:
        facts: what else the file tells: settings, figures, data hashes, versions.
    """
    stack = None
    if ensemble.stack is not None:
        stack = {"coefficients": ensemble.stack.coefficients.tolist(), "members": list(ensemble.stacked)}
    answer = {
        "rule": rule_document(ensemble.rule),
        "stack": stack,
        "lung": "" if ensemble.lung is None else ensemble.lung.relative_to(path.parent).as_posix(),
        "box": ensemble.box.model_dump(),
    }
    return ensemble_file.write_ensemble(path, ensemble.nets, {**answer, **facts})


def load_ensemble(path: Path, fold: str = "") -> Ensemble:
    """The ensemble of an `ensemble.json`, or of a single model file, whose card has side and rule.

    Args:
        fold: only the networks that have not learned from it; "" for all.

    Raises:
        LesionkitError: a damaged file, a model that is no finished member, one that needs a lung network.
    """
    if path.suffix == ".safetensors":
        return _alone(path)
    document = model_card(path)
    stack, stacked = None, ()
    if document["stack"]:
        stack = Stack(np.array(document["stack"]["coefficients"]), np.zeros(0))
        stacked = tuple(document["stack"]["members"])
    return Ensemble(
        nets=tuple(net for net in nets_as(EnsembleNet, path) if (net.is_chosen if fold == "" else net.fold == fold)),
        rule=rule_of(document["rule"]),
        stack=stack,
        stacked=stacked,
        lung=path.parent / document["lung"] if document["lung"] else None,
        box=LungCropSettings.parse(document["box"]),
    )


def _alone(path: Path) -> Ensemble:
    card = read_card(path)
    if "rule" not in card or "member" not in card:
        raise LesionkitError(
            f"{path} has no decision rule in its card, so it is no finished member of an ensemble; give the folder of "
            "the finished run"
        )
    if card.get("lung"):
        raise LesionkitError(f"{path} looks at the lungs only and needs its lung network; give the folder of the run")
    judges = bool(card["member"]["judges"])
    member = str(card["member"]["name"])
    net = EnsembleNet(member, path, member, side=int(card["member"]["side"]), judges=judges)
    return Ensemble((net,), rule_of(card["rule"]))


def _segmenter(
    nets: Sequence[EnsembleNet],
    side: int,
    infer: XrayInferSettings,
    lung: "tuple[Segmenter, LungCropSettings] | None",
) -> "RadiographSegmenter":
    from lesionkit.infer.segment import RadiographSegmenter
    from lesionkit.nets.segmenter import Segmenter
    from lesionkit.nets.weights import load_net

    loaded = [(load_net(net.path, Segmenter)[0], net.weight) for net in nets]
    settings = SegmentInferSettings(side=side, flip=infer.flip, precision=infer.precision, device=infer.device)
    return RadiographSegmenter(loaded, settings, lung)
