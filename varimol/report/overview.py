"""What the report says about the cohort: quality, association and markers, as values for the template."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from genomics.policy import CHOICES
from varimol.report.bundle import Bundle
from varimol.report.notation import effect, number, p_value
from varimol.report.plots import GENOME_WIDE, components_svg, manhattan_svg, quantile_svg

_ACTIONS = {
    "inhibit": "Genetics supports inhibiting {gene}.",
    "activate": "Genetics supports activating {gene}.",
}

#: Columns of the marker table that count calls, and what the report calls them; the last three are not observed.
CALL_KINDS = {
    "n_hom_ref": "Reference only",
    "n_het": "Effect + other",
    "n_hom_alt": "Effect only",
    "n_other": "Other allele",
    "n_no_call": "No call",
    "n_filtered": "Filtered",
    "n_absent": "Absent",
}


def cohort_facts(bundle: Bundle) -> dict[str, Any]:
    """Collect the header's facts.

    Parameters
    ----------
    bundle
        Tables and manifest of the run.

    Returns
    -------
    dict
        trait, trait_type, n_samples, n_cases, n_controls, build, build_evidence, n_variants and
        n_variants_passed; a figure that is not known is ``None``.
    """
    cohort = bundle.section("cohort")
    variants = bundle.tables["quality_variants"]
    return {
        "trait": str(bundle.manifest.get("trait") or "not named"),
        "trait_type": str(bundle.manifest.get("trait_type") or "type not recorded"),
        "n_samples": cohort.get("n_samples"),
        "n_cases": cohort.get("n_cases"),
        "n_controls": cohort.get("n_controls"),
        "build": cohort.get("build") or "unknown",
        "build_evidence": as_text(cohort.get("build_evidence")),
        "n_variants": cohort.get("n_variants") or len(variants) or None,
        "n_variants_passed": int(_flags(variants["passed"]).sum()) if len(variants) else None,
    }


def quality_facts(bundle: Bundle) -> dict[str, Any]:
    """Summarise sample and variant quality and population structure.

    Parameters
    ----------
    bundle
        Tables and manifest of the run.

    Returns
    -------
    dict
        ``rows`` (name, in, passed, reasons), ``structure`` (as the manifest has it), ``plot`` (SVG or "").
    """
    rows = []
    for name, label in (("quality_samples", "Samples"), ("quality_variants", "Variants")):
        table = bundle.tables[name]
        if table.empty:
            continue
        passed = _flags(table["passed"])
        rows.append(
            {
                "name": label,
                "n": len(table),
                "n_passed": int(passed.sum()),
                "median_call_rate": number(_median(table, "call_rate"), 4),
                "reasons": _reasons(table.loc[~passed, "reason"]),
            }
        )
    structure = bundle.section("structure")
    components = bundle.tables["structure"]
    plot = components_svg(components) if structure.get("estimable", not components.empty) else ""
    return {"rows": rows, "structure": structure, "plot": plot}


def association_facts(bundle: Bundle) -> dict[str, Any]:
    """Draw the association scan and say how it was done.

    Parameters
    ----------
    bundle
        Tables and manifest of the run.

    Returns
    -------
    dict
        Plots, number of tests and of genome-wide hits, inflation factor, tests, covariates, missing policy,
        call policy (``summary`` and ``sentences``).
    """
    table = bundle.tables["association"]
    stated = bundle.section("association")
    log10p = pd.to_numeric(table["log10p"], errors="coerce").to_numpy(float)
    tested = log10p[np.isfinite(log10p)]
    covariates = [str(name) for name in stated.get("covariates") or []]
    return {
        "n_tests": stated.get("n_tests", int(tested.size)),
        "n_significant": int((tested >= GENOME_WIDE).sum()),
        "n_untested": int(log10p.size - tested.size),
        "lambda": number(stated.get("lambda")),
        "covariates": covariates,
        "corrected": any(name.lower().startswith("pc") for name in covariates),
        "missing_policy": as_text(stated.get("missing_policy")) or _distinct(table, "missing_policy"),
        "call_policy": _call_policy(stated.get("call_policy")),
        "tests": _distinct(table, "test"),
        "manhattan": manhattan_svg(table, bundle.tables["markers"]),
        "quantile": quantile_svg(log10p),
        "strongest": _strongest(table, log10p),
    }


def _call_policy(choices: Any) -> dict[str, Any]:
    """Say what the store made of calls that are not plain: what differs from the defaults, and all in words."""
    if not isinstance(choices, dict) or not choices:
        return {"summary": "not recorded", "sentences": []}
    known = {str(name): as_text(value) for name, value in choices.items()}
    changed = [
        f"{name.replace('_', ' ')}: {value}"
        for name, value in known.items()
        if value != next(iter(CHOICES.get(name, ())), None)
    ]
    return {
        "summary": "the defaults" + (f", but {'; '.join(changed)}" if changed else ""),
        "sentences": [CHOICES.get(name, {}).get(value, f"{name}: {value}") for name, value in known.items()],
    }


def marker_rows(bundle: Bundle) -> list[dict[str, str]]:
    """Write the marker table's rows, the strongest first.

    Parameters
    ----------
    bundle
        Tables and manifest of the run.

    Returns
    -------
    list of dict
        Texts ready to show.
    """
    markers = bundle.tables["markers"]
    odds_ratio = bundle.manifest.get("trait_type") == "binary"
    return [_marker_row(row, odds_ratio) for row in _strongest_first(markers).to_dict("records")]


def marker_call_rows(bundle: Bundle) -> list[dict[str, Any]]:
    """Count the samples by what is known of their call at each marker, in the order of `marker_rows`.

    Parameters
    ----------
    bundle
        Tables and manifest of the run.

    Returns
    -------
    list of dict
        ``variant`` and ``counts``, one for each of `CALL_KINDS`; empty where the run counted none.
    """
    markers = bundle.tables["markers"]
    if not set(CALL_KINDS) <= set(markers.columns):
        return []
    return [
        {"variant": row["variant"], "counts": counts}
        for row, counts in zip(
            marker_rows(bundle), _strongest_first(markers)[list(CALL_KINDS)].to_numpy().tolist(), strict=True
        )
    ]


def _strongest_first(markers: pd.DataFrame) -> pd.DataFrame:
    return markers.sort_values("log10p", ascending=False, kind="stable") if len(markers) else markers


def _marker_row(row: dict[Any, Any], odds_ratio: bool) -> dict[str, str]:
    gene = as_text(row.get("gene"))
    action = as_text(row.get("drug_action"))
    beta = row.get("beta")
    lowers = isinstance(beta, int | float) and beta < 0
    target = "odds" if odds_ratio else "value"
    return {
        "variant": as_text(row.get("marker_id")) or f"{row['contig']}:{row['position']}",
        "alleles": f"{as_text(row.get('effect_allele'))} / {as_text(row.get('other_allele')) or '–'}",
        "frequency": number(row.get("effect_allele_frequency")),
        "effect": effect(beta, row.get("se"), odds_ratio=odds_ratio),
        "p": p_value(row.get("log10p")),
        "direction": f"Each effect allele {'lowers' if lowers else 'raises'} the {target}.",
        "gene": gene or "none assigned",
        "assigned": _assignment(row),
        "protein_change": as_text(row.get("amino_acid_change")),
        "consequence": as_text(row.get("consequence")).replace("_", " "),
        "action": _ACTIONS.get(action, "").format(gene=gene) or "No direction of drug action claimed.",
        "action_reason": as_text(row.get("drug_action_reason")),
    }


def _assignment(row: dict[Any, Any]) -> str:
    """Say how a marker's gene was found: the caller's own reason, else from distance and linkage."""
    parts = [as_text(row.get("reason"))]
    distance = row.get("gene_distance")
    if not parts[0] and isinstance(distance, int | float) and math.isfinite(distance):
        parts.append("inside the gene" if distance == 0 else f"{number(distance)} bp from the gene")
    linked = as_text(row.get("consequence_variant_id"))
    r2 = number(row.get("ld_r2"))
    if linked and linked != as_text(row.get("marker_id")):
        parts.append(f"protein change at {linked}" + (f" (r² {r2})" if r2 != "–" else ""))
    return "; ".join(part for part in parts if part)


def as_text(value: Any) -> str:
    """Write a manifest's or table's value on one line; nothing for a missing one.

    Examples
    --------
    >>> as_text({"sites": 12, "share": 0.999}), as_text(["a", "b"]), as_text(float("nan"))
    ('sites: 12; share: 0.999', 'a, b', '')
    """
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, dict):
        return "; ".join(f"{str(key).replace('_', ' ')}: {as_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(as_text(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _flags(column: pd.Series) -> pd.Series:
    return column.fillna(False).astype(bool)


def _median(table: pd.DataFrame, column: str) -> float | None:
    if column not in table.columns:
        return None
    values = pd.to_numeric(table[column], errors="coerce").dropna()
    return float(values.median()) if len(values) else None


def _reasons(column: pd.Series, n_shown: int = 8) -> list[tuple[str, int]]:
    counts = Counter(
        part.strip() for text in column.dropna().astype(str) for part in text.split(";") if part.strip()
    )
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:n_shown]


def _distinct(table: pd.DataFrame, column: str) -> str:
    if column not in table.columns:
        return ""
    return ", ".join(sorted(table[column].dropna().astype(str).unique()))


def _strongest(table: pd.DataFrame, log10p: np.ndarray) -> str:
    if not np.isfinite(log10p).any():
        return ""
    row = table.iloc[int(np.nanargmax(log10p))]
    return f"{row['contig']}:{row['position']}, p = {p_value(row['log10p'])}"
