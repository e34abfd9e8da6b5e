"""What several networks found in one scan -> one list of candidates."""

from collections.abc import Sequence

import numpy as np

from lesionkit.core.errors import LesionkitError
from lesionkit.core.lesion import Candidate
from lesionkit.infer.detect_settings import InferSettings


def join_candidates(
    found: Sequence[Sequence[Candidate]], weights: Sequence[float], settings: InferSettings
) -> list[Candidate]:
    """Candidates of several networks as those of one, strongest first.

    The strongest candidate that is left takes, of each other network, the nearest one that lies closer than
    `settings.merge` of its diameter or than `settings.merge_mm`: they are one. Its score is the weighted mean of the
    networks' scores, 0 for a network that did not find it; centre and diameter are means weighted by weight times
    score. What then lies below `settings.threshold` is left out, and no more than `settings.limit` stay. One network's
    list stays as it is.

    Args:
        found: of each network, with diameters.
        weights: of the networks, positive.

    Raises:
        LesionkitError: there is no network, or not a weight for each.

    >>> one, other = Candidate((0.0, 0.0, 0.0), 0.8, 6.0), Candidate((3.0, 0.0, 0.0), 0.4, 9.0)
    >>> join_candidates([[one], [other]], [1, 1], InferSettings())
    [Candidate(centre_mm=(1.0, 0.0, 0.0), score=0.6000000000000001, diameter_mm=7.0, leaves_scan=False)]
    """
    if not found or len(found) != len(weights):
        raise LesionkitError(f"each of the networks needs a weight, got {len(weights)} for {len(found)}")
    if len(found) == 1:
        return list(found[0])
    left = [(candidate, net) for net, several in enumerate(found) for candidate in several]
    left.sort(key=lambda pair: -pair[0].score)
    joined = []
    while left:
        group = _group(left, settings)
        left = [pair for pair in left if not any(pair is one for one in group)]
        joined.append(_mean(group, weights))
    joined.sort(key=lambda candidate: -candidate.score)
    return [candidate for candidate in joined if candidate.score >= settings.threshold][: settings.limit]


def _group(left: Sequence[tuple[Candidate, int]], settings: InferSettings) -> list[tuple[Candidate, int]]:
    """The first candidate and those of other networks that are the same, at most one of each."""
    first, own = left[0]
    reach = max(settings.merge * (first.diameter_mm or 0.0), settings.merge_mm)
    places = np.array([candidate.centre_mm for candidate, _ in left])
    away = np.linalg.norm(places - first.centre_mm, axis=1)
    group, seen = [left[0]], {own}
    for number in np.argsort(away, kind="stable").tolist():
        net = left[number][1]
        if away[number] < reach and net not in seen:
            seen.add(net)
            group.append(left[number])
    return group


def _mean(group: Sequence[tuple[Candidate, int]], weights: Sequence[float]) -> Candidate:
    parts = np.array([weights[net] * candidate.score for candidate, net in group])
    share = parts / parts.sum() if parts.sum() > 0 else np.full(len(group), 1 / len(group))
    centre = share @ np.array([candidate.centre_mm for candidate, _ in group])
    diameter = float(share @ np.array([candidate.diameter_mm or 0.0 for candidate, _ in group]))
    leaves = any(candidate.leaves_scan for candidate, _ in group)
    return Candidate(tuple(float(v) for v in centre), float(parts.sum() / sum(weights)), diameter, leaves)
