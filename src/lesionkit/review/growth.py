"""How fast a lesion grows between two scans."""

import math

from lesionkit.core.errors import LesionkitError


def doubling_days(first_mm: float, second_mm: float, days: float) -> float:
    """Volume doubling time in days of a ball, from its diameter in two scans (Schwartz 1961).

    VDT = t · ln 2 / ln(V2 / V1) = t · ln 2 / (3 · ln(d2 / d1)), for the volume of a ball goes with the third power of
    its diameter. It is negative for what shrinks, and infinite for what stays as it is.

    Args:
        first_mm, second_mm: diameters in mm, the earlier first, or two lengths in any one unit.
        days: from the earlier scan to the later.

    Raises:
        LesionkitError: a diameter or a time that is not positive.

    >>> round(doubling_days(10, 10 * 2 ** (1 / 3), 90), 6)
    90.0
    >>> doubling_days(8, 8, 90)
    inf
    """
    if not (first_mm > 0 and second_mm > 0 and math.isfinite(first_mm + second_mm)):
        raise LesionkitError(f"a doubling time needs two positive diameters, got {first_mm} and {second_mm} mm")
    if not (days > 0 and math.isfinite(days)):
        raise LesionkitError(f"a doubling time needs the days between the scans, more than 0, got {days}")
    ratio = math.log(second_mm / first_mm)
    return math.inf if ratio == 0 else days * math.log(2) / (3 * ratio)
