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


FACTS = (
    "name", "summary", "data", "data_sources", "data_licence", "splits", "limits", "seed", "versions", "weights_sha256",
)  # fmt: skip
"""What a page tells of a card in words, in this order."""
HELD_OUT = {
    "random": "pairs",
    "scaffold": "compounds, with their scaffold",
    "family": "proteins, with their family",
}
METRICS = {
    "mse": "mean squared error",
    "brier": "Brier score",
    "concordance": "concordance",
    "auroc": "AUROC",
}


def model_facts(network: Any) -> dict[str, Any]:
    """Facts of a card that a page tells in words; everything where the manifest holds no card."""
    return {k: network[k] for k in FACTS if network.get(k) not in (None, "", [])} or dict(network)


def model_figures(network: Any) -> list[dict[str, Any]]:
    """Figures of the blend on held-out data, one row per label and what was held out.

    Parameters
    ----------
    network
        A run manifest's ``network``: fields of the model's card.

    Returns
    -------
    list of dict
        endpoint, held_out, figures (texts), coverage (text, empty where none was measured).

    Examples
    --------
    >>> row = {"endpoint": "pkd", "setting": "random", "metric": "mse", "mean": 0.2, "lower": 0.1, "upper": 0.3}
    >>> model_figures({"figures": [row]})
    [{'endpoint': 'pkd', 'held_out': 'pairs', 'figures': ['mean squared error 0.200 [0.100, 0.300]'], 'coverage': ''}]
    """
    order, settings = list(network.get("endpoints", [])), list(HELD_OUT)
    covered = {(c["endpoint"], c["setting"]): c for c in network.get("coverage", [])}
    rows: dict[tuple[str, str], list[str]] = {}
    for row in network.get("figures", []):
        if row["metric"] in METRICS and row.get("mean") is not None:
            text = f"{METRICS[row['metric']]} {row['mean']:.3f}"
            if row.get("lower") is not None:
                text += f" [{row['lower']:.3f}, {row['upper']:.3f}]"
            rows.setdefault((row["endpoint"], row["setting"]), []).append(text)
    return [
        {
            "endpoint": endpoint, "held_out": HELD_OUT.get(setting, setting), "figures": sorted(texts, reverse=True),
            "coverage": f"{covered[endpoint, setting]['coverage']:.1%}" if (endpoint, setting) in covered else "",
        }
        for (endpoint, setting), texts in sorted(
            rows.items(), key=lambda item: (_place(order, item[0][0]), _place(settings, item[0][1]))
        )
    ]  # fmt: skip


def _place(known: list[str], name: str) -> int:
    return known.index(name) if name in known else len(known)


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
