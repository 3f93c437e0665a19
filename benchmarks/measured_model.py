"""Which model a figure was measured on, so that figures of an older one are told from those of the shipped one."""

from __future__ import annotations

from typing import Any

import pandas as pd

_DIGITS = 12


def with_model(table: pd.DataFrame, card: dict[str, Any]) -> pd.DataFrame:
    """Figures with the name of the model they were measured on and the digest of its weights.

    Parameters
    ----------
    table
        One row per figure.
    card
        card.json of the model.

    Examples
    --------
    >>> with_model(pd.DataFrame({"mse": [0.2]}), {"name": "small", "weights_sha256": "ab" * 32})
       mse  model       weights
    0  0.2  small  abababababab
    """
    digest = str(card.get("weights_sha256", ""))[:_DIGITS]
    return table.assign(model=card.get("name", ""), weights=digest)


def model_note(table: pd.DataFrame, card: dict[str, Any]) -> str:
    """Say whether figures are of the model that ships.

    Parameters
    ----------
    table
        As `with_model` made it, or older figures without those columns.
    card
        card.json of the shipped model.

    Examples
    --------
    >>> table = with_model(pd.DataFrame({"mse": [0.2]}), {"name": "small", "weights_sha256": "ab" * 32})
    >>> model_note(table, {"weights_sha256": "ab" * 32})
    'Measured on the shipped weights (abababababab).'
    >>> model_note(table, {"weights_sha256": "cd" * 32})
    'Measured on weights abababababab, an **earlier model** than the shipped one (cdcdcdcdcdcd).'
    """
    shipped = str(card.get("weights_sha256", ""))[:_DIGITS]
    known = table["weights"].dropna().unique().tolist() if "weights" in table else []
    measured = ", ".join(filter(None, map(str, known)))
    if measured == shipped and shipped:
        return f"Measured on the shipped weights ({shipped})."
    at = f"weights {measured}" if measured else f"commit {table['commit'].iloc[0]}"
    return f"Measured on {at}, an **earlier model** than the shipped one ({shipped})."
