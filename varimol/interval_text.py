"""How an interval is written in a sentence: bounds that were never measured are words, not infinities."""

from __future__ import annotations

import math


def interval_text(lower: float, upper: float, decimals: int = 1) -> str:
    """Write the interval of a prediction in brackets.

    Parameters
    ----------
    lower, upper
        Bounds; infinite or NaN where there is none.
    decimals
        Places behind the point.

    Examples
    --------
    >>> interval_text(5.04, 7.2), interval_text(5.0, math.inf), interval_text(-math.inf, math.inf)
    ('[5.0, 7.2]', '[5.0 or more]', '[no interval]')
    """
    low, high = (f"{value:.{decimals}f}" if math.isfinite(value) else "" for value in (lower, upper))
    if low and high:
        return f"[{low}, {high}]"
    if low or high:
        return f"[{low} or more]" if low else f"[{high} or less]"
    return "[no interval]"
