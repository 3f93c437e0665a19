"""JSON that people read too: the outer levels one member a line, and what is further in on that line."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd


def number(value: float) -> float | None:
    """Give six digits of a number, as the tables' TSV has them; None for a missing one.

    Examples
    --------
    >>> number(2 / 3), number(float("nan"))
    (0.666667, None)
    """
    return None if pd.isna(value) else float(f"{value:.6g}")


def compact(value: Any) -> str:
    """Write a value on one line."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def pretty(value: Any, levels: int, depth: int = 0) -> str:
    """Write JSON with the outer `levels` one member a line, and what is further in on that line."""
    if levels == 0 or not isinstance(value, dict | list) or not value:
        return compact(value)
    pad = "\n" + " " * (depth + 1)
    if isinstance(value, dict):
        items = [f"{compact(k)}: {pretty(v, levels - 1, depth + 1)}" for k, v in value.items()]
        opening, closing = "{", "}"
    else:
        items = [pretty(v, levels - 1, depth + 1) for v in value]
        opening, closing = "[", "]"
    return f"{opening}{pad}{f',{pad}'.join(items)}\n{' ' * depth}{closing}"
