"""From the folds' predictions to one decision rule: stacking of the image heads, then a search on validation only."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import write_text
from lesionkit.core.mask import decode_rle_siim
from lesionkit.evaluate.overlap import mask_dice
from lesionkit.evaluate.roc import auc
from lesionkit.infer.decide import RULES, ClassifyThenSegment, HeadAndArea, MaximumPixel, Plain, Rule, Triplet
from lesionkit.infer.stack import Stack, fit_stack
from lesionkit.infer.threshold import FIRST_GRID, Evidence, Search, grid, search
from lesionkit.read.chest_rows import ImageRow
from lesionkit.recipes.ensemble import model_card
from lesionkit.recipes.xray.ensemble import image_score, rule_document, rule_of
from lesionkit.recipes.xray.pictures import resized_mask

if TYPE_CHECKING:
    from lesionkit.recipes.xray.folds import Training

RULES_FILE = "rules.csv"
DECISION_FILE = "decision.json"

_TENTHS = tuple(round(0.1 * n, 1) for n in range(1, 10))
_PIXELS = (0, 100, 200, 600, 1000, 2000, 4000)
_BOTTOMS = (0.2, 0.3, 0.4, 0.5)
GRIDS: Mapping[str, tuple[Rule, ...]] = {
    "plain": grid(Plain, {"pixel": _TENTHS}),
    "triplet": (
        *FIRST_GRID,
        *grid(Triplet, {"top": (0.4, 0.5, 0.6, 0.7, 0.8, 0.9), "min_pixels": _PIXELS, "bottom": _BOTTOMS}),
    ),
    "triplet and contour": grid(
        Triplet,
        {"top": (0.5, 0.6, 0.75), "min_pixels": (200, 600, 2000), "bottom": (0.3, 0.4)}
        | {"min_contour_area": (0, 100, 400)},
    ),
    "triplet of the 1st": grid(
        Triplet,
        {"top": (0.6, 0.7, 0.75), "min_pixels": (600, 800, 1000, 1500, 2000, 3000), "bottom": (0.25, 0.3, 0.4)}
        | {"min_contour_area": (100,)},
    ),
    "classify then segment": grid(ClassifyThenSegment, {"image": _TENTHS, "pixel": (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)}),
    "head and area": grid(
        HeadAndArea,
        {"image": (0.2, 0.3, 0.4, 0.5, 0.6, 0.7), "top": (0.5, 0.65, 0.8), "min_pixels": (0, 200, 800, 2000)}
        | {"bottom": _BOTTOMS},
    ),
    "maximum pixel": grid(MaximumPixel, {"top": _TENTHS, "bottom": _BOTTOMS}),
}
"""The rules that are tried, by name of the search."""
_NEED_HEAD = ("classify then segment", "head and area")


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """What networks say of images that they have not seen, of all trained folds.

    Attributes:
        heads: (images, members) of the image heads; NaN where a member was not trained on the image's fold.
        members: their names.
    """

    rows: tuple[ImageRow, ...]
    maps: tuple[Any, ...]
    places: tuple[int, ...]
    heads: NDArray[np.float64]
    members: tuple[str, ...]

    def probability(self, number: int) -> NDArray[np.float32]:
        """(y, x) of the lesion."""
        levels: NDArray[np.uint8] = np.array(self.maps[number][self.places[number]])
        return np.divide(levels, 255, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Decision:
    """A rule, the stack it relies on if any, and what validation said of them."""

    rule: Rule
    stack: Stack | None
    stacked: tuple[str, ...]
    facts: Mapping[str, Any]


def decide(plan: "Training") -> Decision:
    """Search the rule if that is not done yet in this run; the same file gives it again."""
    file = plan.run.path / DECISION_FILE
    facts = plan.run.once("rule", lambda: _decide(plan, file))
    kept = json.loads(file.read_text(encoding="utf-8"))
    stack = None if kept["stack"] is None else Stack(np.array(kept["stack"]), np.zeros(0))
    return Decision(rule_of(kept["rule"]), stack, tuple(kept["members"]), facts)


def out_of_fold(plan: "Training") -> OutOfFold:
    """The predictions that the folds left in the run folder."""
    from lesionkit.recipes.xray.folds import CASES, FOUND, HEADS

    known = plan.prepared.images.images
    parts: list[tuple[Any, NDArray[np.float64], dict[str, Any]]] = []
    for fold in plan.validating:
        folder = plan.run.path / "folds" / fold
        told = json.loads((folder / CASES).read_text(encoding="utf-8"))
        parts.append((np.load(folder / FOUND, "r"), np.load(folder / HEADS), told))
    members = tuple(dict.fromkeys(name for _, _, told in parts for name in told["members"]))
    rows, maps, places, heads = [], [], [], []
    for found, answers, told in parts:
        for place, case_id in enumerate(told["cases"]):
            said = dict(zip(told["members"], answers[place], strict=True))
            rows.append(known[case_id])
            maps.append(found)
            places.append(place)
            heads.append([float(said.get(name, np.nan)) for name in members])
    return OutOfFold(tuple(rows), tuple(maps), tuple(places), np.array(heads).reshape(len(rows), -1), members)


def _decide(plan: "Training", file: Path) -> Mapping[str, Any]:
    settings = plan.settings.rule
    if not plan.validating:
        plan.run.warn("no image validates, so no rule was searched; the published one is used")
        return _keep(file, RULES[settings.published], None, ())
    found = out_of_fold(plan)
    stack, p_nonempty = _stacked(plan, found)
    patients = len({row.patient_id for row in found.rows})
    rules = candidates(settings.search, settings.published, has_head=p_nonempty is not None)
    folds = min(settings.folds, patients)
    if len(rules) > 1 and folds < 2:
        plan.run.warn("validation images are of one patient, so no rule was searched; the published one is used")
        rules = (RULES[settings.published],)
    evidence = _evidence(found, p_nonempty)
    if len(rules) > 1:
        searched = search(rules, evidence, mask_dice, folds)
        _write_rules(plan.run.path / RULES_FILE, searched)
        rule, facts = searched.rule, _search_facts(searched)
    else:
        rule, facts = rules[0], {}
    facts = {**_figures(found, p_nonempty, rule), **facts}
    return {**facts, **_keep(file, rule, stack, found.members if stack is not None else ())}


def _keep(file: Path, rule: Rule, stack: Stack | None, members: Sequence[str]) -> dict[str, Any]:
    coefficients = None if stack is None else stack.coefficients.tolist()
    kept = {"rule": rule_document(rule), "stack": coefficients, "members": list(members)}
    write_text(file, json.dumps(kept) + "\n")
    return {"rule": kept["rule"]}


def candidates(name: str, published: str, has_head: bool) -> tuple[Rule, ...]:
    """The rules to try.

    Raises:
        LesionkitError: a rule that needs an image head is asked for and there is none.
    """
    if name == "none":
        return (RULES[published],)
    if name == "all":
        return tuple(rule for key, rules in GRIDS.items() if has_head or key not in _NEED_HEAD for rule in rules)
    if name in _NEED_HEAD and not has_head:
        raise LesionkitError(
            f"the rule '{name}' needs a network whose image head says whether there is a lesion, but none has one; "
            "give --set net.head=linear and a loss with it, or --set rule.search=triplet"
        )
    return GRIDS[name]


def _stacked(plan: "Training", found: OutOfFold) -> tuple[Stack | None, NDArray[np.float64] | None]:
    """The stack if it is asked for, and the probability of any lesion by image, None without any image head."""
    if not found.members:
        if plan.settings.rule.stack:
            raise LesionkitError("stacking needs networks with an image head, but none has one; set rule.stack=false")
        return None, None
    if not plan.settings.rule.stack:
        weight = {m.name: m.weight for m in plan.members}
        weights = np.where(np.isnan(found.heads), 0.0, [weight[name] for name in found.members])
        return None, np.nansum(found.heads * weights, axis=1) / np.maximum(weights.sum(axis=1), 1e-9)
    if np.isnan(found.heads).any():
        raise LesionkitError("stacking needs every classifier on every trained fold; set members' folds to null")
    positive = [row.positive for row in found.rows]
    stack = fit_stack(
        found.heads.clip(0, 1), positive, [row.patient_id for row in found.rows], plan.settings.rule.stacking
    )
    return stack, stack.out_of_fold


def _evidence(found: OutOfFold, p_nonempty: NDArray[np.float64] | None) -> Iterator[Evidence]:
    for number, row in enumerate(found.rows):
        probability = found.probability(number)
        head = None if p_nonempty is None else float(p_nonempty[number])
        yield Evidence(probability, _truth(row, probability.shape[0]), head, row.patient_id, "validation")


def _truth(row: ImageRow, side: int) -> NDArray[np.bool_]:
    if not row.positive:
        return np.zeros((side, side), bool)
    return resized_mask(decode_rle_siim(row.encoded, row.shape), (side, side))


def _search_facts(found: Search) -> dict[str, Any]:
    return {
        "rules tried": len(found.rules),
        "validation dice": round(found.score, 5),
        "nested validation dice": round(found.nested_score, 5),
        "optimism of the search": round(found.optimism, 5),
        "rules chosen in the folds": len(set(found.chosen)),
    }


def _figures(found: OutOfFold, p_nonempty: NDArray[np.float64] | None, rule: Rule) -> dict[str, Any]:
    """What the rule gives on the images that no network had seen; chosen on them, so too good by the optimism."""
    dices, scores = [], []
    for evidence in _evidence(found, p_nonempty):
        dices.append(mask_dice(rule(evidence.probability, evidence.p_nonempty), evidence.truth))
        scores.append(image_score(evidence.probability, evidence.p_nonempty))
    positive, values = np.array([row.positive for row in found.rows]), np.array(dices)
    figures = {"validation images": len(values), "validation dice": round(float(values.mean()), 5)}
    figures["validation all-empty baseline"] = round(float((~positive).mean()), 5)
    if positive.any():
        figures["validation dice on positives"] = round(float(values[positive].mean()), 5)
    if positive.any() and not positive.all():
        figures["validation image AUC"] = round(float(auc(positive, np.array(scores))), 5)
    return figures


def _write_rules(path: Path, found: Search) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["kind", "numbers", "dice", "chosen"])
    order: Sequence[int] = np.argsort(-found.scores, kind="stable").tolist()
    for number in order:
        document = rule_document(found.rules[number])
        numbers = " ".join(f"{name}={value:g}" for name, value in document.items() if name != "kind")
        writer.writerow([document["kind"], numbers, f"{found.scores[number]:.5f}", int(number == found.best)])
    write_text(path, text.getvalue())


def rule_search(model: Path) -> dict[str, Any]:
    """What a model's folder or card tells of the search of its rule, under the names that the report knows."""
    alone = model.suffix == ".safetensors"
    told: dict[str, Any] = dict(model_card(model).get("validation", {}))
    told.pop("rule", None)
    names = {"validation dice": "score", "nested validation dice": "nested_score", "optimism of the search": "optimism"}
    found: dict[str, Any] = {names.get(name, name): value for name, value in told.items()}
    table = model.parent / RULES_FILE
    if not alone and table.is_file():
        with table.open(newline="", encoding="utf-8") as lines:
            found["rows"] = [dict(row) for row in csv.DictReader(lines)]
    return found
