"""Do truth and marks live in the same world? A wrong sign or axis order looks like a useless detector."""

import numpy as np

from lesionkit.core.match import Places, match, pairs_within

_FEW = 0.1  # share of lesions hit below which another frame is tried
_TURNS = {
    "negating x and y (marks in RAS, truth in LPS)": ((0, 1, 2), (-1, -1, 1)),
    "reversing the axes (marks in z, y, x)": ((2, 1, 0), (1, 1, 1)),
    "reversing the axes and negating x and y": ((2, 1, 0), (-1, -1, 1)),
}


def frame_warning(marks: Places, lesions: Places) -> str | None:
    """A sentence if the marks seem to be in another frame than the lesions, else None.

    It speaks when cases with lesions have marks but no lesion is hit, and when few are hit but another sign or order
    of the axes would hit many more.

    Args:
        marks: 3-D positions, LPS mm.
        lesions: with radii.
    """
    searched = int(np.isin(lesions.case, marks.case).sum())
    if not searched:
        return None
    n_hit = _hit(marks, lesions)
    if n_hit > _FEW * searched:
        return None
    turned = {how: _hit(_turn(marks, order, sign), lesions) for how, (order, sign) in _TURNS.items()}
    how = max(turned, key=lambda key: turned[key])
    better = turned[how] >= max(3 * n_hit, 1) and (n_hit == 0 or turned[how] >= n_hit + 5)
    cure = f"; {how} would hit {turned[how]}, so convert the marks" if better else ""
    if n_hit == 0:
        far = pairs_within(marks, Places(lesions.case, lesions.centre_mm, np.full(len(lesions), np.inf)))
        closest = float(np.sqrt(far.squared_mm.min()))
        return (
            f"truth and marks may be in different frames: none of {searched} lesions in scans with marks is hit, "
            f"the closest mark is {closest:.0f} mm from a lesion's centre; both must be LPS millimetres{cure}"
        )
    if not better:
        return None
    return f"truth and marks may be in different frames: {n_hit} of {searched} lesions are hit{cure}"


def _hit(marks: Places, lesions: Places) -> int:
    return len(np.unique(match(marks, lesions, shared=True).pairs.lesion))


def _turn(marks: Places, order: tuple[int, ...], sign: tuple[int, ...]) -> Places:
    return Places(marks.case, marks.centre_mm[:, order] * np.array(sign))
