"""What scored the compounds, in plain words: the parts that a model's card names."""

from __future__ import annotations

import re
from typing import Any

PARTS = {
    "graph_network": "graph networks, which read a molecule atom by atom",
    "landmark_network": "neural networks that read a molecule by its likeness to the training molecules",
    "profile_network": "neural networks that read a molecule by its likeness in structure and fitted affinities",
    "kernel_ridge": "a kernel regression over pairs of compound and protein",
    "gradient_boosting": "boosted trees on tables of both",
}
"""Parts of a blend, as cards name them."""
_BLEND = re.compile(r"the blend (.*?) has ")


def model_parts(network: Any) -> str:
    """Name the parts of the model of a run's first endpoint, which is what compounds are scored by.

    Parameters
    ----------
    network
        A run manifest's ``network``: fields of the model's card.

    Returns
    -------
    str
        Part of a sentence; "a trained model" where the manifest does not say what it is made of.

    Examples
    --------
    >>> model_parts({"blend": {"pkd": "the blend 0.54 landmark_network + 0.46 kernel_ridge has 0.16"}})
    'a blend of neural networks that read a molecule by its likeness to the training molecules and a kernel regression over pairs of compound and protein'
    >>> model_parts({"blend": {"pkd": "the blend 1.00 graph_network has 0.2", "binds": "the blend 1.00 ridge has 0.1"}})
    'graph networks, which read a molecule atom by atom'
    >>> model_parts({})
    'a trained model'
    """
    blends = list(network.get("blend", {}).values()) if isinstance(network, dict) else []
    told = " ".join(_BLEND.findall(str(blends[:1])))
    words = [text for name, text in PARTS.items() if name in told]
    if len(words) < 2:
        return words[0] if words else "a trained model"
    return f"a blend of {', '.join(words[:-1])} and {words[-1]}"
