"""Whether an image is like those that a model learned from: told of every kind of image in the same way.

What that takes lies in the model's own file: arrays beside its weights, and an entry "foreign" of its card. Of several
networks that search together the first one judges.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.infer.foreign import FAR, QUANTILE, Familiar, learn_familiar
from lesionkit.nets.model_file import complete_card, read_arrays, read_card, weights_digest
from lesionkit.recipes.base import Item
from lesionkit.recipes.searching import Search

ENTRY = "foreign"
"""Of a model's card, and of the facts of what was found."""
S = TypeVar("S", bound=Settings)


@dataclass(frozen=True)
class Foreign:
    """What is told of one image.

    Attributes:
        facts: "unlikeness" as a multiple of the limit, None where the model cannot tell; "warned from", "refused from".
        warnings: sentences.
    """

    facts: Mapping[str, Any]
    warnings: Sequence[str] = field(default=())


def tell_foreign(
    model: Path, rows: NDArray[np.float32], foreign: Literal["refuse", "allow"], noun: str, case_id: str
) -> Foreign:
    """Compare an image with those that a network learned from.

    Args:
        model: file of the network.
        rows: what it saw of the image, (k, c); k is 0 where that is not known, as of a slide without tissue.
        foreign: what to do with one that lies far away.
        noun: what an image is called: "scan".

    Raises:
        LesionkitError: it lies too far away and is not allowed; or what the model knows of its images is damaged.
    """
    # Networks of others tell nothing, and their files are none of ours.
    familiar = familiar_of(model) if len(rows) else None
    if familiar is None:
        return Foreign({"unlikeness": None})
    try:
        unlikeness = familiar.unlikeness(rows)
    except ValueError as error:
        raise _unusable(model, error) from error
    facts = {"unlikeness": round(min(unlikeness, 1e6), 3), "warned from": 1.0, "refused from": FAR}
    if unlikeness <= 1:
        return Foreign(facts)
    told = f"{unlikeness:.1f} times as far from the {noun}s that the model learned from as {QUANTILE:.0%} of such lie"
    if unlikeness > FAR and foreign == "refuse":
        raise LesionkitError(
            f"{case_id} lies {told}, and must lie within {FAR:g} to be searched; give a model that learned from such "
            f"{noun}s, or insist with --set infer.foreign=allow"
        )
    return Foreign(facts, (f"it is unlike what the model knows: it lies {told}; expect misses and false positives",))


@lru_cache(maxsize=32)
def familiar_of(model: Path) -> Familiar | None:
    """What a network knows of the images it learned from; None where its file does not tell. Read once per process.

    Raises:
        LesionkitError: it is damaged, or of other weights.
    """
    told = read_card(model).get(ENTRY)
    if told is None:
        return None
    try:
        if told.get("weights") != weights_digest(model):
            raise ValueError("it is of other weights")
        return Familiar.of_arrays(read_arrays(model))
    except (ValueError, AttributeError) as error:
        raise _unusable(model, error) from error


def _unusable(model: Path, error: Exception) -> LesionkitError:
    return LesionkitError(
        f"what {model} tells of the images it learned from must be of its own weights and whole, but cannot be used "
        f"({error}); copy the model again, or make it anew with learn_foreign"
    )


def learn_foreign(model: Path, images: Iterable[NDArray[np.float32]]) -> dict[str, Any]:
    """Write into a network's file what it needs to tell foreign images; its weights stay as they are.

    Args:
        images: what it sees of images that it learned from, (k, c) each; see `Search`.

    Returns:
        The entry of its card; or why there is none, {"reason": …}.

    Raises:
        LesionkitError: the file is missing or damaged.
    """
    rows = [np.asarray(one, np.float32) for one in images]
    try:
        familiar = learn_familiar(rows)
    except LesionkitError as error:
        return {"reason": str(error)}
    told = {
        "measure": "Mahalanobis distance of the network's deep features, shrunk covariance, median over blocks",
        "images": len(rows),
        "blocks": sum(map(len, rows)),
        "groups": len(familiar.means),
        "limit": round(familiar.limit, 5),
        "quantile": QUANTILE,
        "warned from": 1.0,
        "refused from": FAR,
        "weights": weights_digest(model),
    }
    complete_card(model, {ENTRY: told}, familiar.arrays())
    familiar_of.cache_clear()
    return told


def learn_foreign_of(
    file: Path, model: Path, items: Sequence[Item], settings: S, search: Search[S, Any, Any], most: int
) -> dict[str, Any]:
    """`learn_foreign` for the first network of a model, of images on disk that it learned from.

    Args:
        file: of that network.
        model: weights or `ensemble.json`.
        most: so many of the images are looked at, evenly spaced.

    Raises:
        LesionkitError: an image cannot be read, or foreign ones of this kind cannot be told.
    """
    features = search.features
    if features is None:
        raise LesionkitError(f"whether a {search.noun} is foreign cannot be told by any model")
    seen = (features(item, search.open(item, settings), model, settings) for item in spaced(items, most))
    return learn_foreign(file, seen)


def spaced(images: Sequence[Any], most: int) -> list[Any]:
    """At most so many of them, evenly spaced.

    >>> spaced(range(10), 3)
    [0, 4, 9]
    """
    if len(images) <= most:
        return list(images)
    return [images[n] for n in np.linspace(0, len(images) - 1, most).astype(int)]


def foreign_row(facts: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The row of the closing table, from the facts of what was found; none where a kind does not tell.

    >>> foreign_row([{"foreign": {"unlikeness": 0.7}}, {"foreign": {"unlikeness": 1.6}}])
    {'foreign images': '1 of 2'}
    >>> foreign_row([{"foreign": {"unlikeness": None}}])
    {'foreign images': 'this model cannot tell'}
    """
    told = [one[ENTRY]["unlikeness"] for one in facts if ENTRY in one]
    known = [value for value in told if value is not None]
    if not told:
        return {}
    beyond = f"{sum(value > 1 for value in known)} of {len(told)}"
    return {"foreign images": beyond if known else "this model cannot tell"}


def foreign_allowed(settings: S) -> S:
    """The settings with foreign images let through, for images that a run scores itself on: none is left out."""
    infer: Any = getattr(settings, "infer", None)
    if not hasattr(infer, ENTRY):
        return settings
    return settings.model_copy(update={"infer": infer.model_copy(update={ENTRY: "allow"})})
