"""Targets and their top compounds: which gene, which compounds, how sure, and which genes abstained."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from varimol.report.bundle import Bundle
from varimol.report.notation import dissociation_constant, interval, number
from varimol.report.overview import as_text

#: Compounds drawn for each gene.
N_COMPOUNDS = 9

#: Width of the interval bars' pKd axis, drawn for every compound alike.
_AXIS = (3.0, 11.0)

_ACTIVE_SVG = re.compile(r"<\s*script|\son\w+\s*=|javascript:|<\s*foreignObject|<\s*image", re.I)


def target_sections(bundle: Bundle) -> list[dict[str, Any]]:
    """Collect, for every scored gene, its compounds with the highest predicted affinity.

    Parameters
    ----------
    bundle
        Tables of the run.

    Returns
    -------
    list of dict
        One per gene, in the order of the target table: gene, accession, counts and ``compounds``.
    """
    targets = bundle.tables["targets"]
    scored = targets.loc[targets["status"] == "scored"] if len(targets) else targets
    return [_section(row, bundle) for row in scored.to_dict("records")]


def abstained_targets(bundle: Bundle) -> list[dict[str, str]]:
    """List the genes without a score, with the reason.

    Parameters
    ----------
    bundle
        Tables of the run.

    Returns
    -------
    list of dict
        gene, accession and reason, in table order.
    """
    targets = bundle.tables["targets"]
    unscored = targets.loc[targets["status"] != "scored"] if len(targets) else targets
    return [
        {key: as_text(row.get(key)) for key in ("gene", "accession", "reason")}
        for row in unscored.to_dict("records")
    ]


def _section(target: dict[Any, Any], bundle: Bundle) -> dict[str, Any]:
    affinity, markers = bundle.tables["affinity"], bundle.tables["markers"]
    gene = as_text(target["gene"])
    pairs = affinity.loc[affinity["gene"] == gene] if len(affinity) else affinity
    kept = pairs.loc[~pairs["abstain"].fillna(False).astype(bool)]
    top = kept.sort_values(["prediction", "compound_id"], ascending=[False, True], kind="stable")
    supporting = markers.loc[markers["gene"] == gene] if len(markers) else markers
    domain = target.get("has_domain")
    return {
        "gene": gene,
        "accession": as_text(target.get("accession")),
        "length": number(target.get("sequence_length")),
        "domain": "" if domain is None or pd.isna(domain) else ("yes" if domain else "no"),
        "action": next((as_text(v) for v in supporting.get("drug_action", []) if as_text(v)), ""),
        "n_scored": len(kept),
        "n_abstained": len(pairs) - len(kept),
        "reasons": _abstentions(pairs),
        "compounds": [_compound(row) for row in top.head(N_COMPOUNDS).to_dict("records")],
    }


def _abstentions(pairs: pd.DataFrame, n_shown: int = 4) -> list[tuple[str, int]]:
    if pairs.empty or "reason" not in pairs.columns:
        return []
    withheld = pairs.loc[pairs["abstain"].fillna(False).astype(bool), "reason"].dropna().astype(str)
    # One compound's similarity is its own; the threshold it misses is what they have in common.
    kinds = withheld[withheld != ""].str.replace(
        r" has ([\w ]+) \d\.\d+, (below|and)", _without_value, regex=True
    )
    counts = kinds.value_counts()
    said = sorted(zip(counts.index.tolist(), counts.tolist()), key=lambda item: (-item[1], item[0]))
    rest = sum(count for _, count in said[n_shown:])
    return said[:n_shown] + ([("other reasons", rest)] if rest else [])


def _without_value(found: re.Match[str]) -> str:
    return f" is below {found[1]}" if found[2] == "below" else f" has too little {found[1]}, and"


def _compound(row: dict[Any, Any]) -> dict[str, Any]:
    identifier = as_text(row["compound_id"])
    lower, centre, upper = (_on_axis(row.get(key)) for key in ("lower", "prediction", "upper"))
    return {
        "id": identifier,
        "name": as_text(row.get("name")) or identifier,
        "pkd": number(row.get("prediction")),
        "kd": dissociation_constant(row.get("prediction")),
        "interval": interval(row.get("lower"), row.get("upper")),
        "bar": None if None in (lower, centre, upper) else (lower, centre, upper),
        "in_domain": _flag(row.get("in_domain")),
        "in_training": _flag(row.get("in_training")),
        "similarity": number(row.get("nearest_train_tanimoto"), 2),
        "drawing": draw_compound(as_text(row.get("smiles"))),
        "smiles": as_text(row.get("smiles")),
    }


def draw_compound(smiles: str, *, width: int = 240, height: int = 170) -> str:
    """Draw a structure as inline SVG.

    Parameters
    ----------
    smiles
        Standardised SMILES.
    width, height
        Size in pixels.

    Returns
    -------
    str
        An ``<svg>`` element, or ``""`` where the structure cannot be drawn.
    """
    from chem.draw import draw_svg

    if not smiles:
        return ""
    try:
        drawing = draw_svg(smiles, width=width, height=height)
    except ValueError:  # the page shows the SMILES in its place
        return ""
    drawing = re.sub(r"<!--.*?-->", "", drawing[max(drawing.find("<svg"), 0) :], flags=re.DOTALL)
    return "" if _ACTIVE_SVG.search(drawing) else drawing.strip()


def _flag(value: Any) -> bool | None:
    return None if value is None or pd.isna(value) else bool(value)


def _on_axis(value: Any) -> float | None:
    """Place a pKd on the bar, in percent of its width."""
    if value is None or pd.isna(value):
        return None
    share = (float(value) - _AXIS[0]) / (_AXIS[1] - _AXIS[0])
    return round(100 * min(1.0, max(0.0, share)), 1)
